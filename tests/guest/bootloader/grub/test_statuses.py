"""What commands return, as GRUB 2.06 for BIOS did in a virtual machine where the same lines were run."""

import pytest
from support.grub import GOOD, run_config

HEAD = "search --no-floppy --label root --set=root\n"
TREE = {"d/f": "content\n"}


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("ls /none", 0),
        ("cat /none", 5),
        ("sleep x", 0),
        ("sleep", 18),
        ("password", 18),
        ("password a b", 0),
        ("legacy_source /none", 5),
        ("insmod none", 0),
        ("devicetree /none", 0),
        ("multiboot", 18),
        ("chainloader /none", 5),
        ("initrd /d/f", 18),
        ("linux /none", 5),
        ("linux", 18),
        ("linux /d/f", 21),
        ("boot", 22),
        ("regexp '(' ab", 1),
        ("regexp --set=x:v '(.)b' ab", 18),
        ("test 010 -eq 8 -a 0x10 -eq 16", 0),
        ("test /d/f -nt /none", 0),
        ("[ v-2 -plt v-11 ]", 0),
        ("shift", 0),
        ("return", 18),
        ("setparams a", 17),
        ("save_env", 18),
        ("load_env -f /d/f", 4),
        ("search --no-floppy --fs-uuid --set=x 1234-5678", 5),
    ],
)
def test_what_a_command_returns(command: str, status: int) -> None:
    start = f"menuentry x {{\n linux /boot/vmlinuz-{GOOD} status=$status\n}}\n"
    run = run_config(f"{HEAD}set timeout=0\n{command}\nset status=$?\nexport status\n{start}", TREE)
    assert run.booted is not None, run.reason
    assert run.booted.entry.options == f"status={status}"


@pytest.mark.parametrize(("group", "value"), [("", "ab"), ("1", "a"), ("9", "")])
def test_a_group_without_a_number_is_the_whole_match(group: str, value: str) -> None:
    start = f"menuentry x {{\n linux /boot/vmlinuz-{GOOD} v=$v\n}}\n"
    run = run_config(f"{HEAD}set timeout=0\nregexp --set={group}:v '(.)b' ab\nexport v\n{start}")
    assert run.booted is not None, run.reason
    assert run.booted.entry.options == f"v={value}"


@pytest.mark.parametrize("last", ["initrd /boot/gone", "linux /boot/gone"])
def test_a_kernel_that_is_not_there_leaves_the_one_before(last: str) -> None:
    """`initrd` belongs to the last `linux`: after one that failed there is none to add it to."""
    body = f" linux /boot/vmlinuz-{GOOD} first\n {last}\n"
    run = run_config(f"{HEAD}set timeout=0\nmenuentry x {{\n{body} initrd /boot/initrd.img-{GOOD}\n}}\n")
    assert run.booted is not None, run.reason
    assert run.booted.entry.options == "first"
    assert bool(run.booted.initrds) is (last.startswith("initrd"))
