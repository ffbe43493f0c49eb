"""The sandbox: a process that reads what others wrote, and can do nothing else.

    job.py      Job: what can be asked for, the types of question and answer, the limits (setrlimit(2))
    kernel.py   prctl(2), Landlock and seccomp(2), by ctypes
    seccomp.py  the system calls that are left, as a table and as a filter; program_calls.py: QEMU's
    become.py   a program that a child of the server becomes, in the same confinement
    launch.py   the same for one that runs beside imgtool
    confine.py  all of that, in the order in which it has to be done
    protocol.py pieces of a conversation, each with a kind and a length
    modules.py  code that is imported late: asked of imgtool, not opened
    child.py    the process in the sandbox
    server.py   the process that sandboxes are forked from: a kind of util/fork_server.py
    handle.py   imgtool's side of the server: start it, end it
    forked.py   a process that the server forked: begin it, end it
    client.py   imgtool's side of a sandbox: ask, wait, judge how it ended
    probe.py    what the sandbox really keeps from a process here, for `imgtool doctor`

A sandbox is a fork, which takes some milliseconds, where a new interpreter would take some hundred. It is
forked from a server that was itself forked before any thread ran and before any password was read, and that
never reads a byte of an image. A sandbox gets an open descriptor, no name; it answers one question, in JSON
of known types, and ends. Whatever else it does, it fails: an answer that is not of its type is no answer.

Nothing that a sandbox sends changes what comes after it. imgtool keeps its answer and, of the modules that it
asked for, those on a list that was made of files; the server hears nothing from it, and shares with it no
memory, no file that can be written to, and no way to send a signal.
"""

from imgtool.sandbox.client import ask
from imgtool.sandbox.handle import is_running, running, start, stop
from imgtool.sandbox.job import Job, Limits, SandboxFailedError

__all__ = ["Job", "Limits", "SandboxFailedError", "ask", "is_running", "running", "start", "stop"]
