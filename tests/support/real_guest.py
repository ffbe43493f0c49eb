"""A copy of a real image with its root mounted: edited for one case, judged, and put back.

A copy a case would take a second and 400 MiB each; mounting needs root.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from support.cli import imgtool

SECTOR = 512
UNPACK = ("cpio", "--extract", "--quiet", "--make-directories", "--preserve-modification-time")
SET_ASIDE = ".before"
"""A directory of the edited file system: a rename into it keeps owner, mode and content."""


def run(*command: str | Path) -> str:
    """What a program prints; it must succeed."""
    return filtered(b"", *command).decode()


def filtered(content: bytes, *command: str | Path, cwd: Path | None = None) -> bytes:
    """What a program makes of these bytes."""
    return subprocess.run(command, check=True, capture_output=True, input=content, cwd=cwd).stdout


@dataclass
class EditedTree:
    """Files below a directory: each change is kept, to be undone."""

    top: Path
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def __truediv__(self, path: str) -> Path:
        """The file itself, never one of this machine that an absolute link leads to."""
        place = self.top / path
        assert place.parent.resolve().is_relative_to(self.top), f"{path} leads out of the guest"
        return place

    def put(self, path: str, content: str | bytes = "", mode: int = 0o644) -> None:
        """A file with this content, in place of what was there."""
        place = self._vacated(path)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        place.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._vacated(path).symlink_to(target)

    def directory(self, path: str) -> None:
        """An empty directory, in place of what was there."""
        self._vacated(path).mkdir()

    def copy(self, old: str, new: str) -> None:
        """A file or directory of this tree at another place as well."""
        source, place = self / old, self._vacated(new)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True)
        else:
            shutil.copy2(source, place)

    def move(self, old: str, new: str) -> None:
        """A file or directory, elsewhere."""
        self.copy(old, new)
        self.remove(old)

    def change(self, path: str, old: str, new: str) -> None:
        """Other words in a file."""
        text = (self / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        self.put(path, text.replace(old, new), (self / path).stat().st_mode & 0o7777)

    def append(self, path: str, more: str) -> None:
        """More lines of a file, which is made where it is not there."""
        place = self / path
        self.put(path, (place.read_text() if place.is_file() else "") + more)

    def chmod(self, path: str, mode: int) -> None:
        """Another mode."""
        place = self / path
        old = place.stat().st_mode & 0o7777
        self._undo.append(lambda: place.chmod(old))
        place.chmod(mode)

    def remove(self, *patterns: str) -> None:
        """Files and directories, by names or patterns; each has to be there."""
        for pattern in patterns:
            found = sorted(self.top.glob(pattern)) or [self.top / pattern]
            for place in found:
                self._set_aside(place)

    @property
    def edited(self) -> bool:
        """Whether there is something to be undone."""
        return bool(self._undo)

    def undo(self) -> None:
        """All changes, the last one first."""
        while self._undo:
            self._undo.pop()()

    def _vacated(self, path: str) -> Path:
        place = self / path
        if place.is_symlink() or place.exists():
            self._set_aside(place)
        missing = [one for one in (place.parent, *place.parent.parents) if not one.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        self._undo.extend(one.rmdir for one in reversed(missing))
        self._undo.append(lambda: _delete(place))
        return place

    def _set_aside(self, place: Path) -> None:
        aside = self.top / SET_ASIDE / str(len(self._undo))
        aside.parent.mkdir(exist_ok=True)
        place.rename(aside)
        self._undo.append(lambda: aside.rename(place))


def _delete(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()


@dataclass(frozen=True)
class Verdict:
    """What `imgtool check` says of an image."""

    status: int
    findings: dict[str, dict[str, str]]
    """What did not pass, by check."""

    def failed(self, severity: str = "error") -> set[str]:
        """The checks of this severity that failed or do not know."""
        return {name for name, one in self.findings.items() if one["severity"] == severity}


@dataclass
class RealGuest:
    """A copy of an image: the root mounted, the ESP's files beside it."""

    image: Path
    root: EditedTree
    esp: EditedTree
    esp_place: "Partition | None"
    """None where the disk has none."""
    _esp_before: bytes | None = None

    @property
    def kernel(self) -> str:
        """Its kernel's version."""
        (found,) = (self.root.top / "boot").glob("vmlinuz-*")
        return found.name.removeprefix("vmlinuz-")

    @property
    def initrd(self) -> str:
        """Its initramfs' name."""
        return f"boot/initrd.img-{self.kernel}"

    @cached_property
    def initramfs(self) -> EditedTree:
        """The files of its initramfs, unpacked once."""
        top = self.image.with_name("initramfs")
        top.mkdir()
        filtered(filtered((self.root / self.initrd).read_bytes(), "zstd", "-dc"), *UNPACK, cwd=top)
        return EditedTree(top.resolve())

    def archive(self, form: str = "newc", *find: str) -> bytes:
        """The files of its initramfs as cpio of that form: all of them, or what `find FIND` prints."""
        command = ("find", *(find or (".", "-path", f"./{SET_ASIDE}", "-prune", "-o", "-print")))
        names = filtered(b"", *command, cwd=self.initramfs.top)
        return filtered(names, "cpio", "--create", "--quiet", "--format", form, cwd=self.initramfs.top)

    def write_esp(self) -> None:
        """Puts the ESP's files on the disk, where one was changed."""
        if self.esp.edited and self.esp_place is not None:
            if self._esp_before is None:  # what is undone are all writes since then
                self._esp_before = self.esp_place.read(self.image)
            self.esp_place.write(self.image, _fat(self.esp.top, self._esp_before))

    def judged(self) -> Verdict:
        """By the command line; the file systems are as after a shutdown while it reads."""
        self.write_esp()
        run("mount", "-o", "remount,ro", self.root.top)
        try:
            done = imgtool("check", self.image, "--output", "json")
        finally:
            run("mount", "-o", "remount,rw", self.root.top)
        (result,) = json.loads(done.stdout)["results"]
        passed = {"pass", "skipped"}
        findings = {one["check"]: one for one in result["findings"] if one["outcome"] not in passed}
        return Verdict(done.returncode, findings)

    def undo(self) -> None:
        """It is as it was."""
        self.root.undo()
        if "initramfs" in self.__dict__:
            self.initramfs.undo()
        self.esp.undo()
        if self._esp_before is not None and self.esp_place is not None:
            self.esp_place.write(self.image, self._esp_before)
            self._esp_before = None


@contextmanager
def real_guest(image: Path, folder: Path, esp: int = 1, root: int = 2) -> Iterator[RealGuest]:
    """A copy of the image in the folder, and there its root, mounted, and the ESP's files."""
    copy = folder / "guest.raw"
    run("cp", "--sparse=always", image, copy)
    copy.chmod(0o644)
    with opened_guest(copy, folder, esp, root) as guest:
        yield guest
    copy.unlink()


@contextmanager
def opened_guest(image: Path, folder: Path, esp: int | None, root: int) -> Iterator[RealGuest]:
    """This very image: in the folder its root, mounted, and the files of the ESP, if it has one."""
    files = folder / "esp"
    files.mkdir()
    place = Partition.of(image, esp) if esp is not None else None
    if place is not None:
        volume = f"{image}@@{place.start}"
        if run("mdir", "-b", "-i", volume, "::").strip():
            run("mcopy", "-s", "-m", "-i", volume, "::*", files)
    with mounted(image, root, folder / "root") as top:
        yield RealGuest(image, EditedTree(top), EditedTree(files.resolve()), place)


@dataclass(frozen=True)
class Partition:
    """Where it is on the disk, in bytes."""

    start: int
    size: int

    @classmethod
    def of(cls, image: Path, number: int) -> "Partition":
        """By its number."""
        columns = ("--output", "START,SECTORS")
        shown = run("partx", "--raw", "--noheadings", *columns, "--nr", str(number), image)
        start, sectors = (int(word) * SECTOR for word in shown.split())
        return cls(start, sectors)

    def read(self, image: Path) -> bytes:
        """All of it."""
        with image.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def write(self, image: Path, content: bytes) -> None:
        """All of it."""
        assert len(content) == self.size
        with image.open("r+b") as file:
            file.seek(self.start)
            file.write(content)


def _fat(tree: Path, like: bytes) -> bytes:
    """A FAT of the same size, identifier and label, with these files."""
    made = tree.with_suffix(".fat")
    made.write_bytes(like)
    known = run("blkid", "-p", "-o", "export", made)
    names = dict(line.split("=", 1) for line in known.splitlines())
    made.write_bytes(bytes(len(like)))
    run("mkfs.vfat", "-i", names["UUID"].replace("-", ""), "-n", names["LABEL"], made)
    files = [one for one in tree.iterdir() if one.name != SET_ASIDE]
    run("mcopy", "-s", "-i", made, *files, "::")
    return made.read_bytes()


@contextmanager
def mounted(image: Path, number: int, place: Path) -> Iterator[Path]:
    """A partition of the image, for as long as the block lasts."""
    where = Partition.of(image, number)
    place.mkdir(exist_ok=True)
    run("mount", "-o", f"loop,offset={where.start},sizelimit={where.size}", image, place)
    try:
        yield place.resolve()
    finally:
        run("mount", "-o", "remount,ro", place)  # written, also where another namespace has it
        run("umount", place)
