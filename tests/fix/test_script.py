"""The machine's script is one that shells take; what its console shows is read, whatever stands between."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import facts

from imgtool.fix import script
from imgtool.fix.repairs import REPAIRS
from imgtool.model.facts import Known
from imgtool.model.fix import Repair
from imgtool.model.verdict import Finding, Outcome, Severity

NONCE = "0123456789abcdef"
LINUX = facts.linux(
    pinned_macs=Known(("/etc/a b",), "seen"),
    secrets=Known(("/etc/shadow: password hash of root", "/root/.bash_history: shell history"), "seen"),
    user_space=facts.user_space(identity=Known(("/etc/nvme/hostid",), "seen")),
)


def repair_of(check: str) -> Repair:
    found = REPAIRS[check](LINUX, Finding(check, Outcome.FAIL, Severity.ERROR, "", "/etc/fstab: /dev/sda1"))
    assert isinstance(found, Repair)
    return found


ALL = [repair_of(check) for check in REPAIRS]


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("repair", ALL, ids=lambda one: one.checks[0])
def test_a_shell_reads_each_script(shell: str, repair: Repair, tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_bytes(script.script([repair], NONCE))
    subprocess.run([shell, "-n", file], check=True)


def test_all_of_them_have_room() -> None:
    assert len(script.script(ALL, NONCE)) == script.SCRIPT_BYTES
    with pytest.raises(ValueError, match="longer"):
        script.script([Repair(("x",), "x", "true\n" * script.SCRIPT_BYTES)], NONCE)


FSTAB = """\
# /dev/sda1 in a comment
/dev/sda2 /      ext4 errors=remount-ro 0 1
UUID=1234 /boot  ext4 defaults 0 2
/dev/nvme0n1p3\tnone swap sw 0 0
/dev/sdb1 /data  xfs nofail 0 0
"""


def test_fstab_names_the_partitions_of_the_first_disk_by_their_uuid(tmp_path: Path) -> None:
    file = tmp_path / "fstab"
    file.write_text(FSTAB)
    program = 'disk=/dev/vda\nmount() { true; }\nblkid() { echo "uuid-of-$5"; }\n' + repair_of(
        "fstab-stable"
    ).script.replace("/etc/fstab", f"{file}")
    subprocess.run(["dash", "-c", program], check=True)
    assert file.read_text() == (
        FSTAB.replace("/dev/sda2 ", "UUID=uuid-of-/dev/vda2 ").replace(
            "/dev/nvme0n1p3", "UUID=uuid-of-/dev/vda3"
        )
    )
    assert list(tmp_path.iterdir()) == [file]


def said(*lines: str, count: int = 2) -> script.Said:
    return script.Reader(NONCE, count).take(lines)


def test_what_the_console_shows_is_read() -> None:
    mark = f"@imgtool:{NONCE}"
    lines = (
        f"# {script.start_line(NONCE)}", f"{mark}:ready", f"{mark}:begin:0", "one", "\x1b[31mtwo",
        f"three{mark}:end:0:0", f"{mark}:begin:1", "four",
    )  # fmt: skip
    found = said(*lines)
    assert (found.ready, found.ended, found.current) == (True, False, 1)
    assert found.statuses == (0, None)
    assert found.outputs[0][0] == "one"
    assert found.outputs[0][-1] == "three"
    assert "\x1b" not in "".join(found.outputs[0])
    found = said(*lines, f"{mark}:end:1:2", f"{mark}:clean", f"{mark}:end")
    assert (found.ended, found.clean, found.statuses) == (True, True, (0, 2))


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_its_disk_is_found_by_what_is_on_it(shell: str, tmp_path: Path) -> None:
    content = script.script([], NONCE).replace(b"if [ -e /etc", b"echo ran; exit\nif [ -e /etc", 1)
    for name, disk in {"sda": b"\0" * 9999, "sdb": content, "vda": b"mark=@imgtool:other\necho no\n"}.items():
        (tmp_path / name).write_bytes(disk)
    line = script.start_line(NONCE).replace("/dev/", f"{tmp_path}/")
    done = subprocess.run([shell, "-c", line], check=False, capture_output=True, text=True)
    assert done.stdout == "ran\n"


def test_a_repair_is_told_which_disk_is_which(tmp_path: Path) -> None:
    packages = f"{script.label(NONCE)}\0more".encode()
    for name, disk in {"sda": packages, "sdb": script.script([], NONCE), "vdc": b"\xeb\x63\n"}.items():
        (tmp_path / name).write_bytes(disk)
    text = script.script([], NONCE).decode()
    found = text[text.index("disk= ") : text.index("mount -t tmpfs")].replace("/dev/[", f"{tmp_path}/[")
    program = f'mark={script.label(NONCE)}\n{found}echo "$disk $packages"'
    done = subprocess.run(["dash", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == f"{tmp_path}/vdc {tmp_path}/sda\n"


def test_a_bar_that_writes_over_itself_shows_its_end() -> None:
    found = said(f"@imgtool:{NONCE}:begin:0", "5%\r50%\r100%\r")
    assert found.outputs[0] == ("100%",)


def test_only_who_knows_the_nonce_is_believed() -> None:
    assert said("@imgtool:guess:ready", "@imgtool:guess:end:0:0") == said()


@given(st.lists(st.text(alphabet=f"@imgtool:{NONCE}begndly019\n", max_size=60), max_size=20))
def test_no_line_is_too_odd(lines: list[str]) -> None:
    mark = f"@imgtool:{NONCE}:"
    shown = [line.replace("@", mark) for line in lines]
    found = script.Reader(NONCE, 2).take(shown)
    assert len(found.statuses) == 2
    reader = script.Reader(NONCE, 2)
    one_by_one = [reader.take([line]) for line in shown]
    assert one_by_one[-1:] in ([], [found])
