"""Whether a guest can run a program: judged on a real one of this machine, with its libraries."""

import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.guest_tree import EMPTY_DIRECTORY, Content, File, Link, guest_tree

from imgtool.guest.elf import NotElfError, read_elf
from imgtool.guest.programs import Programs

MACHINE = platform.machine()
TRUE = Path("/bin/true").resolve()


def libraries() -> dict[str, Path]:
    """Name to file of what the program is started with, as the real loader says it."""
    said = subprocess.run(["ldd", str(TRUE)], check=True, capture_output=True, text=True).stdout
    paths = [Path(word) for line in said.splitlines() for word in line.split() if word.startswith("/")]
    return {path.name: path for path in paths}


LIBRARIES = libraries()
LOADER = next(path for name, path in LIBRARIES.items() if name.startswith("ld-"))
OTHERS = {name: path.read_bytes() for name, path in LIBRARIES.items() if path != LOADER}
PROGRAM = TRUE.read_bytes()
CODE = File(PROGRAM, 0o755)
INTERPRETER = LOADER.read_bytes()


def obstacle(files: Mapping[str, Content], path: str = "/bin/x", machine: str | None = MACHINE) -> str | None:
    return Programs(guest_tree(files), machine).obstacle(path)


def healthy(directory: str = "/usr/lib", **more: Content) -> dict[str, Content]:
    found: dict[str, Content] = {"/bin/x": CODE, str(LOADER): INTERPRETER}
    found |= {f"{directory}/{name}": content for name, content in OTHERS.items()}
    return {**found, **{f"/{name}": content for name, content in more.items()}}


@pytest.mark.parametrize("directory", ["/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"])
def test_runs_with_its_libraries_where_the_loader_looks(directory: str) -> None:
    assert obstacle(healthy(directory)) is None


@pytest.mark.parametrize(
    "conf",
    [
        {"/etc/ld.so.conf": "/opt/lib\n"},
        {"/etc/ld.so.conf": "# /usr\ninclude ld.so.conf.d/*.conf\n", "/etc/ld.so.conf.d/a.conf": "/opt/lib"},
        {"/etc/ld.so.conf": "include /etc/x/*.conf\n", "/etc/x/a.conf": "  /opt/lib  # here"},
    ],
)
def test_directories_of_the_configuration(conf: dict[str, Content]) -> None:
    assert obstacle({**healthy("/opt/lib"), **conf}) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"/bin/x": File(PROGRAM, 0o644)}, "is not executable"),
        ({"/bin/x": File(b"", 0o755)}, "has no bytes"),
        ({"/bin/x": EMPTY_DIRECTORY}, "no regular file"),
        ({"/bin/x": Link("/nowhere")}, "is not there"),
        ({"/bin/x": File(PROGRAM[:9000], 0o755)}, "cut off"),
        ({"/bin/x": File(PROGRAM[:70], 0o755)}, "cut off"),
        ({"/bin/x": File(b"text\n", 0o755)}, "no ELF program"),
        ({"/bin/x": File(b"\x7fELF" + bytes(60), 0o755)}, "unknown machine"),
        ({str(LOADER): Link("nowhere")}, "which is not there"),
        ({str(LOADER): b"text"}, "no ELF program"),
        ({f"/usr/lib/{next(iter(OTHERS))}": Link("gone")}, "which is not there"),
        ({"/bin/x": "#!/bin/sh\n"}, "is a script, and /bin/sh is not there"),
        ({"/bin/x": "#!/bin/y\r\n", "/bin/y": CODE}, "is not there"),
        ({"/bin/x": "#!\n"}, "names no interpreter"),
        ({"/bin/x": "#! /bin/x\n"}, "names no interpreter"),
        ({"/bin/x": File("#!/bin/y -e\n", 0o600), "/bin/y": CODE}, "is not executable"),
    ],
)
def test_what_prevents_it(changed: dict[str, Content], reason: str) -> None:
    assert reason in (obstacle({**healthy(), **changed}) or "it runs")


def test_a_script_runs_where_its_interpreter_does() -> None:
    assert obstacle({**healthy(), "/bin/script": "#!  /bin/x -e\necho\n"}, "/bin/script") is None


def test_another_machine() -> None:
    other = "aarch64" if MACHINE != "aarch64" else "x86_64"
    assert f"not {other}" in (obstacle(healthy(), machine=other) or "")
    assert obstacle(healthy(), machine=None) is None


def test_a_library_of_another_machine_is_passed_over() -> None:
    name, content = next(iter(OTHERS.items()))
    foreign = content[:18] + b"\x03\x00" + content[20:]
    assert obstacle({**healthy("/usr/lib"), f"/lib64/{name}": foreign}) is None
    assert "not there" in (obstacle({**healthy(), f"/usr/lib/{name}": foreign}) or "")


@pytest.mark.parametrize("cut", [0, 3, 19, 51, 63, 64, 200])
def test_a_damaged_file_is_no_program(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(PROGRAM[:cut])
    with path.open("rb") as stream, pytest.raises(NotElfError):
        read_elf(stream)
