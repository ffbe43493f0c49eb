"""Values of a module's parameters: what the kernel takes by lib/kstrtox.c, and what it refuses."""

import pytest
from support.guest_tree import Content, guest_tree
from support.kmod import DIRECTORY, VERSION, modules

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import find_kernels
from imgtool.guest.kmod.parameters import parameter_types, refused_value
from imgtool.guest.late_modules import read_late_modules
from imgtool.model.facts import Known

INFO = b"\0parm=napi_tx:on or off\0parmtype=napi_tx:bool\0parmtype=napi_weight:int\0\0parmtype=depth:uint\0"


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        ("bool", "x x=1 x=0 x=y x=N x=on x=off", "x=maybe x=2 x= x=-1 x=o"),
        ("invbool", "x=yes", "x=x"),
        (
            "int",
            "x=1 x=-1 x=+7 x=0x10 x=010 x=2147483647 x=-2147483648",
            "x x= x=lots x=1k x=08 x=2147483648",
        ),
        ("uint", "x=0 x=4294967295 x=+1", "x=-1 x=4294967296 x=1.5"),
        ("ushort", "x=65535", "x=65536"),
        ("byte", "x=0xff", "x=256"),
        ("charp", "x=a x=", "x"),
        ("array of int", "x=1,2", ""),
    ],
)
def test_values(kind: str, taken: str, refused: str) -> None:
    for word in taken.split():
        assert refused_value(parse_command_line(word).kernel, {"x": kind}) is None, word
    for word in refused.split():
        assert refused_value(parse_command_line(word).kernel, {"x": kind}) is not None, word
    assert refused_value(parse_command_line("y=?").kernel, {"x": kind}) is None


def test_types() -> None:
    assert parameter_types(INFO) == {"napi_tx": "bool", "napi_weight": "int", "depth": "uint"}


@pytest.mark.parametrize(
    ("extra", "options", "loaded"),
    [
        ({"/etc/modprobe.d/x.conf": "options virtio_net napi_tx=0\n"}, "", True),
        ({"/etc/modprobe.d/x.conf": "options virtio-net napi_tx=maybe\n"}, "", False),
        ({"/etc/modprobe.d/x.conf": "options virtio_net napi-weight=many\n"}, "", False),
        ({"/etc/modprobe.d/x.conf": "options virtio_net nosuch=maybe\n"}, "", True),
        ({"/etc/modprobe.d/x.conf": "options virtio_blk napi_tx=maybe\n"}, "", True),
        ({}, "virtio_net.napi_tx=maybe", False),
        ({}, "virtio-net.napi_tx=no", True),
        ({}, "napi_tx=maybe virtio_net=napi_tx", True),
    ],
)
def test_the_module_is_not_loaded(extra: dict[str, Content], options: str, loaded: bool) -> None:
    files: dict[str, Content] = {**modules("virtio", "virtio_ring", "virtio_net"), **extra}
    path = f"{DIRECTORY}/kernel/virtio_net.ko"
    module = files[path]
    assert isinstance(module, bytes)
    files[path] = module[:128] + INFO + module[128 + len(INFO) :]
    tree = guest_tree({**files, "/usr/lib/systemd/systemd-udevd": "x", f"/boot/vmlinuz-{VERSION}": "x"})
    (kernel,) = find_kernels(tree)
    found = read_late_modules(tree, kernel, parse_command_line(options))["virtio_net"]
    assert isinstance(found, Known)
    assert found.value is loaded
