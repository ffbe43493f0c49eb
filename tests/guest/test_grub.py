import pytest

from imgtool.guest import grub
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.grub import all_entries, parse_environment, parse_grub_cfg, select

CFG = """
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
else
   set default="0"
fi
function savedefault {
  set default="wrong"
}
if [ x = x ]; then echo one line; fi
menuentry 'Debian' --class os $menuentry_id_option 'simple' {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/boot/vmlinuz-6.1.0-41 root=UUID=1 ro  quiet
	initrd	/boot/initrd.img-6.1.0-41
}
submenu 'Advanced > more' --id 'advanced' {
	menuentry 'Debian, with Linux 6.1.0-41' --id 'id-41' {
		linux16 /boot/vmlinuz-6.1.0-41
		initrd16 /boot/ucode.img /boot/initrd.img-6.1.0-41
	}
	menuentry 'Debian, with Linux 5.10' --id 'id-5' {
		if [ "${initrdfail}" = 1 ]; then
			linuxefi /boot/vmlinuz-5.10 second
			initrdefi /boot/initrd.img-5.10
		else
			linux /boot/vmlinuz-5.10 first
		fi
	}
}
menuentry 'UEFI Firmware Settings' --id 'uefi-firmware' {
	fwsetup
}
"""


@pytest.fixture(scope="module")
def menu():
    return parse_grub_cfg(CFG, "/boot/grub/grub.cfg")


def test_entries(menu):
    first, second, third = all_entries(menu.items)
    assert (first.name, first.linux, first.options) == (
        "simple",
        "/boot/vmlinuz-6.1.0-41",
        "root=UUID=1 ro quiet",
    )
    assert second.initrds == ("/boot/ucode.img", "/boot/initrd.img-6.1.0-41")
    assert (third.linux, third.initrds) == ("/boot/vmlinuz-5.10", ("/boot/initrd.img-5.10",))


def test_the_default_is_the_one_that_is_not_for_one_boot_only(menu):
    assert menu.default == "0"
    assert menu.honours_next_entry
    assert menu.bls_position is None


@pytest.mark.parametrize(
    ("default", "title"),
    [
        ("0", "Debian"),
        ("simple", "Debian"),
        ("Debian", "Debian"),
        ("1", "Debian, with Linux 6.1.0-41"),
        ("1>1", "Debian, with Linux 5.10"),
        ("advanced>id-5", "Debian, with Linux 5.10"),
        ("Advanced >> more>Debian, with Linux 5.10", "Debian, with Linux 5.10"),
        ("2", "UEFI Firmware Settings"),
    ],
)
def test_select(menu, default, title):
    assert select(menu.items, default).title == title


@pytest.mark.parametrize(
    "default", ["3", "1>9", "nothing", "", "0>0", "id-5", "1>nothing", ">", "99999999999"]
)
def test_a_default_that_names_no_entry(menu, default):
    assert select(menu.items, default) is None


def test_an_assignment_outside_of_any_if_wins():
    text = 'if true; then\nset default="1"\nfi\nset default="2"\nif true\nthen\nset default="3"\nfi\n'
    assert parse_grub_cfg(text, "x").default == "2"


def test_of_assignments_in_branches_the_first_counts():
    """Fedora's grub.cfg sets 1 in a later branch, to go back after failed boots."""
    text = 'if a; then\nset default="${next_entry}"\nelse\nset default="${saved_entry}"\nfi\n'
    text += "if b; then\nif c; then\nset default=1\nfi\nfi\n"
    assert parse_grub_cfg(text, "x").default == "${saved_entry}"


def test_where_bls_entries_belong():
    text = "menuentry 'first' {\n linux /a\n}\nblscfg\nmenuentry 'last' {\n linux /b\n}\n"
    assert parse_grub_cfg(text, "x").bls_position == 1


def test_environment():
    text = "# GRUB Environment Block\nsaved_entry=a b>c\nkernelopts=root=/dev/x ro\nx=a\\\\b\n" + "#" * 900
    expected = {"saved_entry": "a b>c", "kernelopts": "root=/dev/x ro", "x": "a\\b"}
    assert parse_environment(text) == expected


def test_too_many_entries_are_an_error():
    with pytest.raises(GuestReadError, match="more than 1000 entries"):
        parse_grub_cfg("menuentry 'x' {\n}\n" * (grub.MAX_ENTRIES + 1), "/boot/grub/grub.cfg")


def test_menus_in_menus_without_end_are_an_error():
    with pytest.raises(GuestReadError, match="too deep"):
        parse_grub_cfg("submenu 'x' {\n" * 50, "/boot/grub/grub.cfg")


@pytest.mark.parametrize(
    "text",
    [
        "}\n}\n}",
        "menuentry 'unbalanced {\nlinux /x\n}",
        "linux /outside\ninitrd /outside",
        "menuentry 'x' {\n initrd /before\n linux\n}",
        "set\nset default\nfi\nif\nmenuentry {\n}",
        "menuentry 'x' {\nlinux /" + "y" * 100_000 + "\n}",
    ],
)
def test_nonsense_is_survived(text):
    assert all(entry.linux for entry in all_entries(parse_grub_cfg(text, "x").items))
