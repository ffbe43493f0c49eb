"""What happens when an entry comes back, and what its body makes of a mistake: seen with GRUB 2.06."""

import pytest
from support.grub import GOOD, KERNELS, Disk, run_config

TWO = "set timeout=0\nset fallback=1\n"
SECOND = f"menuentry second {{\n linux /boot/vmlinuz-{GOOD} two\n initrd /boot/initrd.img-{GOOD}\n}}\n"
HEAD = "search --no-floppy --label root --set=root\n"


@pytest.mark.parametrize(
    "last",
    ["initrd /boot/gone", "false", "nosuchcommand", "eval 'if true; fi'", "initrd /boot/gone; true"],
    ids=["no initrd", "a false test", "an unknown command", "a mistake", "a true test"],
)
def test_a_kernel_that_was_loaded_is_booted_whatever_came_after_it(last: str) -> None:
    """Booted under QEMU: `Press any key to continue...`, and then the kernel without an initramfs."""
    run = run_config(f"{HEAD}{TWO}menuentry first {{\n linux /boot/vmlinuz-{GOOD} one\n {last}\n}}\n{SECOND}")
    assert run.booted is not None
    assert (run.end, run.booted.entry.options, run.booted.initrds) == ("entry", "one", ())


@pytest.mark.parametrize(
    ("last", "booted"), [("initrd /boot/gone", "two"), ("false", "two"), ("eval 'if true; fi'", "one")]
)
def test_fedora_falls_back_where_the_last_command_failed(last: str, booted: str) -> None:
    config = f"{HEAD}{TWO}menuentry first {{\n linux /boot/vmlinuz-{GOOD} one\n {last}\n}}\n{SECOND}"
    files = {**KERNELS, "boot/grub/grub.cfg": config, "boot/grub/i386-pc/blscfg.mod": "module"}
    run = Disk(files).run()
    assert run.booted is not None
    assert run.booted.entry.options == booted


@pytest.mark.parametrize(
    ("head", "end", "reason"),
    [
        ("set timeout=0\nset fallback=1\n", "entry", ""),
        ("set timeout=0\n", "prompt", "goes back to its rescue prompt"),
        ("set timeout=5\n", "prompt", "goes back to its rescue prompt"),
        ("", "menu", "no timeout is set"),
    ],
    ids=["the fallback is tried", "no fallback", "after the time", "nobody starts it"],
)
def test_an_exit_in_an_entry_ends_the_menu_when_it_is_drawn_next(head: str, end: str, reason: str) -> None:
    run = run_config(f"{HEAD}{head}menuentry first {{ normal_exit; }}\n{SECOND}")
    assert run.end == end
    assert reason in run.reason


@pytest.mark.parametrize(
    ("timeout", "style", "end"),
    [("0", "menu", "entry"), ("3", "hidden", "entry"), ("3", "menu", "prompt"), ("-1", "menu", "prompt")],
)
def test_an_exit_before_the_menu_ends_it_where_it_would_be_drawn(timeout: str, style: str, end: str) -> None:
    run = run_config(f"{HEAD}normal_exit\nset timeout={timeout}\nset timeout_style={style}\n{SECOND}")
    assert run.end == end


def test_an_exit_in_a_menu_of_another_file_goes_on_behind_configfile() -> None:
    files = {"boot/grub/inner.cfg": "set timeout=0\nmenuentry x { normal_exit; }\n"}
    run = run_config(f"{HEAD}configfile /boot/grub/inner.cfg\nset timeout=0\n{SECOND}", files)
    assert run.booted is not None
    assert run.booted.entry.options == "two"


def test_a_second_exit_has_nothing_to_leave() -> None:
    config = f"{HEAD}normal_exit\nnormal_exit\nif [ $? = 18 ]; then set timeout=0; fi\n{SECOND}"
    assert run_config(config).end == "entry"


def test_a_user_is_asked_for_where_a_submenu_comes_back() -> None:
    config = (
        f"{HEAD}set timeout=0\nset superusers=root\nexport superusers\npassword root x\nset fallback=1\n"
        f"submenu s --unrestricted {{ menuentry t --unrestricted {{ true; }} }}\n"
    )
    run = run_config(config + SECOND.replace("second", "second --unrestricted"))
    assert run.end == "prompt"
    assert "asks for a user name" in run.reason


def test_a_block_is_the_last_argument_of_a_command_that_takes_none() -> None:
    config = (
        f'{HEAD}set timeout=0\nfunction f {{ set count=$#; set last="$2"; }}\nf one {{ true; }}\n'
        'if [ "$count$last" = "2{ true; }" ]; then set ok=yes; fi\n'
        f"menuentry x {{\n linux /boot/vmlinuz-{GOOD} $ok {{ linux; }}\n}}\n"
    )
    run = run_config(config)
    assert run.booted is not None
    assert run.booted.entry.options == 'yes "{ linux; }"'
