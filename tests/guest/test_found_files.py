import pytest
from support.guest_tree import EMPTY_DIRECTORY, Link, guest_tree

from imgtool.guest import found_files as module
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.found_files import find_files

TREE = guest_tree(
    {
        "/root/.aws/credentials": "x",
        "/home/a/.ssh/id_rsa": "x",
        "/home/a/.ssh/id_ed25519": "x",
        "/home/b/.ssh/authorized_keys": "x",
        "/home/b/.ssh/ID_DSA": "x",
        "/etc/dangling": Link("/gone"),
        "/srv/empty": EMPTY_DIRECTORY,
        "/bin": Link("usr/bin"),
        "/usr/bin/agent": "x",
        "/usr/loop": Link("/usr"),
    }
)


def found(*patterns: str) -> tuple[str, ...]:
    return find_files(TREE, patterns).value


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/root/.aws/credentials", ["/root/.aws/credentials"]),
        ("/root/.aws/config", []),
        ("/home/*/.ssh/id_*", ["/home/a/.ssh/id_ed25519", "/home/a/.ssh/id_rsa"]),
        ("/home/?/.ssh/[iI][dD]_[!e]*", ["/home/a/.ssh/id_rsa", "/home/b/.ssh/ID_DSA"]),
        ("/*/.aws", ["/root/.aws"]),
        ("/srv/empty", ["/srv/empty"]),
        ("/srv/empty/*", []),
        ("/root/.aws/credentials/x", []),
        ("/etc/dangling", ["/etc/dangling"]),
        ("/bin/agent", ["/bin/agent"]),
        ("/**/credentials", ["/root/.aws/credentials"]),
        ("/home/**", ["/home/a", "/home/a/.ssh", "/home/a/.ssh/id_ed25519", "/home/a/.ssh/id_rsa", "/home/b",
                      "/home/b/.ssh", "/home/b/.ssh/ID_DSA", "/home/b/.ssh/authorized_keys"]),
        ("/usr/**/agent", ["/usr/bin/agent"]),
    ],
)  # fmt: skip
def test_what_matches_is_found(pattern, paths):
    assert list(found(pattern)) == paths


def test_all_patterns_count_and_the_evidence_names_them():
    fact = find_files(TREE, ("/nothing", "/root/.aws"))
    assert fact.value == ("/root/.aws",)
    assert fact.evidence == "looked for /nothing, /root/.aws"


def test_a_search_has_an_end(monkeypatch):
    wide = guest_tree({f"/d/{number}": "" for number in range(module.MAX_FOUND + 5)})
    assert len(find_files(wide, ["/d/*"]).value) == module.MAX_FOUND
    monkeypatch.setattr(module, "MAX_LOOKED_AT", 10)
    with pytest.raises(GuestReadError, match="10 names"):
        find_files(wide, ["/d/x*"])


def test_a_bottomless_tree_is_an_error_and_no_crash():
    deep = guest_tree({"/d" * 500 + "/x": ""})
    with pytest.raises(GuestReadError, match="deep"):
        find_files(deep, ["/**/x"])


def test_a_name_that_is_no_text_can_be_printed():
    assert find_files(guest_tree({"/d/\x1b[2J": ""}), ["/d/*"]).value == ("/d/\\x1b[2J",)


WINDOWS = guest_tree(
    {
        "/Users/a/.ssh/id_rsa": "x",
        "/Users/a/.ssh/ID_DSA": "x",
        "/Users/All Users": Link("/ProgramData"),
        "/ProgramData/agent/key.pem": "x",
        "/Documents and Settings": Link("/Users"),
    }
)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/users/*/.SSH/Id_*", []),  # in NTFS it is found: a name without wildcards is for the file system
        ("/Users/*/.s[Ss]h/Id_*", ["/Users/a/.ssh/ID_DSA", "/Users/a/.ssh/id_rsa"]),
        ("/*/*/.ssh/id_rsa", ["/Users/a/.ssh/id_rsa"]),
        ("/*/*/key.pem", ["/ProgramData/agent/key.pem"]),
        ("/**/*.PEM", ["/ProgramData/agent/key.pem"]),
        ("/Documents and Settings", ["/Documents and Settings"]),
        ("/D*", ["/Documents and Settings"]),
    ],
)
def test_what_matches_on_windows(pattern, paths):
    assert list(find_files(WINDOWS, [pattern], windows=True).value) == paths


def test_a_path_through_a_junction_is_no_answer():
    with pytest.raises(GuestReadError, match="/Documents and Settings is a link"):
        find_files(WINDOWS, ["/Documents and Settings/a"], windows=True)
