"""Programs that Microsoft, Debian or a key of our own signed, and what sbverify (sbsigntool) says of them."""

import fcntl
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from asn1crypto import pem

from imgtool.guest.secure_boot.authenticode import read_signed
from imgtool.guest.secure_boot.lists import vendor_lists
from imgtool.guest.secure_boot.pkcs7 import Certificate, read_signature

CACHE = Path.home() / ".cache/imgtool/signed-boot"
PACKAGES = ("shim-signed", "shim-unsigned", "shim-helpers-amd64-signed", "grub-efi-amd64-signed")
SHIM = "usr/lib/shim/shimx64.efi.signed"
FALLBACK = "usr/lib/shim/fbx64.efi.signed"
MOK_MANAGER = "usr/lib/shim/mmx64.efi.signed"
UNSIGNED = "usr/lib/shim/fbx64.efi"
GRUB = "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"


@cache
def debian_file(path: str) -> Path:
    """A file of Debian's packages, which are downloaded once and not installed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / "done").exists():
            options = ("-o", "APT::Sandbox::User=root")
            subprocess.run(["apt-get", *options, "download", *PACKAGES], cwd=CACHE, check=True)
            for package in CACHE.glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", package, CACHE], check=True)
            (CACHE / "done").touch()
    return CACHE / path


def certificates(program: Path) -> list[Certificate]:
    """All that the signatures of a program bring."""
    with program.open("rb") as stream:
        signed = read_signed(stream, program.stat().st_size)
    return [one for der in signed.signatures for one in read_signature(der).certificates]


def debian_authority() -> Certificate:
    """Debian's certificate, which is inside its shim."""
    shim = debian_file(SHIM)
    with shim.open("rb") as stream:
        section = read_signed(stream, shim.stat().st_size).section(".vendor_cert", 1 << 20)
    assert section is not None
    (found,) = vendor_lists(section)[0].certificates
    return found


def authority(name: str) -> Certificate:
    """One of Microsoft's certificates, which its signatures of shim bring."""
    return next(one for one in certificates(debian_file(SHIM)) if one.name == name)


def sbverify(program: Path, certificate: Certificate, folder: Path) -> bool:
    """Whether sbverify finds a signature of it true.

    sbverify 0.9.4 takes any certificate that a signature brings itself, whatever `--cert` says.
    """
    file = _written(certificate, folder)
    done = subprocess.run(["sbverify", "--cert", file, program], capture_output=True, text=True, check=False)
    return done.returncode == 0


def openssl_leads_to(
    signer: Certificate, brought: Iterable[Certificate], top: Certificate, folder: Path
) -> bool:
    """Whether OpenSSL finds a way from the signer up to `top`, which it trusts as firmware does."""
    bag = folder / "brought.pem"
    bag.write_bytes(b"".join(pem.armor("CERTIFICATE", one.der) for one in brought))
    trust = ("-trusted", _written(top, folder), "-partial_chain", "-no_check_time", "-purpose", "any")
    leaf = folder / "signer.pem"
    leaf.write_bytes(pem.armor("CERTIFICATE", signer.der))
    command = ["openssl", "verify", *trust, "-untrusted", bag, leaf]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _written(certificate: Certificate, folder: Path) -> Path:
    file = folder / "authority.pem"
    file.write_bytes(pem.armor("CERTIFICATE", certificate.der))
    return file


def own_key(folder: Path, name: str = "own") -> tuple[Path, Path]:
    """A key and its certificate, made by openssl."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "3650"]
    subprocess.run(
        ["openssl", "req", "-x509", "-sha256", "-subj", f"/CN={name}/", *made],
        check=True,
        capture_output=True,
    )
    return key, certificate


def sign(program: Path, target: Path, key: Path, certificate: Path) -> Path:
    """The program with one signature more."""
    command = ["sbsign", "--key", key, "--cert", certificate, "--output", target, program]
    subprocess.run(command, check=True, capture_output=True)
    return target
