"""What goes behind the guest's initramfs is an archive for cpio, and a program for a shell."""

import subprocess
from pathlib import Path

from imgtool.fix.initrd import ALIGNMENT, FIRST_PROGRAM, alone, appended, padding

MODULES = [b"\x7fELF" + bytes(99), b"b"]
UNPACK = ["cpio", "--extract", "--make-directories", "--quiet"]


def test_cpio_unpacks_it(tmp_path: Path) -> None:
    subprocess.run(UNPACK, input=appended(MODULES), cwd=tmp_path, check=True)
    program = tmp_path / FIRST_PROGRAM[1:]
    assert program.stat().st_mode & 0o777 == 0o755
    subprocess.run(["dash", "-n", program], check=True)
    text = program.read_text()
    assert text.index("/imgtool/0.ko") < text.index("/imgtool/1.ko") < text.index("exec /init")
    assert [(tmp_path / f"imgtool/{number}.ko").read_bytes() for number in (0, 1)] == MODULES


def test_one_that_stands_alone_mounts_the_root_by_itself(tmp_path: Path) -> None:
    content = alone(MODULES, {"/bin/sh": b"sh", "/lib64/ld.so": b"ld"}, "/dev/vda2", "btrfs", "subvol=@")
    subprocess.run(UNPACK, input=content, cwd=tmp_path, check=True)
    made = sorted(one.name for one in tmp_path.iterdir())
    assert made == ["bin", "dev", "imgtool", "lib64", "proc", "root", "run", "sys"]
    assert (tmp_path / "bin/sh").read_bytes() == b"sh"
    program = tmp_path / FIRST_PROGRAM[1:]
    subprocess.run(["dash", "-n", program], check=True)
    assert "mount -t btrfs -o subvol=@ /dev/vda2 /root\n" in program.read_text()


def test_it_begins_at_a_boundary() -> None:
    assert [len(padding(size)) for size in (0, 1, ALIGNMENT - 1, ALIGNMENT)] == [0, ALIGNMENT - 1, 1, 0]
