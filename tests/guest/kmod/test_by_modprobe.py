"""Which modules modprobe.d and the command line keep from being loaded: as modprobe itself says."""

import pytest
from support.guest_tree import Content, guest_tree
from support.kmod import VERSION, modules
from support.real_modprobe import RealModprobe

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import find_kernels
from imgtool.guest.kmod.config import read_modprobe_config
from imgtool.guest.kmod.load import DEVICE_ALIASES, LoadRules, ModuleLoader

MODULE = "virtio_console"
FILES = modules("virtio", "virtio_ring", "virtio_net", MODULE)
KERNEL: dict[str, Content] = {**FILES, f"/boot/vmlinuz-{VERSION}": "x"}
Places = dict[str, str]


@pytest.fixture(scope="module")
def modprobe(tmp_path_factory: pytest.TempPathFactory) -> RealModprobe:
    return RealModprobe(tmp_path_factory.mktemp("modprobe"), FILES)


def loader(files: Places, options: str) -> ModuleLoader:
    tree = guest_tree({**KERNEL, **files})
    (kernel,) = find_kernels(tree)
    rules = LoadRules(
        is_builtin=lambda name: name in kernel.builtin,
        config=read_modprobe_config(tree),
        line=parse_command_line(options),
    )
    return ModuleLoader(tree, kernel.directory, rules)


def etc(text: str, name: str = "a.conf") -> Places:
    return {f"/etc/modprobe.d/{name}": text}


BLACKLIST = "blacklist virtio_console\n"
ALIAS = DEVICE_ALIASES[MODULE]


@pytest.mark.parametrize(
    "files",
    [
        {},
        etc(BLACKLIST),
        etc(BLACKLIST, "a.alias"),
        etc(BLACKLIST, "a.conf~"),
        etc(BLACKLIST, "A.CONF"),
        etc(BLACKLIST, ".conf"),
        etc(BLACKLIST, "sub.d/a.conf"),
        {**etc("x", "a.conf/x"), "/usr/lib/modprobe.d/a.conf": BLACKLIST},
        {**etc(""), "/usr/lib/modprobe.d/a.conf": BLACKLIST},
        {**etc(""), "/run/modprobe.d/a.conf": BLACKLIST},
        {"/run/modprobe.d/a.conf": "", "/usr/lib/modprobe.d/a.conf": BLACKLIST},
        {"/run/modprobe.d/a.conf": BLACKLIST, "/usr/lib/modprobe.d/a.conf": ""},
        {"/usr/local/lib/modprobe.d/a.conf": BLACKLIST},
        {"/etc/modprobe.conf": BLACKLIST},
        etc("blacklist virtio-console\n"),
        etc("blacklist virtio_console\r\n"),
        etc("install virtio_console\r\n"),
        etc("install virtio_console \r\n"),
        etc("alias virtio_console \r\n"),
        etc("\vblacklist virtio_console\n"),
        etc("blacklist\u00a0virtio_console\n"),
        etc("blacklist virtio_console # as told\n"),
        etc("blacklist # virtio_console\n"),
        etc("blacklist virtio_net virtio_console\n"),
        etc("blacklist virtio_net,virtio_console\n"),
        etc("blacklist virtio_console.ko\n"),
        etc("blacklist virtio*\n"),
        etc("blacklist virtio_ring\n"),
        etc("blacklist VIRTIO_CONSOLE\n"),
        etc("\0blacklist virtio_console\n"),
        etc("include /etc/x.conf\n") | {"/etc/x.conf": BLACKLIST},
        etc("alias virtio:d00000003v* off\n"),
        etc("alias virtio:* virtio_net\nalias virtio:* virtio_console # both\n"),
        etc("alias virtio_console off\n"),
        etc("alias virtio-c* virtio_net\n"),
        etc("alias virtio_console virtio_console\n"),
        etc("install virtio-console /bin/false\n"),
        etc("install virtio?console /bin/false\n"),
        etc("install virtio_* /bin/false\n"),
        etc(f"install {ALIAS} /bin/true\n"),
        etc("install virtio:* /bin/false\n"),
        etc("remove virtio_console /bin/false\n"),
        etc("softdep virtio_console pre: nothere\nsoftdep virtio_net post: virtio_console\n"),
        etc("options virtio_console x=1\n"),
    ],
)
@pytest.mark.parametrize("name", [ALIAS, MODULE])
def test_by_modprobe_d(modprobe: RealModprobe, name: str, files: Places) -> None:
    mine = loader(files, "")
    obstacle = mine.name_obstacle(MODULE, blacklists=True) if name == MODULE else mine.device_obstacle(MODULE)
    assert modprobe.loads(name, MODULE, files) == (obstacle is None), obstacle


@pytest.mark.parametrize(
    "options",
    [
        "modprobe.blacklist=virtio_console",
        "modprobe.blacklist=virtio-console",
        'modprobe.blacklist="virtio_console,x"',
        'modprobe.blacklist="x,virtio_console,y"',
        '"modprobe.blacklist=virtio_console,x"',
        "-- modprobe.blacklist=virtio_console",
        "modprobe.blacklist=x, virtio_console",
        "modprobe.blacklist=virtio_console modprobe.blacklist=x",
        "modprobe_blacklist=virtio_console",
        "Modprobe.blacklist=virtio_console",
        "modprobe.blacklist=virtio_ring",
    ],
)
def test_by_the_command_line(modprobe: RealModprobe, options: str) -> None:
    obstacle = loader({}, options).device_obstacle(MODULE)
    assert modprobe.loads(ALIAS, MODULE, {}, options) == (obstacle is None), obstacle
