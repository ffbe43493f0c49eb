"""Real Debian images, as session fixtures: built by scripts/build-image, or taken from its cache.

They are read-only and shared by all tests: copy what is to be changed.
"""

import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from debian_image.rootfs import QUICK

BUILD_IMAGE = Path(__file__).parents[2] / "scripts/build-image"


def build_image(*options: str) -> Path:
    """The raw image that `scripts/build-image OPTIONS` prints; skips the test where it cannot be built."""
    done = subprocess.run(
        [BUILD_IMAGE, f"--command-line={QUICK}", *options], capture_output=True, text=True, check=False
    )
    if done.returncode == 4:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def debian_image() -> Path:
    """Debian 12 as it should be: ext4, UEFI."""
    return build_image()


@pytest.fixture
def a_copy(debian_image: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, to be spoilt; gone after the test."""
    image = tmp_path / "image.raw"
    subprocess.run(["cp", "--sparse=always", debian_image, image], check=True)
    image.chmod(0o644)
    yield image
    image.unlink()


@pytest.fixture(scope="session")
def debian_bios() -> Path:
    """It starts by BIOS as well."""
    return build_image("--firmware=both")


@pytest.fixture(scope="session")
def debian_trixie() -> Path:
    """Debian 13, with dracut in place of initramfs-tools."""
    return build_image("--suite=trixie", "--generator=dracut")


@pytest.fixture(scope="session")
def debian_xfs() -> Path:
    """The root on XFS."""
    return build_image("--root=xfs")


@pytest.fixture(scope="session")
def debian_btrfs() -> Path:
    """The root in a Btrfs subvolume, compressed with zstd."""
    return build_image("--root=btrfs")


@pytest.fixture(scope="session")
def debian_lvm() -> Path:
    """The root on XFS in a logical volume, /boot on ext4."""
    return build_image("--root=lvm")


@pytest.fixture(scope="session")
def debian_dracut() -> Path:
    """Debian 12 with dracut in place of initramfs-tools."""
    return build_image("--generator=dracut")


@pytest.fixture(scope="session")
def debian_generic() -> Path:
    """Debian 13 with the generic kernel's 4,000 modules, and initramfs-tools."""
    return build_image("--suite=trixie", "--kernel=generic")


@pytest.fixture(scope="session")
def debian_initramfs_host_only() -> Path:
    """Debian 13 whose initramfs was made by dracut for the machine that built it."""
    return build_image("--suite=trixie", "--generator=dracut", "--fault=initramfs-host-only")


@pytest.fixture(scope="session")
def debian_initramfs_dep() -> Path:
    """Its initramfs was made by mkinitramfs with MODULES=dep, for a root on a loop device."""
    return build_image("--fault=initramfs-dep")


@pytest.fixture(scope="session")
def debian_agent_masked() -> Path:
    """qemu-guest-agent is installed and masked."""
    return build_image("--fault=agent-masked")


@pytest.fixture(scope="session")
def debian_no_agent() -> Path:
    """qemu-guest-agent was purged."""
    return build_image("--fault=no-agent")


@pytest.fixture(scope="session")
def debian_initramfs_without_virtio() -> Path:
    """Its initramfs was made for a machine without virtio: it does not start on OpenStack."""
    return build_image("--fault=initramfs-without-virtio")


@pytest.fixture(scope="session")
def debian_initramfs_truncated() -> Path:
    """Its initramfs ends early."""
    return build_image("--fault=initramfs-truncated")


@pytest.fixture(scope="session")
def debian_host_keys() -> Path:
    """SSH host keys are baked in."""
    return build_image("--fault=host-keys")


PACKAGES = Path.home() / ".cache/imgtool/packages"


@contextmanager
def packages_to_oneself() -> Iterator[None]:
    """Only one of the tests that run downloads, for as long as the block lasts; the others wait."""
    PACKAGES.mkdir(parents=True, exist_ok=True)
    with (PACKAGES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def packages(*names: str) -> list[Path]:
    """Debian 12's own packages of these names, which are downloaded once and not installed."""
    with packages_to_oneself():
        missing = [f"{name}/bookworm" for name in names if not list(PACKAGES.glob(f"{name}_*.deb"))]
        if missing:
            command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *missing]
            subprocess.run(command, cwd=PACKAGES, check=True)
    return [next(PACKAGES.glob(f"{name}_*.deb")) for name in names]


@pytest.fixture(scope="session")
def agent_package() -> Path:
    """The package qemu-guest-agent."""
    return packages("qemu-guest-agent")[0]


@pytest.fixture(scope="session")
def grub_packages() -> list[Path]:
    """The packages that have update-grub."""
    return packages("grub-common", "grub2-common")
