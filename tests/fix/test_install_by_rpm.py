"""RPM and DNF themselves install what was handed over, by the rules that the guest has for signatures."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import facts
from support.stand_in_guest import StandInGuest

from imgtool.fix.repairs import REPAIRS
from imgtool.model.fix import Repair
from imgtool.model.verdict import Finding, Outcome, Severity

SPEC = """\
Name: qemu-guest-agent
Version: 1
Release: 1
Summary: x
License: x
BuildArch: noarch
Requires: made-up-library
%description
x
%install
mkdir -p %{buildroot}/usr/bin
echo agent > %{buildroot}/usr/bin/qemu-ga
%files
/usr/bin/qemu-ga
%package -n made-up-library
Summary: x
%description -n made-up-library
x
%files -n made-up-library
"""
MAKER = "maker@example.org"
OF_RPM = ("/usr/lib/rpm",)
OF_DNF = (*OF_RPM, "/usr/lib/python3", "/usr/lib/python3.11", "/usr/bin/python3")


def built(folder: Path) -> list[Path]:
    """The agent, and what it needs."""
    spec = folder / "agent.spec"
    spec.write_text(SPEC)
    define = ("--define", f"_topdir {folder / 'build'}")
    subprocess.run(["rpmbuild", "-bb", *define, spec], check=True, capture_output=True)
    return sorted((folder / "build").rglob("*.rpm"))


def signed(packages: list[Path]) -> str:
    """Sign them with a new key, and return it."""
    with (
        tempfile.TemporaryDirectory() as home
    ):  # below a test's folder the agent's socket has too long a name
        environment = os.environ | {"GNUPGHOME": home}
        try:
            return _signed(packages, environment)
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], check=True, env=environment)


def _signed(packages: list[Path], environment: Mapping[str, str]) -> str:
    new = ("--passphrase", "", "--quick-gen-key", MAKER, "rsa2048", "sign", "never")
    subprocess.run(["gpg", "--batch", *new], check=True, capture_output=True, env=environment)
    gpg = ("--define", f"__gpg {shutil.which('gpg')}", "--define", f"_gpg_name {MAKER}")
    subprocess.run(
        ["rpmsign", *gpg, "--addsign", *packages], check=True, capture_output=True, env=environment
    )
    export = ["gpg", "--armor", "--export"]
    return subprocess.run(export, check=True, capture_output=True, text=True, env=environment).stdout


def guest_with(top: Path, handed: Path, *programs: str) -> StandInGuest:
    guest = StandInGuest(top, ["systemctl"], programs)
    guest.put("lib/systemd/systemd")
    guest.put("etc/passwd", "root:x:0:0::/:/bin/sh\n")
    subprocess.run(["tar", "-cf", top / "packages.tar", "-C", handed, "."], check=True)
    return guest


def script() -> str:
    finding = Finding("guest-agent-installed", Outcome.FAIL, Severity.ERROR, "", "")
    found = REPAIRS[finding.check](facts.linux(), finding)
    assert isinstance(found, Repair)
    return found.script


@pytest.mark.parametrize("folder", ["packages", "repository"])
def test_rpm_installs_packages_and_what_they_need(folder: str, tmp_path: Path) -> None:
    handed = tmp_path / "handed" / folder
    handed.mkdir(parents=True)
    for package in built(tmp_path):
        shutil.copy(package, handed)
    guest = guest_with(tmp_path / "guest", handed.parent, "rpm", "bash")
    ran = guest.run(script(), *OF_RPM)
    assert ran.status == 0, ran.output
    assert guest.read("usr/bin/qemu-ga") == "agent\n"
    assert "systemctl enable qemu-guest-agent.service" in ran.calls


@pytest.mark.parametrize(
    ("sign", "verify", "installs"),
    [(False, False, True), (False, True, False), (True, True, True)],
)
def test_dnf_installs_from_a_folder_what_the_guest_trusts(
    sign: bool, verify: bool, installs: bool, tmp_path: Path
) -> None:
    repository = tmp_path / "handed/repository"
    repository.mkdir(parents=True)
    packages = built(tmp_path)
    key = signed(packages) if sign else ""
    for package in packages:
        shutil.copy(package, repository)
    subprocess.run(["createrepo_c", repository], check=True, capture_output=True)
    guest = guest_with(
        tmp_path / "guest", repository.parent, "rpm", "rpmkeys", "dnf", "python3", "bash", "gpg"
    )
    guest.put("etc/dnf/dnf.conf", f"[main]\ngpgcheck={int(verify)}\n")
    if key:
        guest.put("etc/pki/rpm-gpg/RPM-GPG-KEY-maker", key)
    ran = guest.run(script(), *OF_DNF)
    assert (ran.status == 0) is installs, ran.output
    assert (guest.top / "usr/bin/qemu-ga").exists() is installs
