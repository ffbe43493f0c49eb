"""Text as the shell of ds-identify reads it: lines, words, arrays."""

from collections.abc import Iterator


def shell_lines(text: str) -> Iterator[str]:
    """The lines of `while read line`: blanks at both ends gone, a backslash keeps the next character.

    A last line without its newline is not seen.
    """
    whole, newline, _ = text.rpartition("\n")
    if not newline:
        return
    pending: list[str] = []
    for line in whole.split("\n"):
        if _ends_in_escape(line):
            pending.append(line[:-1])
            continue
        joined = "".join([*pending, line])
        pending = []
        yield _without_backslashes(joined.strip(" \t"))


def _ends_in_escape(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _without_backslashes(text: str) -> str:
    if "\\" not in text:
        return text
    kept: list[str] = []
    characters = iter(text)
    for character in characters:
        kept.append(next(characters, "") if character == "\\" else character)
    return "".join(kept)


def parse_array(value: str) -> list[str]:
    """The words of a one-line array as the script takes it: brackets or none, split at commas."""
    inner = value.removeprefix("[").removesuffix("]")
    words: list[str] = []
    for token in inner.split(","):
        word = " ".join(token.split())
        if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]:
            word = word[1:-1]
        words += word.split()
    return words
