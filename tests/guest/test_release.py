"""Which distribution a system is, with os-release and before it."""

import pytest
from support.guest_tree import guest_tree

from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.release import Release, read_release, shell_assignments


@pytest.mark.parametrize(
    ("files", "name", "version"),
    [
        (
            {"/etc/redhat-release": "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n"},
            "rhel",
            "6.10",
        ),
        ({"/etc/redhat-release": "CentOS release 6.9 (Final)\n", "/etc/issue": "x"}, "centos", "6.9"),
        ({"/etc/redhat-release": "Fedora release 14 (Laughlin)\n"}, "fedora", "14"),
        (
            {
                "/etc/redhat-release": "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n",
                "/etc/oracle-release": "Oracle Linux Server release 6.10\n",
            },
            "ol",
            "6.10",
        ),
        (
            {"/etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n"},
            "sles",
            "11.4",
        ),
        ({"/etc/SuSE-release": "SUSE Linux Enterprise Server 11 (x86_64)\nPATCHLEVEL = 0\n"}, "sles", "11"),
        ({"/etc/SuSE-release": "openSUSE 11.4 (x86_64)\nVERSION = 11.4\n"}, "opensuse", "11.4"),
        (
            {
                "/etc/lsb-release": 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION="U"\n',
                "/etc/debian_version": "squeeze/sid\n",
                "/etc/issue": "Ubuntu 10.04.4 LTS \\n \\l\n",
            },
            "ubuntu",
            "10.04",
        ),
        ({"/etc/debian_version": "6.0.10\n"}, "debian", "6"),
        ({"/etc/debian_version": "wheezy/sid\n"}, "debian", None),
        ({"/etc/issue": "\nUbuntu 8.04 \\n \\l\n"}, "ubuntu", "8.04"),
        ({"/etc/system-release": "Amazon Linux AMI release 2012.03\n"}, "amzn", "2012.03"),
        ({"/etc/redhat-release": "", "/etc/issue": "Debian GNU/Linux 5.0 \\n \\l"}, "debian", "5.0"),
        ({"/etc/os-release": "ID=x\nVERSION_ID='2'\n", "/etc/redhat-release": "CentOS release 6"}, "x", "2"),
        ({"/etc/os-release": "NAME=x\n", "/usr/lib/os-release": "ID=y\n"}, None, None),
        ({"/usr/lib/os-release": "ID=y\n"}, "y", None),
    ],
)
def test_the_distribution(files: dict[str, str], name: str | None, version: str | None) -> None:
    found = read_release(guest_tree(files))
    assert (found.identifier, found.version) == (name, version)


@pytest.mark.parametrize("files", [{}, {"/etc/issue": "Welcome 7\n"}, {"/etc/redhat-release": "x" * 9000}])
def test_no_file_says_it(files: dict[str, str]) -> None:
    with pytest.raises(GuestReadError, match="neither /etc/os-release nor /usr/lib/os-release is there"):
        read_release(guest_tree(files))


def test_what_a_guest_wrote_is_printable() -> None:
    tree = guest_tree({"/etc/lsb-release": "DISTRIB_ID=a\x1b[2J\nDISTRIB_RELEASE=1\n"})
    assert read_release(tree) == Release("/etc/lsb-release", "a\\x1b[2j", "1")


def test_shell_assignments():
    text = "A=1\n B='two words' # why\nexport C=\"3\"\n# D=4\nnot an assignment\nE\nF==\n"
    assert shell_assignments(text) == {"A": "1", "B": "two words", "C": "3", "F": "="}
