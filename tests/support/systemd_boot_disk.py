"""A disk for systemd-boot and unified kernel images: an ESP that kernels fit on, and what is put there."""

from pathlib import Path

from support.real_guest import Partition, RealGuest, run

LOADERS = Path("/usr/lib/systemd/boot/efi")
FALLBACK = "EFI/BOOT/BOOTX64.EFI"
OTHER = "6.1.0-40-cloud-amd64"
ESP_MIB, ROOT_START = 96, 98 << 20


def on_a_larger_esp(image: Path, folder: Path) -> Path:
    """The root of the image behind an ESP that has space for kernels; nothing is on that."""
    old = Partition.of(image, 2)
    esp = Partition.of(image, 1)
    made = folder / "larger.raw"
    made.touch()
    with made.open("r+b") as file:
        file.truncate(ROOT_START + old.size + (1 << 20))
    partitions = (
        ("--new=1:2048:+96M", "--typecode=1:ef00"),
        (f"--new=2:{ROOT_START // 512}:{(ROOT_START + old.size) // 512 - 1}", "--typecode=2:8304"),
    )
    run("sgdisk", *(word for words in partitions for word in words), made)
    fat = folder / "esp.fat"
    fat.write_bytes(esp.read(image))
    known = dict(line.split("=", 1) for line in run("blkid", "-p", "-o", "export", fat).splitlines())
    fat.write_bytes(bytes(ESP_MIB << 20))
    run("mkfs.vfat", "-i", known["UUID"].replace("-", ""), "-n", "ESP", fat)
    Partition.of(made, 1).write(made, fat.read_bytes())
    fat.unlink()
    blocks = ("bs=1M", "conv=notrunc,sparse", "iflag=skip_bytes,count_bytes", "oflag=seek_bytes")
    run(
        "dd",
        f"if={image}",
        f"of={made}",
        *blocks,
        f"skip={old.start}",
        f"seek={ROOT_START}",
        f"count={old.size}",
    )
    return made


class Esp:
    """What a recipe puts on the ESP."""

    def __init__(self, guest: RealGuest, bad_initrd: bytes, line: str) -> None:
        self.guest = guest
        self.line = line
        self._linux = (guest.root / f"boot/vmlinuz-{guest.kernel}").read_bytes()
        self._initrds = {"good": (guest.root / guest.initrd).read_bytes(), "bad": bad_initrd}

    def type1(self, name: str, more: str = "", file: str = "", linux: str = "") -> None:
        """An entry whose kernel is good or bad by its name, with other lines."""
        kind = name.split("-", maxsplit=1)[0]
        version = {"good": self.guest.kernel, "bad": OTHER}[kind]
        entry = f"title {name}\ninitrd /deb/{version}/initrd\noptions {self.line}\n"
        entry += linux.replace("KERNEL", version) or f"linux /deb/{version}/linux\n"
        esp = self.guest.esp
        esp.put(f"loader/entries/{file or name}.conf", entry + more + "\n")
        if not (esp / f"deb/{version}/linux").exists():
            esp.put(f"deb/{version}/linux", self._linux)
            esp.put(f"deb/{version}/initrd", self._initrds[kind])

    def unified(self, kind: str, path: str = "", line: str | None = None) -> None:
        """A unified kernel image that is good or bad."""
        version = {"good": self.guest.kernel, "bad": OTHER}[kind]
        parts = {
            ".osrel": ((self.guest.root / "usr/lib/os-release").read_bytes(), 0x20000),
            ".cmdline": ((self.line if line is None else line).encode(), 0x30000),
            ".uname": (version.encode(), 0x38000),
            ".linux": (self._linux, 0x2000000),
            ".initrd": (self._initrds[kind], 0x3000000),
        }
        folder = self.guest.image.parent
        words: list[str] = []
        for name, (content, place) in parts.items():
            file = folder / f"section{name}"
            file.write_bytes(content)
            words += ["--add-section", f"{name}={file}", "--change-section-vma", f"{name}={place:#x}"]
        made = folder / "unified.efi"
        run("objcopy", *words, LOADERS / "linuxx64.efi.stub", made)
        self.guest.esp.put(path or f"EFI/Linux/debian-{version}.efi", made.read_bytes())


def line_of(guest: RealGuest) -> str:
    """The kernel's command line in the menu of the GRUB that is to go."""
    menu = (guest.root / "boot/grub/grub.cfg").read_text()
    line = next(one for one in menu.splitlines() if one.split()[:1] == ["linux"])
    return " ".join(line.split()[2:])
