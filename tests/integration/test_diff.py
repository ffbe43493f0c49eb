"""A real Debian image and a copy in which a recipe changed known things: exactly these are told."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import assert_clean_failure, imgtool
from support.images import convert
from support.real_guest import mounted

CHANGED = 20
"""Packages whose versions the recipe raises."""
HELD = "checks:\n  unchanged: {kinds: ['users:added', privileged, agent]}\n"


@pytest.fixture(scope="module")
def pair(debian_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str]]:
    """The image, the changed copy, and the version of the kernel that was replaced."""
    folder = tmp_path_factory.mktemp("pair")
    copy = folder / "new.raw"
    subprocess.run(["cp", "--sparse=always", debian_image, copy], check=True)
    copy.chmod(0o644)
    with mounted(copy, 2, folder / "root") as root:
        kernel = next((root / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
        spoil(root, kernel)
    yield debian_image, copy, kernel
    copy.unlink()


def spoil(root: Path, kernel: str) -> None:
    change_packages(root / "var/lib/dpkg/status")
    (root / "etc/systemd/system/fstrim.timer").symlink_to("/dev/null")
    for name, line in (("passwd", "eve:x:1500:1500::/home/eve:/bin/bash"), ("group", "eve:x:1500:")):
        with (root / "etc" / name).open("a") as file:
            file.write(f"{line}\n")
    (root / "etc/sudoers.d/eve").write_text("eve ALL=(ALL) NOPASSWD: ALL\n")
    (root / "etc/ssh/sshd_config.d/10-eve.conf").write_text("PermitRootLogin yes\n")
    (root / "usr/bin/env").chmod(0o4755)
    replace_kernel(root, kernel, successor(kernel))


def successor(kernel: str) -> str:
    """The same with the next number, as long as it was: 6.1.0-57-cloud-amd64 -> 6.1.0-58-cloud-amd64."""
    return re.sub(r"-(\d)(\d)-", lambda found: f"-{found[1]}{(int(found[2]) + 1) % 10}-", kernel)


def replace_kernel(root: Path, kernel: str, new: str) -> None:
    """Names, the version in the image's own header, the modules in the initramfs, and GRUB's menu."""
    image, archive = root / f"boot/vmlinuz-{kernel}", root / f"boot/initrd.img-{kernel}"
    image.write_bytes(image.read_bytes().replace(kernel.encode(), new.encode()))
    packed = subprocess.run(["zstd", "-dc", archive], check=True, capture_output=True).stdout
    changed = packed.replace(kernel.encode(), new.encode())
    archive.write_bytes(subprocess.run(["zstd"], input=changed, check=True, capture_output=True).stdout)
    for place in (image, archive, root / f"boot/config-{kernel}", root / f"usr/lib/modules/{kernel}"):
        place.rename(place.with_name(place.name.replace(kernel, new)))
    configuration = root / "boot/grub/grub.cfg"
    configuration.write_text(configuration.read_text().replace(kernel, new))


def change_packages(status: Path) -> None:
    """Raises 20 versions, takes netbase away, and lists one that was not there."""
    paragraphs = status.read_text().split("\n\n")
    first = [re.sub(r"^(Version: .*)$", r"\1+new1", one, flags=re.MULTILINE) for one in paragraphs[:CHANGED]]
    rest = [one for one in paragraphs[CHANGED:] if not one.startswith("Package: netbase\n")]
    added = "Package: backdoor\nStatus: install ok installed\nArchitecture: all\nVersion: 6.6.6"
    status.write_text("\n\n".join([*first, added, *rest]))


def told(*arguments: str | Path) -> dict[str, list[Any]]:
    run = imgtool("diff", *arguments, "--output", "json")
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert [one["kind"] for one in document["kinds"] if one["unknown"]] == []
    return {one["kind"]: one["changes"] for one in document["kinds"] if one["changes"]}


def test_exactly_what_the_recipe_changed_is_told(pair: tuple[Path, Path, str]) -> None:
    old, new, kernel = pair
    found = told(old, new)
    packages = found.pop("packages")
    raised = [one for one in packages if one["how"] == "up"]
    assert len(raised) == CHANGED
    assert all(one["new"] == f"{one['old']}+new1" for one in raised)
    others = [(one["how"], one["name"]) for one in packages if one["how"] != "up"]
    assert others == [("added", "backdoor"), ("removed", "netbase")]
    lines = {kind: [(one["how"], one["name"]) for one in changes] for kind, changes in found.items()}
    assert lines == {
        "kernels": [("removed", kernel), ("added", successor(kernel))],
        "boot": [("changed", "uefi: kernel")],
        "units": [("changed", "fstrim.timer")],
        "users": [("added", "eve")],
        "groups": [("added", "eve")],
        "sudoers": [("added", "/etc/sudoers.d/eve: eve ALL=(ALL) NOPASSWD: ALL")],
        "privileged": [("added", "/usr/bin/env")],
        "sshd": [("added", "permitrootlogin")],
    }


def test_chosen_files_are_compared_by_owner_mode_and_content(pair: tuple[Path, Path, str]) -> None:
    old, new, _ = pair
    found = told(old, new, "--files", "/etc/sudoers.d", "--files", "/usr/bin")["files"]
    assert [(one["how"], one["name"]) for one in found] == [
        ("added", "/etc/sudoers.d/eve"),
        ("changed", "/usr/bin/env"),
    ]
    assert "mode 0755" in found[1]["old"]
    assert "mode 4755" in found[1]["new"]


def test_the_same_disk_in_another_format_does_not_differ(debian_image: Path, tmp_path: Path) -> None:
    other = convert(debian_image, tmp_path / "other.qcow2", "raw", "qcow2")
    run = imgtool("diff", debian_image, other, "--exit-code")
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "no difference"), run.stdout


def test_the_exit_status_tells_and_what_was_saved_stands_for_the_image(
    pair: tuple[Path, Path, str], tmp_path: Path
) -> None:
    old, new, _ = pair
    assert imgtool("diff", old, new, "--exit-code").returncode == 1
    saved = tmp_path / "old.json"
    saved.write_text(imgtool("inspect", old, "--inventory", "--output", "json").stdout)
    live, from_file = told(old, new), told(saved, new)
    live.pop("findings", None)
    assert from_file == live
    bill = tmp_path / "old.cdx.json"
    assert imgtool("sbom", old, "-o", bill).returncode == 0
    assert told(bill, new) == {"packages": live["packages"]}
    for form in ("markdown", "html"):
        report = tmp_path / f"report.{form}"
        assert imgtool("diff", saved, new, "--report", f"{form}={report}").returncode == 0
        assert "backdoor" in report.read_text()


def test_a_check_against_the_image_before_fails_by_policy(
    pair: tuple[Path, Path, str], tmp_path: Path
) -> None:
    old, new, _ = pair
    policy = tmp_path / "policy.yaml"
    policy.write_text(HELD)
    run = imgtool("check", new, "--against", old, "--policy", policy, "--output", "json")
    assert run.returncode == 1, run.stderr
    (result,) = json.loads(run.stdout)["results"]
    (finding,) = [one for one in result["findings"] if one["check"] == "unchanged"]
    assert finding["outcome"] == "fail"
    assert "users: eve was added" in finding["evidence"]
    assert "privileged: /usr/bin/env was added (mode 4755, owner 0:0)" in finding["evidence"]
    same = imgtool("check", old, "--against", old, "--policy", policy, "-v")
    assert same.returncode == 0, same.stdout
    assert "nothing differs" in same.stdout


def test_against_without_a_policy_that_holds_anything_is_refused(debian_image: Path) -> None:
    run = imgtool("check", debian_image, "--against", debian_image)
    assert_clean_failure(run, 2, "does not say what may not change", "checks.unchanged.kinds")
