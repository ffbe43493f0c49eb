import pytest
from support.guest_tree import Unreadable, guest_tree

from imgtool.guest.cloud_init import config as module
from imgtool.guest.cloud_init.config import read_cloud_config
from imgtool.guest.filesystems.base import GuestReadError

CFG = "system_info:\n  distro: debian\n  default_user:\n    name: debian\n    shell: /bin/bash\n"
D = "/etc/cloud/cloud.cfg.d"


def test_nothing_said():
    found = read_cloud_config(guest_tree({"/etc/cloud/cloud.cfg": "users: [default]\n"}))
    assert (found.datasources, found.default_user) == (None, None)


def test_the_default_user():
    found = read_cloud_config(guest_tree({"/etc/cloud/cloud.cfg": CFG})).default_user
    assert (found.value, found.evidence) == ("debian", "/etc/cloud/cloud.cfg: default_user: name: debian")


def test_a_later_file_replaces_the_list():
    files = {
        "/etc/cloud/cloud.cfg": CFG + "datasource_list: [Ec2]\n",
        f"{D}/90_dpkg.cfg": "datasource_list: [ NoCloud, ConfigDrive, OpenStack, None ]\n",
        f"{D}/05_first.cfg": "datasource_list: [Azure]\n",
        f"{D}/99_other.cfg": "system_info: {default_user: {name: cloud}}\n",
        f"{D}/99_no.txt": "datasource_list: [GCE]\n",
    }
    found = read_cloud_config(guest_tree(files))
    assert found.datasources.value == ("NoCloud", "ConfigDrive", "OpenStack", "None")
    assert found.datasources.evidence.startswith(f"{D}/90_dpkg.cfg: datasource_list: ")
    assert found.default_user.value == "cloud"


@pytest.mark.parametrize("content", [Unreadable(), "x" * (module.MAX_FILE_BYTES + 1)], ids=["io", "size"])
def test_a_file_that_cannot_be_read_could_have_said_it(content):
    with pytest.raises(GuestReadError):
        read_cloud_config(guest_tree({"/etc/cloud/cloud.cfg": CFG, f"{D}/x.cfg": content}))


def test_too_many_files_are_an_error(monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(GuestReadError, match="more than 2 files"):
        read_cloud_config(guest_tree({f"{D}/{n}.cfg": "" for n in range(3)}))


def test_what_grows_the_root():
    files = {
        "/etc/cloud/cloud.cfg": "cloud_init_modules: [a, [growpart, always], resizefs]\n"
        "resize_rootfs: true\n",
        f"{D}/1.cfg": "growpart: {mode: off}\n",
    }
    found = read_cloud_config(guest_tree(files))
    assert set(found.modules.value) == {"a", "growpart", "resizefs"}
    assert (found.get("growpart", "mode"), found.where("growpart", "mode")) == (False, f"{D}/1.cfg")
    assert found.get("resize_rootfs") is True
    nothing = read_cloud_config(guest_tree({}))
    assert (nothing.modules, nothing.has("growpart"), nothing.get("resize_rootfs")) == (None, False, None)
