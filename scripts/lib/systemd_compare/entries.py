"""The order of systemd-boot's menu: `bootctl list` on two directories, and imgtool."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.boot_disks import device, esp_with, layout, start, systemd_boot
from support.loader_variations import Menu, marks
from support.memory_filesystem import Content

from imgtool.guest.bootloader.systemd_boot import run_systemd_boot

ESP, XBOOTLDR = "/mnt", "/srv"
"""Where the two are for bootctl: each has to be the top of a file system."""
_COPY = f'cp -r "$1/esp/." {ESP} && cp -r "$1/boot/." {XBOOTLDR} && shift && exec "$@"'


def by_systemd(menu: Menu, folder: Path) -> str:
    """One letter an entry, in the order of bootctl."""
    for name, files in zip(("esp", "boot"), menu, strict=True):
        _lay(folder / name, files)
    sandbox = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", ESP, "--tmpfs", XBOOTLDR, "--proc", "/proc"]
    relaxed = ["--setenv", "SYSTEMD_RELAX_ESP_CHECKS", "1", "--setenv", "SYSTEMD_RELAX_XBOOTLDR_CHECKS", "1"]
    bootctl = ["bootctl", "list", "--json=short", f"--esp-path={ESP}", f"--boot-path={XBOOTLDR}"]
    command = [*sandbox, *relaxed, "sh", "-c", _COPY, "sh", str(folder), *bootctl]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    entries = [one for item in listed for one in (item if isinstance(item, list) else [item])]
    return marks([one["options"] for one in entries if "mark=" in one.get("options", "")])


def in_names(order: str, menu: Menu) -> list[str]:
    """The files in that order, without their boot counters: no rule orders those of one name."""
    by_mark: dict[str, str] = {}
    for path, content in (item for files in menu for item in files.items()):
        found = re.search(rb"mark=(\d+)", content) if isinstance(content, bytes) else None
        if found is not None:
            by_mark[found[1].decode()] = re.sub(r"\+\d+(-\d+)?(?=\.)", "", path)
    return [by_mark[mark] for mark in order]


def _lay(top: Path, files: Mapping[str, Content]) -> None:
    top.mkdir()
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())


def by_imgtool(menu: Menu) -> str:
    """One letter an entry, in the order of systemd-boot as imgtool follows it."""
    on_esp, on_boot = menu
    devices = [esp_with(on_esp, systemd_boot()), device(2, "xbootldr", "vfat", on_boot)]
    found = run_systemd_boot(start("systemd-boot", devices[0]), devices, layout(devices))
    return marks([entry.options for entry in found.entries])
