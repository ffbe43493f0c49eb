"""Configuration that gunicorn reads: one worker with threads, gone as soon as its parent is.

Source: https://docs.gunicorn.org/en/stable/settings.html and prctl(2).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

workers = 1
threads = 8
worker_class = "gthread"
timeout = 120
graceful_timeout = 1
# Clients that ask every two seconds must not meet the default's end of their connection, after two seconds.
keepalive = 75
control_socket_disable = True


def _die_with(parent):
    """The kernel kills this process when `parent` ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


_die_with(int(os.environ["DEVCLOUD_SUPERVISOR"]))


def post_fork(server, worker):
    """In the worker. Keystone reads sys.argv as if it were its own: leave it nothing to misread."""
    _die_with(worker.ppid)
    sys.argv = sys.argv[:1]
    let_writers_wait()


def let_writers_wait():
    """SQLite: a transaction that reads first and then writes fails at once where another one writes.

    oslo.db begins each by BEGIN. By BEGIN IMMEDIATE it waits for its turn, as on a server's database.
    Source: https://www.sqlite.org/lang_transaction.html
    """
    from sqlalchemy import event  # noqa: PLC0415 - only there where it is needed
    from sqlalchemy.engine import Engine  # noqa: PLC0415 - the same

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def immediately(_connection, _cursor, statement, parameters, _context, _many):
        return "BEGIN IMMEDIATE" if statement == "BEGIN" else statement, parameters
