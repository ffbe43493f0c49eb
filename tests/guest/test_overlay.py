"""Two directories as one, the upper in front."""

import pytest
from support.memory_filesystem import Link, memory_root

from imgtool.guest.filesystems.base import GuestReadError, Kind
from imgtool.guest.overlay import OverlayNode
from imgtool.guest.tree import GuestTree

UPPER = memory_root(
    {"both": "upper", "d/own": "1", "d/both": "upper", "was-directory": "file", "link": Link("both")}
)
LOWER = memory_root(
    {"both": "lower", "d/other": "2", "d/both": "lower", "was-directory/x": "", "below/y": "3"}
)


def test_the_upper_one_counts_and_directories_are_merged() -> None:
    tree = GuestTree({"/": OverlayNode(UPPER, LOWER)})
    assert tree.names("/") == ("below", "both", "d", "link", "was-directory")
    assert tree.names("/d") == ("both", "other", "own")
    read = {path: tree.read_text(path) for path in ("/both", "/link", "/d/both", "/d/other", "/below/y")}
    assert read == {"/both": "upper", "/link": "upper", "/d/both": "upper", "/d/other": "2", "/below/y": "3"}
    assert tree.is_file("/was-directory")
    assert not tree.exists("/was-directory/x")
    assert not tree.exists("/none")
    assert sorted(tree.walk("/"))[:2] == ["/below/y", "/both"]


def test_it_is_a_directory() -> None:
    node = OverlayNode(UPPER, LOWER)
    assert node.kind is Kind.DIRECTORY
    for refused in (node.open, node.link_target):
        with pytest.raises(GuestReadError):
            refused()
