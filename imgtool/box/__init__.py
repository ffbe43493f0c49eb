"""The box: a process that reads what others wrote, and can do nothing else.

    job.py          Job: what can be asked for, the types of question and answer, the limits
    limits.py       setrlimit(2): memory, CPU time, files, processes
    kernel.py       prctl(2), Landlock and seccomp(2), by ctypes
    seccomp.py      the system calls that are left, as a table and as a filter
    confine.py      all of that, in the order in which it has to be done
    wire.py         frozen dataclasses -> JSON -> the same dataclasses, checked
    frames.py       pieces of a conversation, each with a kind and a length
    modules.py      code that is imported late: asked of imgtool, not opened
    descriptors.py  which files a forked process has
    child.py        the process in the box
    server.py       the process that boxes are forked from
    run.py          imgtool's side: ask, wait, judge how it ended
    probe.py        what the box really keeps from a process here, for `imgtool doctor`

A box is a fork, which takes some milliseconds, where a new interpreter would take some hundred. It is forked
from a server that was itself forked before any thread ran and before any password was read, and that never
reads a byte of an image. A box gets an open descriptor, no name; it answers one question, in JSON of known
types, and ends. Whatever else it does, it fails: an answer that is not of its type is no answer.
"""

from imgtool.box.job import BoxFailedError, Job
from imgtool.box.limits import Limits
from imgtool.box.run import ask, is_running, running, start, stop

__all__ = ["BoxFailedError", "Job", "Limits", "ask", "is_running", "running", "start", "stop"]
