import pytest
from support.guest_tree import guest_tree

from imgtool.guest.modprobe import what_prevents


def prevents(text: str, options: str = "") -> str | None:
    return what_prevents(guest_tree({"/etc/modprobe.d/x.conf": text}), "virtio_console", options)


@pytest.mark.parametrize(
    "line",
    [
        "blacklist virtio_console",
        "blacklist virtio-console  # no",
        "install virtio_console /bin/false",
        "install virtio_console /usr/bin/true",
        "\tblacklist\tvirtio_console",
    ],
)
def test_a_module_is_prevented(line):
    assert prevents(f"# comment\n{line}\n").startswith("/etc/modprobe.d/x.conf: ")


@pytest.mark.parametrize(
    "line",
    [
        "# blacklist virtio_console",
        "blacklist virtio_blk",
        "options virtio_console x=1",
        "install virtio_console /sbin/modprobe --ignore-install virtio_console",
        "install virtio_console",
        "",
    ],
)
def test_a_module_is_not_prevented(line):
    assert prevents(line) is None


@pytest.mark.parametrize("option", ["modprobe.blacklist=a,virtio-console", "module_blacklist=virtio_console"])
def test_the_kernel_command_line_prevents(option):
    assert prevents("", f"ro {option} quiet") == f"kernel command line: {option}"
    assert prevents("", "modprobe.blacklist=nouveau rd.driver.blacklist=virtio_console") is None


def test_a_file_in_etc_replaces_the_vendor_s_of_that_name():
    files = {"/usr/lib/modprobe.d/x.conf": "blacklist virtio_console", "/etc/modprobe.d/x.conf": ""}
    assert what_prevents(guest_tree(files), "virtio_console", "") is None


def test_only_conf_files_count():
    assert (
        what_prevents(guest_tree({"/etc/modprobe.d/x": "blacklist virtio_console"}), "virtio_console", "")
        is None
    )
