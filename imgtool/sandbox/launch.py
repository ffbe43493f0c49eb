"""A script: confines itself, then becomes another program, which stays as it is confined (programs.py).

It is given as its arguments: the seccomp filter in hexadecimal, or `-`; the rules of kernel.confine_program;
`--`; the program by its path, and its arguments. For QEMU, which runs beside imgtool for long: a program that
is waited for comes from the server (sandbox/become.py), which takes a fifth of the time.

Python starts it with -I and -S, without the package around it: an interpreter is ready after 10 ms so, and
after 100 with all that imgtool needs.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING or __name__ != "__main__":
    from imgtool.sandbox import kernel
else:
    sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120 - pathlib takes as long as all the rest
    kernel = __import__("kernel")

STATUS_NOT_CONFINED = 125
"""What env(1) and others of its kind end with where they fail themselves."""


def main(arguments: list[str]) -> None:
    """Confine, and become the program. What fails is said on stderr; the program does not run then."""
    end = arguments.index("--")
    try:
        filtering = b"" if arguments[0] == "-" else bytes.fromhex(arguments[0])
        kernel.confine_program(filtering, arguments[1:end])
        os.execv(arguments[end + 1], arguments[end + 1 :])  # noqa: S606 - its arguments are a list
    except OSError as error:
        tell_not_confined(error)
        os._exit(STATUS_NOT_CONFINED)


def tell_not_confined(error: Exception) -> None:
    """Say on stderr why the program does not run."""
    os.write(2, f"it was not started, as it cannot be confined: {error}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
