import pytest
from support.guest_tree import Link, guest_tree

from imgtool.guest.systemd import mask_of, unit_file, unit_settings, wants_link

UNIT = "a.service"
FILE = {"/usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/a\n"}


@pytest.mark.parametrize(
    "mask", [Link("/dev/null"), Link("../../../dev/null"), Link("/dev/../dev/null"), ""], ids=repr
)
def test_masked(mask):
    tree = guest_tree(FILE | {"/etc/systemd/system/a.service": mask})
    assert mask_of(tree, UNIT) == "/etc/systemd/system/a.service"


@pytest.mark.parametrize(
    "files", [{}, FILE, FILE | {"/etc/systemd/system/a.service": Link("/usr/lib/systemd/system/a.service")}]
)
def test_not_masked(files):
    assert mask_of(guest_tree(files), UNIT) is None


def test_the_first_file_of_a_name_counts():
    tree = guest_tree(FILE | {"/etc/systemd/system/a.service": "[Service]\n"})
    assert unit_file(tree, UNIT) == "/etc/systemd/system/a.service"
    assert unit_file(guest_tree(FILE), UNIT) == "/usr/lib/systemd/system/a.service"
    assert unit_file(guest_tree({}), UNIT) is None


def test_units_are_found_through_a_merged_usr():
    files = {"/lib": Link("usr/lib"), "/usr/lib/systemd/system/a.service": "x"}
    assert unit_file(guest_tree(files), UNIT) == "/usr/lib/systemd/system/a.service"


def test_wants_and_requires_links_even_where_their_target_is_gone():
    wants = {"/etc/systemd/system/multi-user.target.wants/a.service": Link("/gone")}
    requires = {"/usr/lib/systemd/system/x.target.requires/a.service": Link("../a.service")}
    assert wants_link(guest_tree(wants), UNIT, ["multi-user.target"]) == next(iter(wants))
    assert wants_link(guest_tree(requires), UNIT, ["x.target"]) == next(iter(requires))
    assert wants_link(guest_tree(wants), UNIT, ["x.target"]) is None


def test_a_wants_link_to_dev_null_takes_the_vendor_s_back():
    files = {"/etc/systemd/system/x.target.wants/a.service": Link("/dev/null")}
    assert wants_link(guest_tree(files), UNIT, ["x.target"]) is None


def test_settings_of_the_unit_and_then_of_its_drop_ins():
    files = FILE | {
        "/usr/lib/systemd/system/a.service.d/20.conf": "[Service]\nExecStart=/hidden\n",
        "/etc/systemd/system/a.service.d/20.conf": "[Service]\nExecStart=\nExecStart=/bin/b \\\n --more\n",
        "/usr/lib/systemd/system/a.service.d/10.conf": "#X=1\nEnvironment=A=1\n",
        "/etc/systemd/system/a.service.d/readme": "ExecStart=/no",
    }
    assert [(key, value) for _, key, value in unit_settings(guest_tree(files), UNIT)] == [
        ("ExecStart", "/bin/a"),
        ("Environment", "A=1"),
        ("ExecStart", ""),
        ("ExecStart", "/bin/b   --more"),
    ]
