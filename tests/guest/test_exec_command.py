"""What a systemd service really starts."""

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.exec_command import commands_of, located, scripted, starting
from imgtool.guest.systemd.environment_file import environment_file

BASE = "A=1"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("# A=1\n;B=2\nC=3", {"C": "3"}),
        ("A=one two  \n", {"A": "one two"}),
        ('A="one  two"  \n', {"A": "one  two"}),
        ("A='x\ny'\nB=1\n", {"A": "x\ny", "B": "1"}),
        ('A="a\\"b\\$c\\n"\n', {"A": 'a"b$c\\n'}),
        ("A=x\\\ny\n", {"A": "xy"}),
        ("A=it's\n", {"A": "it's"}),
        ("A='x'y\n", {"A": "xy"}),
        ("A=\nB=1\n", {"A": "", "B": "1"}),
        ("export A=1\n1A=2\nno line\nB =3\n", {"B": "3"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=b # no comment\n", {"A": "b # no comment"}),
        ('A="open', {"A": "open"}),
    ],
)
def test_a_file_of_variables(text: str, found: dict[str, str]) -> None:
    assert environment_file(text) == found


def words(exec_start: str, *more: tuple[str, str], files: dict[str, str] | None = None) -> list[list[str]]:
    settings = [("unit", "ExecStart", exec_start), *(("unit", key, value) for key, value in more)]
    found = commands_of(guest_tree(files or {}), settings, r"virtio\x2dports-x")
    return [[word for word, _ in command.words] for command in found]


@pytest.mark.parametrize(
    ("exec_start", "more", "expected"),
    [
        ("-/bin/a -b 'c d'", (), [["/bin/a", "-b", "c d"]]),
        ("@/bin/a zero one", (), [["/bin/a", "one"]]),
        ("/bin/a ; /bin/b \\\\;", (), [["/bin/a"], ["/bin/b", ";"]]),
        ("/bin/a $X ${X} y$X", (("Environment", '"X=1 2"'),), [["/bin/a", "1", "2", "1 2", "y$X"]]),
        ("/bin/a $NONE ${NONE} $$X", (), [["/bin/a", "", "$X"]]),
        (":/bin/a $X", (("Environment", "X=1"),), [["/bin/a", "$X"]]),
        ("/bin/a %i %I %%", (), [["/bin/a", r"virtio\x2dports-x", "virtio-ports/x", "%"]]),
        ("/bin/a $X", (("Environment", "X=1"), ("UnsetEnvironment", "X")), [["/bin/a"]]),
        ("/bin/a $X", (("Environment", "X=1"), ("Environment", "")), [["/bin/a"]]),
        ("/bin/a", (("ExecStart", ""), ("ExecStart", "/bin/b")), [["/bin/b"]]),
    ],
)
def test_the_words(exec_start: str, more: tuple[tuple[str, str], ...], expected: list[list[str]]) -> None:
    assert words(exec_start, *more) == expected


def test_a_later_file_of_variables_wins_over_environment() -> None:
    more = (("EnvironmentFile", "-/etc/1"), ("EnvironmentFile", "-/etc/2"), ("Environment", "X=0"))
    files = {"/etc/1": "X=1\n", "/etc/2": "X=2\n"}
    assert words("/bin/a ${X}", *more, files=files) == [["/bin/a", "2"]]
    assert words("/bin/a ${X}", *more, ("EnvironmentFile", ""), files=files) == [["/bin/a", "0"]]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("/usr/sbin/p -x", "/usr/sbin/p -x"),
        ("/usr/bin/env A=1 nice -n 5 p -x", "p -x"),
        ("/bin/sh -c 'exec p -x'", "p -x"),
        ("/bin/bash -ec 'cd /; A=1 p -x && true'", "p -x"),
        ("/bin/sh -c 'p -x >/dev/null # p -y'", "p -x > /dev/null"),
        ("/bin/sh -c 'echo p'", None),
        ("/bin/sh /usr/local/bin/script p", None),
        ("/bin/true p", None),
    ],
)
def test_the_program_behind_others(command: str, found: str | None) -> None:
    (one,) = commands_of(guest_tree({}), [("unit", "ExecStart", command)])
    started = starting(one, "p")
    assert (None if started is None else started.shown) == found


def test_a_script_of_lines() -> None:
    script = "#!/bin/sh\n# p -a\nif true; then p -b; fi\nA=1 p \\\n -c &\n"
    assert [" ".join(word for word, _ in one) for one in scripted(script, "x")][1:] == ["p -b", "fi", "p -c"]


def test_where_a_program_is_found() -> None:
    tree = guest_tree({"/usr/local/bin/p": "#!", "/usr/bin/p": "#!"})
    assert located(tree, "p") == "/usr/local/bin/p"
    assert located(tree, "/usr/sbin/p") is None
