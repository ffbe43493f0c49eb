"""Which drivers are loaded after the initramfs: by kmod's rules, from the guest's own files."""

import gzip
import lzma
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.guest_tree import Content, Link, guest_tree
from support.kmod import DIRECTORY, VERSION, elf_module, modules

from imgtool.guest.kernel_command_line import parse_command_line
from imgtool.guest.kernels import find_kernels
from imgtool.guest.kmod.files import SIGNATURE
from imgtool.guest.late_modules import read_late_modules
from imgtool.model.facts import Fact, Known, Unknown

Files = dict[str, Content]

NAMES = ("virtio", "virtio_ring", "virtio_pci", "virtio_net", "virtio_console", "virtio_balloon")
UDEV = {"/usr/lib/systemd/systemd-udevd": "x"}


def healthy(suffix: str = ".ko") -> Files:
    files: Files = {**modules(*NAMES, suffix=suffix), **UDEV}
    return {**files, f"/boot/vmlinuz-{VERSION}": "x"}


def late(files: Files, options: str = "") -> dict[str, Fact[bool]]:
    tree = guest_tree(files)
    (kernel,) = find_kernels(tree)
    return read_late_modules(tree, kernel, parse_command_line(options))


def verdicts(files: Files, options: str = "") -> tuple[bool | None, bool | None]:
    """Of the console and of the network; None where it is not known."""
    found = late(files, options)
    console, network = found.get("virtio_console"), found.get("virtio_net")
    return _value(console), _value(network)


def _value(fact: Fact[bool] | None) -> bool | None:
    return fact.value if isinstance(fact, Known) else None


def with_files(**changed: Content) -> Files:
    return {**healthy(), **{path.replace("__", "/"): content for path, content in changed.items()}}


def conf(text: str, path: str = "/etc/modprobe.d/x.conf") -> Files:
    return {**healthy(), path: text}


def without(*names: str) -> Files:
    return {path: content for path, content in healthy().items() if not path.endswith(names)}


def changed(name: str, change: Callable[[bytes], bytes]) -> Files:
    files = healthy()
    content = files[f"{DIRECTORY}/{name}"]
    assert isinstance(content, bytes)
    return {**files, f"{DIRECTORY}/{name}": change(content)}


NO_DEPMOD = ("modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin")
LOADED, GONE, UNKNOWN = True, False, None


@pytest.mark.parametrize(
    ("name", "files", "console", "network"),
    [
        ("healthy", healthy(), LOADED, LOADED),
        ("bl-conf", conf("blacklist virtio_console\n"), GONE, LOADED),
        ("bl-noconf", conf("blacklist virtio_console\n", "/etc/modprobe.d/x"), LOADED, LOADED),
        ("bl-hidden", conf("blacklist virtio_console\n", "/etc/modprobe.d/.x.conf"), LOADED, LOADED),
        ("bl-cont", conf("blacklist \\\nvirtio_console\n"), GONE, LOADED),
        ("bl-cont-in-name", conf("blacklist virtio_\\\nconsole\n"), GONE, LOADED),
        ("bl-cont-comment", conf("# no \\\nblacklist virtio_console\n"), LOADED, LOADED),
        ("bl-dash", conf("blacklist virtio-console\n"), GONE, LOADED),
        ("bl-tabs", conf("\tblacklist\tvirtio_console # as told\n"), GONE, LOADED),
        ("bl-no-newline", conf("blacklist virtio_console"), GONE, LOADED),
        ("bl-comment", conf("# blacklist virtio_console\n"), LOADED, LOADED),
        ("bl-upper", conf("Blacklist virtio_console\n"), LOADED, LOADED),
        ("bl-other", conf("blacklist virtio_blk\n"), LOADED, LOADED),
        ("bl-needed", conf("blacklist virtio\nblacklist virtio_ring\n"), LOADED, LOADED),
        ("bl-usr-lib", conf("blacklist virtio_console\n", "/usr/lib/modprobe.d/a.conf"), GONE, LOADED),
        ("bl-run", conf("blacklist virtio_console\n", "/run/modprobe.d/a.conf"), GONE, LOADED),
        (
            "bl-overridden",
            {**conf("", "/etc/modprobe.d/a.conf"), "/usr/lib/modprobe.d/a.conf": "blacklist virtio_console"},
            LOADED,
            LOADED,
        ),
        ("bl-net-install", conf("install virtio_net /bin/true\n"), LOADED, GONE),
        ("install-false", conf("install virtio-console /bin/false\n"), GONE, LOADED),
        ("install-needed", conf("install virtio_ring /bin/false\n"), GONE, GONE),
        ("install-pattern", conf("install virtio_* /bin/true\n"), GONE, GONE),
        ("install-nothing", conf("install virtio_net\n"), LOADED, LOADED),
        ("install-echo", conf("install virtio_net echo not here; exit 0\n"), LOADED, GONE),
        (
            "install-same",
            conf("install virtio_net /sbin/modprobe -i virtio-net $CMDLINE_OPTS\n"),
            LOADED,
            LOADED,
        ),
        ("install-other", conf("install virtio_net modprobe e1000\n"), LOADED, GONE),
        ("install-script", conf("install virtio_net /usr/local/bin/net\n"), LOADED, UNKNOWN),
        ("alias-off", conf("alias virtio:d00000003v* off\n"), GONE, LOADED),
        ("alias-same", conf("alias virtio:d00000003v* virtio-console\n"), LOADED, LOADED),
        ("options", conf("options virtio_net napi_tx=0\nsoftdep virtio_net pre: x\n"), LOADED, LOADED),
        ("no-moddep", without(*NO_DEPMOD), GONE, GONE),
        ("no-modalias", without("modules.alias", "modules.alias.bin"), GONE, GONE),
        ("no-modalias-bin", without("modules.alias.bin"), GONE, GONE),
        ("text-gone", without("modules.dep", "modules.alias"), LOADED, LOADED),
        ("dep-empty", changed("modules.dep.bin", lambda _: b""), GONE, GONE),
        ("dep-text-as-bin", changed("modules.dep.bin", lambda _: b"kernel/virtio.ko:\n"), GONE, GONE),
        ("mod-trunc", changed("kernel/virtio_console.ko", lambda data: data[:100]), GONE, LOADED),
        ("mod-one-byte-short", changed("kernel/virtio_console.ko", lambda data: data[:-1]), GONE, LOADED),
        (
            "mod-signed",
            changed("kernel/virtio_console.ko", lambda data: data + b"~Module signature"),
            LOADED,
            LOADED,
        ),
        ("mod-text", changed("kernel/virtio_console.ko", lambda _: b"not found\n" * 9), GONE, LOADED),
        ("needed-trunc", changed("kernel/virtio_ring.ko", lambda data: data[:70]), GONE, GONE),
        ("needed-gone", without("kernel/virtio_ring.ko"), GONE, GONE),
    ],
)
def test_after_the_initramfs(name: str, files: Files, *, console: bool | None, network: bool | None) -> None:
    assert verdicts(files) == (console, network), name


@pytest.mark.parametrize(
    ("options", "console", "network"),
    [
        ("modprobe.blacklist=virtio_console", GONE, LOADED),
        ("modprobe.blacklist=a,virtio_net modprobe.blacklist=b", LOADED, GONE),
        ("module_blacklist=virtio_net", LOADED, GONE),
        ("module_blacklist=virtio_net module_blacklist=e1000", LOADED, LOADED),
        ("module_blacklist=virtio-net", LOADED, LOADED),
        ("module_blacklist=virtio_ring", GONE, GONE),
        ("rd.driver.blacklist=virtio_net", LOADED, LOADED),
        ("initcall_blacklist=virtio_net_driver_init", LOADED, GONE),
        ("-- module_blacklist=virtio_net", LOADED, LOADED),
    ],
)
def test_by_the_command_line(options: str, *, console: bool | None, network: bool | None) -> None:
    assert verdicts(healthy(), options) == (console, network)


@pytest.mark.parametrize(
    ("extra", "options", "console"),
    [
        ({"/etc/modules-load.d/a.conf": "# x\nvirtio-console\n"}, "", LOADED),
        ({"/etc/modules": "virtio_console\n"}, "", LOADED),
        ({}, "modules_load=virtio_console", LOADED),
        ({"/etc/modules-load.d/a": "virtio_console\n"}, "", GONE),
        (
            {"/etc/modules": "virtio_console\n", "/etc/modprobe.d/x.conf": "blacklist virtio_console"},
            "",
            GONE,
        ),
    ],
)
def test_by_its_name_where_no_alias_is_known(extra: Files, options: str, *, console: bool) -> None:
    assert verdicts({**without("modules.alias.bin"), **extra}, options)[0] is console


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".ko.gz", gzip.compress), (".ko.xz", lzma.compress), (".ko", bytes)]
)
def test_packed_modules(suffix: str, pack: Callable[[bytes], bytes]) -> None:
    files = {
        path: pack(content) if path.endswith(suffix) and isinstance(content, bytes) else content
        for path, content in healthy(suffix).items()
    }
    assert verdicts(files) == (LOADED, LOADED)
    whole = pack(elf_module())
    for cut in (whole[: len(whole) // 2], b"", pack(elf_module()[:100])):
        assert verdicts({**files, f"{DIRECTORY}/kernel/virtio_net{suffix}": cut})[1] is (
            GONE if cut else None
        )


@pytest.mark.parametrize(
    ("magic", "loaded"),
    [
        (f"{VERSION} SMP preempt mod_unload ", True),
        (f"{VERSION} SMP preempt mod_unload modversions ", True),
        ("6.1.0-40-amd64 SMP preempt mod_unload ", False),
        ("6.1.0-40-amd64 SMP preempt mod_unload modversions ", True),
        ("6.1.0-40-amd64", False),
        ("", True),
    ],
)
def test_the_kernel_that_a_module_was_made_for(magic: str, *, loaded: bool) -> None:
    """kernel/module/main.c, same_magic: with versions of its symbols the first word does not count."""
    module = bytearray(elf_module(8192))
    said = f"\0license=GPL\0vermagic={magic}\0".encode()
    module[4000 : 4000 + len(said)] = said
    found = verdicts({**healthy(), f"{DIRECTORY}/kernel/virtio_net.ko": bytes(module)})[1]
    assert found is (LOADED if loaded else GONE)


CONFIG = f"/boot/config-{VERSION}"
SIGNED = "CONFIG_MODULE_SIG=y\nCONFIG_SECURITY_LOCKDOWN_LSM=y\n"


@pytest.mark.parametrize(
    ("options", "config", "asked"),
    [
        ("", SIGNED, False),
        ("module.sig_enforce", SIGNED, True),
        ("module.sig_enforce", None, True),
        ("module.sig-enforce=Y", SIGNED, True),
        ("module.sig_enforce=true", SIGNED, True),
        ("module.sig_enforce=0", SIGNED, False),
        ("module.sig_enforce=1", "CONFIG_MODULES=y\n", False),
        ("lockdown=integrity", SIGNED, True),
        ("lockdown=none", SIGNED, False),
        ("lockdown=integrity", "CONFIG_MODULE_SIG=y\n", False),
        ("", "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\n", True),
    ],
)
def test_a_signature_is_asked_for(options: str, config: str | None, *, asked: bool) -> None:
    files = {**healthy(), **({CONFIG: config} if config is not None else {})}
    assert verdicts(files, options) == ((GONE, GONE) if asked else (LOADED, LOADED))
    signed = {
        path: content + SIGNATURE if isinstance(content, bytes) and path.endswith(".ko") else content
        for path, content in files.items()
    }
    assert verdicts(signed, options) == (LOADED, LOADED)


def test_a_program_is_no_module() -> None:
    module = bytearray(elf_module())
    module[16] = 2
    assert verdicts({**healthy(), f"{DIRECTORY}/kernel/virtio_net.ko": bytes(module)})[1] is GONE


@pytest.mark.parametrize(
    ("machines", "loaded"),
    [((), True), (("x86_64",), True), (("aarch64",), False), (("i686", "x86_64"), True)],
)
def test_a_module_is_for_a_machine(machines: tuple[str, ...], *, loaded: bool) -> None:
    tree = guest_tree(healthy())
    (kernel,) = find_kernels(tree)
    kernel = replace(kernel, machines=frozenset(machines))
    found = read_late_modules(tree, kernel, parse_command_line(""))["virtio_net"]
    assert isinstance(found, Known)
    assert found.value is loaded
    assert loaded or "another machine" in found.evidence


@pytest.mark.parametrize(
    ("options", "loaded"),
    [
        ("nomodule", False),
        ("nomodule=1", False),
        ("nomodule=0", True),
        ("nomodule nomodule=n", True),
        ("nomodule nomodule=bogus", False),
        ("x.nomodule -- nomodule", True),
        ("sysctl.kernel.modules_disabled=1", False),
        ("sysctl/kernel/modules_disabled=1", False),
        ("sysctl.kernel.modules_disabled=0", True),
    ],
)
def test_a_kernel_that_loads_no_module(options: str, *, loaded: bool) -> None:
    assert verdicts(healthy(), options) == ((LOADED, LOADED) if loaded else (GONE, GONE))


ETC, VENDOR = "/etc/sysctl.d/50-x.conf", "/usr/lib/sysctl.d/50-x.conf"
FORBIDS = "kernel.modules_disabled = 1\n"


@pytest.mark.parametrize(
    ("files", "loaded"),
    [
        ({ETC: FORBIDS}, False),
        ({ETC: "-kernel/modules_disabled=1\n"}, False),
        ({ETC: "# kernel.modules_disabled=1\n;kernel.modules_disabled=1\n"}, True),
        ({ETC: "kernel.modules_disabled=0\n"}, True),
        ({VENDOR: FORBIDS}, False),
        ({VENDOR: FORBIDS, ETC: "vm.swappiness=1\n"}, True),
        ({VENDOR: FORBIDS, "/etc/sysctl.d/60-x.conf": "kernel.modules_disabled=0\n"}, True),
        ({"/etc/sysctl.d/x.txt": FORBIDS}, True),
        ({"/etc/sysctl.conf": FORBIDS}, True),
        ({"/etc/sysctl.conf": FORBIDS, "/etc/sysctl.d/99-sysctl.conf": Link("../sysctl.conf")}, False),
        ({ETC: FORBIDS, "/etc/systemd/system/systemd-sysctl.service": Link("/dev/null")}, True),
        ({ETC: FORBIDS, "/etc/modules-load.d/v.conf": "virtio_net\nvirtio_console\n"}, True),
    ],
)
def test_the_boot_forbids_to_load_modules(files: Files, *, loaded: bool) -> None:
    found = verdicts({**healthy(), "/usr/lib/systemd/systemd-sysctl": "x", **files})
    assert found == ((LOADED, LOADED) if loaded else (GONE, GONE))


def test_without_systemd_the_main_file_counts() -> None:
    assert verdicts({**healthy(), "/etc/sysctl.conf": FORBIDS}) == (GONE, GONE)


def test_a_name_that_promises_what_is_not_inside() -> None:
    assert verdicts(healthy(".ko.zst")) == (GONE, GONE)


def test_busybox_reads_the_text() -> None:
    bare = {path: content for path, content in healthy().items() if path not in UDEV}
    assert verdicts({path: text for path, text in bare.items() if not path.endswith(".bin")}) == (
        LOADED,
        LOADED,
    )
    assert verdicts({path: text for path, text in bare.items() if not path.endswith(".dep")}) == (GONE, GONE)


def test_builtin_drivers_need_no_file() -> None:
    files = {**healthy(), f"{DIRECTORY}/modules.builtin": "kernel/virtio_net.ko\nkernel/virtio_console.ko\n"}
    assert verdicts({**files, "/etc/modprobe.d/x.conf": "blacklist virtio_net"}) == (LOADED, LOADED)
    assert verdicts(files, "initcall_blacklist=virtio_console_init module_blacklist=virtio_net") == (
        GONE,
        LOADED,
    )


def test_the_reason_is_told() -> None:
    found = late(conf("blacklist virtio_console\n"))["virtio_console"]
    assert found == Known(value=False, evidence="/etc/modprobe.d/x.conf: blacklist virtio_console")
    found = late(changed("kernel/virtio_console.ko", lambda data: data[:100]))["virtio_console"]
    assert found == Known(
        value=False, evidence=f"{DIRECTORY}/kernel/virtio_console.ko is cut off: 100 of 512 bytes are there"
    )
    assert isinstance(late(conf("install virtio_net /opt/x\n"))["virtio_net"], Unknown)
