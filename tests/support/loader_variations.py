"""Menus of systemd-boot by the seed: the same seed gives the same menu, on every machine.

What systemd's own `bootctl list` (252) makes of them is recorded in test_systemd_boot_variations.py.
"""

import random
from collections.abc import Sequence

from support.kernel_images import bzimage
from support.memory_filesystem import Content
from support.unified_image import unified_image

NAMES = ("debian", "deb", "arch", "fedora", "zz", "0123abc")
VERSIONS = ("6.1.0-9", "6.1.0-40-amd64", "6.10.1", "6.2~rc1", "6.2", "6.2-1", "6.2.1", "6.2^1", "10", "6.1_x")
IN_NAMES = tuple(version for version in VERSIONS if not {"~", "^"} & set(version))
"""bootctl passes over files with other characters in their names, and tells capitals from small letters;
systemd-boot does neither."""
SORT_KEYS = ("debian", "arch", "Debian", "a", "zz", "linux-6")
MACHINES = ("1" * 32, "2" * 32)
BLANKS = (" ", "\t", "  ", " \t ")
Menu = tuple[dict[str, Content], dict[str, Content]]
"""What is on the ESP, and on XBOOTLDR."""


def variation(seed: int) -> Menu:
    """The menu of a seed."""
    chance = random.Random(seed)
    esp: dict[str, Content] = {"k/linux": bzimage()}
    boot: dict[str, Content] = {"k/linux": bzimage()}
    for number in range(chance.randint(2, 7)):
        place = esp if chance.random() < 0.75 else boot
        name, content = _unified(chance, number) if chance.random() < 0.3 else _text(chance, number)
        place[name] = content
    return esp, boot


def _name(chance: random.Random) -> str:
    name = f"{chance.choice(NAMES)}-{chance.choice(IN_NAMES)}"
    if chance.random() < 0.3:
        name += f"+{chance.choice((0, 0, 1, 3))}" + (
            f"-{chance.randint(0, 3)}" if chance.random() < 0.7 else ""
        )
    return name


def _text(chance: random.Random, number: int) -> tuple[str, bytes]:
    lines = [("title", f"Title {number}"), ("linux", "/k/linux"), ("options", f"mark={number}")]
    if chance.random() < 0.6:
        lines.append(("sort-key", chance.choice(SORT_KEYS)))
    if chance.random() < 0.6:
        lines.append(("version", chance.choice(VERSIONS)))
    if chance.random() < 0.5:
        lines.append(("machine-id", chance.choice(MACHINES)))
    if chance.random() < 0.2:
        lines.append(("options", "more"))
    chance.shuffle(lines)
    text = "".join(f"{key}{chance.choice(BLANKS)}{value}\n" for key, value in lines)
    return f"loader/entries/{_name(chance)}.conf", text.encode()


def _unified(chance: random.Random, number: int) -> tuple[str, bytes]:
    lines = [f"ID={chance.choice(SORT_KEYS)}", f'PRETTY_NAME="Title {number}"']
    if chance.random() < 0.4:
        lines.append(f"IMAGE_ID={chance.choice(SORT_KEYS)}")
    for key in ("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"):
        if chance.random() < 0.3:
            lines.append(f"{key}={chance.choice(VERSIONS)}")
    chance.shuffle(lines)
    sections = {
        ".osrel": "\n".join(lines).encode() + b"\n",
        ".cmdline": f"mark={number}".encode(),
        ".uname": b"6.1",
        ".linux": bzimage(),
    }
    return f"EFI/Linux/{_name(chance)}.efi", unified_image(sections)


def marks(options: Sequence[str]) -> str:
    """The order of a menu: one letter an entry, by the mark on its command line."""
    found = (text.split("mark=")[1].split()[0] for text in options)
    return "".join(found)
