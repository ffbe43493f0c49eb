"""A Btrfs in memory."""

from collections.abc import Mapping

from support.memory_filesystem import Content, memory_root

from imgtool.guest.filesystems.base import GuestReadError, Kind, Node
from imgtool.guest.filesystems.btrfs import BtrfsFilesystem


class MemoryBtrfs(BtrfsFilesystem):
    """Its subvolumes are the directories that `tree` names, in their order from number 256 on.

    `default` is the path of the default one.
    """

    def __init__(self, tree: Mapping[str, Content], default: str = "", uuid: str = "ROOT-uuid") -> None:
        self.type, self.label, self.uuid = "btrfs", None, uuid
        self._tree, self._default = tree, default

    def subvolumes(self) -> tuple[str, ...]:
        return tuple(path for path, content in self._tree.items() if isinstance(content, Mapping))

    def subvolume_by_id(self, number_of_subvolume: int) -> Node:
        paths = dict(enumerate(self.subvolumes(), 256))
        if number_of_subvolume not in paths:
            raise GuestReadError(f"btrfs has no subvolume {number_of_subvolume}")
        return self.root(paths[number_of_subvolume])

    def root(self, subvolume: str | None = None) -> Node:
        node: Node | None = memory_root(self._tree)
        for name in filter(None, (self._default if subvolume is None else subvolume).split("/")):
            node = node.child(name) if node is not None else None
        if node is None or node.kind is not Kind.DIRECTORY:
            raise GuestReadError(f"btrfs has no subvolume {subvolume}")
        return node
