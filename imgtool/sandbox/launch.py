"""A script: confines itself, then becomes another program, which stays as it is confined (programs.py).

It is given as its arguments: the seccomp filter in hexadecimal, or `-`; `FLAGS:PATH` for each file or folder
that may be opened, `FLAGS:@NUMBER` for each open descriptor whose file may be; `--`; the program by its path,
and its arguments. FLAGS are kernel.py's kinds of access, added up.

Python starts it with -I and -S, without the package around it: an interpreter is ready after 10 ms so, and
after 100 with all that imgtool needs.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
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
        _confine(arguments[0], arguments[1:end])
        os.execv(arguments[end + 1], arguments[end + 1 :])  # noqa: S606 - its arguments are a list
    except OSError as error:
        os.write(2, f"it was not started, as it cannot be confined: {error}\n".encode())
        os._exit(STATUS_NOT_CONFINED)


def _confine(program: str, rules: list[str]) -> None:
    kernel.forbid_new_privileges()
    kernel.drop_capabilities({kernel.CAP_DAC_OVERRIDE})
    if abi := kernel.landlock_abi():
        kernel.forbid_all_by_landlock(abi, [_opened(rule) for rule in rules])
    if program != "-":
        kernel.install_filter(bytes.fromhex(program))


def _opened(rule: str) -> tuple[int, int]:
    """A descriptor, for as long as this process is what it is, and what may be done with its file."""
    flags, _, name = rule.partition(":")
    descriptor = int(name[1:]) if name.startswith("@") else os.open(name, os.O_PATH | os.O_CLOEXEC)
    return descriptor, int(flags)


if __name__ == "__main__":
    main(sys.argv[1:])
