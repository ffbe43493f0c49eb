"""Values that are not known before the machine runs, inside of strings.

A character that no file can hold stands for the part that is not known: bytes that are not UTF-8 become other
surrogates. It goes wherever the string goes, and nothing can be decided by a string that has it.
"""

from imgtool.guest.bootloader.grub.errors import Err, GrubError, Undecided

UNKNOWN = "\udbff"
SPACES = " \t\r\n"
"""What grub_isspace takes for a blank."""
_DIGITS = {character: value for value, character in enumerate("0123456789abcdefghijklmnopqrstuvwxyz")}
_LIMIT = 1 << 64


def decoded(content: bytes) -> str:
    """Bytes of a file as text, as GRUB's scanner sees them: one character at least for each."""
    return content.decode("utf-8", "surrogateescape")


def known(value: str, what: str) -> str:
    """`value`, if all of it is known. Raises Undecided."""
    if UNKNOWN in value:
        raise Undecided(f"{what} depends on what only the running machine knows")
    return value


def c_number(text: str, base: int = 0) -> tuple[int, str]:
    """The number at the start, as grub_strtoull reads it, and what follows.

    Raises GrubError where there is none, or where it is too large.
    """
    rest = text.lstrip(SPACES)
    base, rest = _base(rest, base)
    number, count = 0, 0
    for character in rest:
        digit = _DIGITS.get(character.lower(), base)
        if digit >= base:
            break
        number, count = number * base + digit, count + 1
        if number >= _LIMIT:
            raise GrubError(Err.OUT_OF_RANGE, "overflow is detected")
    if not count:
        raise GrubError(Err.BAD_NUMBER, "unrecognized number")
    return number, rest[count:]


def _base(text: str, base: int) -> tuple[int, str]:
    if text.startswith("0x") and base in {0, 16}:
        return 16, text[2:]
    if base == 0 and text[:1] == "0" and text[1:2] in tuple("01234567"):
        return 8, text
    return base or 10, text


def signed(text: str) -> int:
    """Read a number as `test -eq` does: 0 if there is none, cut to 32 bits if it is too long."""
    return as_int(-unsigned(text[1:]) if text.startswith("-") else unsigned(text))


def unsigned(text: str) -> int:
    """Read a number as grub_strtoul does when its errors are ignored."""
    try:
        return c_number(text)[0]
    except GrubError as error:
        return _LIMIT - 1 if error.number == Err.OUT_OF_RANGE else 0


def as_int(number: int) -> int:
    """What is left of a number in an `int` of C."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)
