"""Bills of materials: valid by the libraries' own validators, the same again, and true of what was read."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from support import batch_standing, facts
from support import stories as made
from support.syft import purls_of_bill

from imgtool.model.facts import Known, Unknown
from imgtool.model.inventory import Inventory
from imgtool.model.packages import InstalledPackage
from imgtool.model.result import ImageResult
from imgtool.report import as_cyclonedx, as_json, as_spdx
from imgtool.report.bill import bill_of
from imgtool.report.licences import is_expression
from imgtool.report.purls import purl_of

SHA256 = "ab" * 32
BASH = InstalledPackage(
    "dpkg", "bash", "5.2.15-2+b2", "amd64", "bash", "5.2.15-2", "", "Matthias <x@localhost>"
)
LIBC = InstalledPackage("dpkg", "libc6", "2.36-9", "amd64", "glibc")
AGENT = InstalledPackage(
    "rpm", "qemu-guest-agent", "17:8.2.0-11.el9", "x86_64", "qemu-kvm-8.2.0-11.el9.src.rpm",
    licence="GPL-2.0-only AND (MIT OR Apache-2.0 WITH LLVM-exception)",
)  # fmt: skip
OLD = InstalledPackage("rpm", "gpg-pubkey", "105ef944-65ca83d1", licence="pubkey")
LANGUAGES = (
    InstalledPackage(
        "pypi", "Foo_Bar", "1.0", source="/usr/lib/python3/foo.dist-info/METADATA", licence="MIT"
    ),
    InstalledPackage("npm", "@types/node", "20.1.0", source="/srv/node_modules/@types/node/package.json"),
    InstalledPackage("gem", "rack", "2.2.4", source="/var/lib/gems/specifications/rack-2.2.4.gemspec"),
)
HOSTILE = InstalledPackage("apk", "../\u202e<b>", "1\n2", made.HOSTILE, made.HOSTILE, licence=made.HOSTILE)


def result(*packages: InstalledPackage, distro: str = "debian", cpe: str = "") -> ImageResult:
    system = facts.linux(os_distro=facts.known(distro))
    inspection = facts.inspection(system)
    inventory = Inventory(facts.known(packages), cpe=cpe)
    guest = replace(inspection.guest, inventory=inventory)
    return ImageResult(inspection=replace(inspection, guest=guest, sha256=SHA256))


def unread() -> ImageResult:
    inspection = result().inspection
    assert inspection is not None
    guest = replace(inspection.guest, inventory=Inventory(Unknown("bad block")))
    return ImageResult(inspection=replace(inspection, guest=guest))


STORIES: dict[str, Sequence[ImageResult]] = {
    "debian": [result(BASH, LIBC)],
    "rpm": [result(AGENT, OLD, distro="rhel", cpe="cpe:/o:redhat:enterprise_linux:9::baseos")],
    "languages": [result(*LANGUAGES)],
    "hostile": [result(HOSTILE, distro=made.HOSTILE, cpe=made.HOSTILE)],
    "twice": [result(BASH, BASH)],
    "no packages": [result()],
    "unread": [unread()],
    "refused": [made.refused()],
    "windows": [ImageResult(inspection=facts.windows_inspection())],
    "several": [result(BASH), result(BASH, LIBC), made.refused()],
    "none": [],
}


@pytest.fixture(autouse=True)
def _at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.mark.parametrize("story", STORIES)
def test_the_validator_of_cyclonedx_has_no_complaint(story: str) -> None:
    text = as_cyclonedx.report(STORIES[story])
    complaint = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert complaint is None, complaint
    references = [one["bom-ref"] for one in json.loads(text).get("components", ())]
    assert len(set(references)) == len(references)


@pytest.mark.parametrize("story", [story for story in STORIES if story != "none"])
def test_the_validator_of_spdx_has_no_complaint(story: str, tmp_path: Path) -> None:
    target = tmp_path / "bill.spdx.json"
    target.write_text(as_spdx.report(STORIES[story]))
    document = parse_file(str(target))
    assert [one.validation_message for one in validate_full_spdx_document(document)] == []


@pytest.mark.parametrize("report", [as_cyclonedx.report, as_spdx.report], ids=["cyclonedx", "spdx"])
@pytest.mark.parametrize("story", ["debian", "languages"])
def test_a_scanner_reads_each_package_in_it(
    story: str, report: Callable[[Sequence[ImageResult]], str], tmp_path: Path
) -> None:
    (found,) = STORIES[story]
    (tmp_path / "bill.json").write_text(report([found]))
    assert found.inspection is not None
    packages = found.inspection.guest.inventory.packages
    assert isinstance(packages, Known)
    wanted = {purl_of(one, "debian", "12").to_string() for one in packages.value}
    assert wanted <= purls_of_bill(tmp_path / "bill.json")


@pytest.mark.parametrize("report", [as_cyclonedx.report, as_spdx.report], ids=["cyclonedx", "spdx"])
def test_the_same_image_has_the_same_bill_and_another_has_another(
    report: Callable[[Sequence[ImageResult]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def identifiers(text: str) -> list[Any]:
        return [json.loads(text).get(key) for key in ("serialNumber", "documentNamespace")]

    first = report([result(BASH)])
    assert report([result(BASH)]) == first
    assert identifiers(report([result(LIBC)])) != identifiers(first)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000001")
    later = report([result(BASH)])
    assert later != first
    assert identifiers(later) == identifiers(first)


def test_the_subject_is_the_file_with_its_hash_and_the_system_has_its_cpe() -> None:
    bom = json.loads(as_cyclonedx.report(STORIES["rpm"]))
    subject = bom["metadata"]["component"]
    assert (subject["type"], subject["name"]) == ("file", "debian.raw")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": SHA256}]
    (system,) = [one for one in bom["components"] if one["type"] == "operating-system"]
    assert system["cpe"] == "cpe:2.3:o:redhat:enterprise_linux:9:*:baseos:*:*:*:*:*"
    assert (system["name"], system["version"]) == ("rhel", "12")
    edges = {one["ref"]: one.get("dependsOn", []) for one in bom["dependencies"]}
    assert edges["image"] == [system["bom-ref"]]
    assert len(edges[system["bom-ref"]]) == 3  # two packages and the kernel


def test_spdx_describes_the_file_and_contains_the_rest() -> None:
    document = json.loads(as_spdx.report(STORIES["debian"]))
    (described,) = [one for one in document["relationships"] if one["relationshipType"] == "DESCRIBES"]
    assert described["relatedSpdxElement"] == "SPDXRef-Image"
    image = next(one for one in document["packages"] if one["SPDXID"] == "SPDXRef-Image")
    assert image["checksums"] == [{"algorithm": "SHA256", "checksumValue": SHA256}]
    held = [one for one in document["relationships"] if one["relationshipType"] == "CONTAINS"]
    assert len(held) == 4  # the system; and of it two packages and the kernel


URL = "pkg:rpm/rhel/qemu-guest-agent"


@pytest.mark.parametrize(
    ("package", "distro", "version", "expected"),
    [
        (
            BASH, "debian", "12",
            "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2",
        ),
        (LIBC, "debian", "12", "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc"),
        (replace(LIBC, source="libc6", version="1:2"), "debian", "",
         "pkg:deb/debian/libc6@1:2?arch=amd64&distro=debian"),
        (
            AGENT, "rhel", "9.4",
            f"{URL}@8.2.0-11.el9?arch=x86_64&distro=rhel-9.4&epoch=17&upstream=qemu-kvm-8.2.0-11.el9.src.rpm",
        ),
        (InstalledPackage("apk", "musl", "1.2.5-r0", "x86_64", "musl"), "alpine", "3.20.1",
         "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1"),
        (InstalledPackage("pacman", "gcc-libs", "14-1", "x86_64", "gcc"), "arch", "",
         "pkg:alpm/arch/gcc-libs@14-1?arch=x86_64&distro=arch&upstream=gcc"),
        (InstalledPackage("windows", "A Tool", "1.2"), "windows", "10", "pkg:generic/A%20Tool@1.2"),
    ],
)  # fmt: skip
def test_package_urls(package: InstalledPackage, distro: str, version: str, expected: str) -> None:
    made_url = purl_of(package, distro, version)
    assert made_url.to_string() == expected
    assert PackageURL.from_string(expected) == made_url


def test_trivy_finds_the_source_package() -> None:
    bom = json.loads(as_cyclonedx.report([result(AGENT, replace(LIBC, source_version="1:2.36-8"))]))
    found = {
        one["name"]: {
            item["name"].rpartition(":")[2]: item["value"]
            for item in one["properties"]
            if item["name"].startswith("aquasecurity:trivy:Src")
        }
        for one in bom["components"]
        if "purl" in one
    }
    assert found["qemu-guest-agent"] == {
        "SrcName": "qemu-kvm", "SrcVersion": "8.2.0", "SrcRelease": "11.el9",
    }  # fmt: skip
    assert found["libc6"] == {
        "SrcName": "glibc", "SrcEpoch": "1", "SrcVersion": "2.36", "SrcRelease": "8",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", True),
        ("GPL-2.0+", True),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", True),
        ("(MIT OR Apache-2.0) AND BSD-3-Clause", True),
        ("GPLv2+", False),
        ("MIT AND", False),
        ("MIT Apache-2.0", False),
        ("(MIT", False),
        (")MIT(", False),
        ("MIT WITH (", False),
        ("MIT ()", False),
        ("", False),
        ("AND", False),
    ],
)
def test_what_is_an_expression_of_licences(text: str, expected: bool) -> None:
    assert is_expression(text) is expected


def test_a_licence_that_is_no_expression_is_told_as_a_text() -> None:
    bom = json.loads(as_cyclonedx.report(STORIES["rpm"]))
    licences = {one["name"]: one.get("licenses") for one in bom["components"]}
    assert licences["gpg-pubkey"] == [{"license": {"name": "pubkey"}}]
    assert licences["qemu-guest-agent"] == [{"expression": AGENT.licence}]


def test_what_could_not_be_read_is_said_and_is_no_empty_list() -> None:
    assert "bad block" in as_cyclonedx.report(STORIES["unread"])
    assert "packages are unknown: bad block" in as_spdx.report(STORIES["unread"])
    assert "was refused" in as_spdx.report(STORIES["refused"])
    assert bill_of({}).problem == "no system was found"


def test_a_batch_tells_what_its_journal_keeps() -> None:
    status, report_of = batch_standing.standing()
    stored = {"a0": as_json.prepared(result(BASH))}
    for report in (as_cyclonedx.batch_report, as_spdx.batch_report):
        text = report(status, lambda key: stored.get(key) or report_of(key))
        assert "pkg:deb/debian/bash@5.2.15-2%2Bb2" in text
        assert "the image was not inspected" in text  # refused, and waiting


@pytest.mark.parametrize(
    ("told", "distro", "version", "expected"),
    [
        ("", "debian", "12", "cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*"),
        ("", "debian", "", "cpe:2.3:o:debian:debian_linux:*:*:*:*:*:*:*:*"),
        ("cpe:/o:fedoraproject:fedora:42", "fedora", "42", "cpe:2.3:o:fedoraproject:fedora:42:*:*:*:*:*:*:*"),
        (
            "cpe:2.3:o:amazon:amazon_linux:2023", "amzn", "2023",
            "cpe:2.3:o:amazon:amazon_linux:2023:*:*:*:*:*:*:*",
        ),
        ("nonsense", "mystery", "1", ""),
    ],
)  # fmt: skip
def test_the_cpe_of_the_system(told: str, distro: str, version: str, expected: str) -> None:
    guest = {"os_distro": distro, "os_version": version}
    assert bill_of({"guest": guest, "inventory": {"cpe": told}}).cpe == expected
