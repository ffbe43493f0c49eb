"""What people get wrong: words of a command line, the status that it ends with, and what the message says.

`{folder}` stands for the folder that `make_folder` fills; the commands run in it.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from support.images import create_unsafe

CLOUDS = """\
clouds:
  good:
    auth: {auth_url: "http://127.0.0.1:9/v3", username: u, password: p, project_name: x,
           user_domain_id: default, project_domain_id: default}
  no-password:
    auth: {auth_url: "http://127.0.0.1:9/v3", username: u, project_name: x, user_domain_id: default,
           project_domain_id: default}
  no-url:
    auth: {username: u, password: p, project_name: x}
  bad-url:
    auth: {auth_url: "127.0.0.1:5000", username: u, password: p, project_name: x, user_domain_id: default,
           project_domain_id: default}
  no-ca:
    cacert: /no/such/ca.pem
    auth: {auth_url: "https://127.0.0.1:9/v3", username: u, password: p, project_name: x,
           user_domain_id: default, project_domain_id: default}
"""

MANIFESTS: Mapping[str, str] = {
    "empty": "",
    "list": "- data.raw\n",
    "no-images": "images: []\n",
    "key": "images: [{source: data.raw, sorce: x}]\n",
    "indentation": "images:\n  - source: data.raw\n   name: x\n",
    "tab": "images:\n\t- data.raw\n",
    "twice": "images: [data.raw]\nimages: [data.raw]\n",
    "alias": "images: [&a data.raw, *a]\n",
    "value": "images: [{source: data.raw, clouds: [good], visibility: publc}]\n",
    "number": "images: [{source: data.raw, clouds: [good], min-disk: lots}]\n",
    "duration": "images: [{source: data.raw, clouds: [good], deadline: soon}]\n",
    "hash": "images: [{source: data.raw, clouds: [good], sha256: abc}]\n",
    "url": "images: [{source: 'https://h.example/a.raw', clouds: [good]}]\n",
    "pattern": "images: ['*.vhdx']\n",
    "variable": "images: ['${NO_SUCH_VARIABLE}.raw']\n",
    "secret": "images: [{source: data.raw, clouds: [good], properties: {password: x}}]\n",
    "same-name": "defaults: {clouds: [good], name: x}\nimages: [data.raw, data.qcow2]\n",
    "steam": "images: [{source: data.raw, clouds: [good], name: 'a-{steam}'}]\n",
    "policy": "images: [{source: data.raw, clouds: [good], policy: strickt}]\n",
    "raw-compressed": "images: [{source: data.raw, clouds: [good], target-format: raw, compression: zlib}]\n",
    "nothing-to-do": "images: [{source: data.raw, clouds: []}]\n",
    "missing": "images: [{source: missing.raw, clouds: [good]}]\n",
    "good": "images: [{source: data.raw, clouds: [good]}]\n",
    "members": "images: [{source: data.raw, clouds: [good], members: [p], visibility: public}]\n",
    "cloud-twice": "images: [{source: data.raw, clouds: [good, good]}]\n",
    "output": "images: [{source: data.raw, output: data.raw}]\n",
}
POLICIES: Mapping[str, str] = {
    "check": "checks: {machin-id: off}\n",
    "severity": "checks: {machine-id: fatal}\n",
    "size": "checks: {virtual-size: {largest: big}}\n",
    "parameter": "checks: {virtual-size: {lrgest: 5G}}\n",
    "idle": "checks: {virtual-size: error}\n",
    "extends": "extends: strickt\n",
    "circle": "extends: policy-circle.yaml\n",
    "vain": "extends: minimal\nchecks: {machine-id: {unknown: info}}\n",
    "binary": "\0\1\2",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake."""

    words: str
    """The command line, parted at blanks."""
    status: int
    says: str
    """Of the message and its hint, a part each; parted by ` | `."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words


def m(words: str, status: int, says: str, **environment: str) -> Mistake:
    return Mistake(words, status, says, environment)


OPTIONS = [
    m("init", 2, "Missing argument | Choose from: policy, manifest, "),
    m("schema", 2, "Missing argument | Choose from: policy, manifest, "),
    m("frobnicate", 2, "there is no command 'frobnicate' | imgtool --help"),
    m("chekc data.raw", 2, "chekc | did you mean `imgtool check`?"),
    m("check", 2, "IMAGE | imgtool check --help"),
    m("check data.raw --polcy strict", 2, "--polcy | did you mean --policy?"),
    m("check data.raw --policy strickt", 2, "strickt | did you mean strict?"),
    m("check data.raw --policy no/such.yaml", 2, "no/such.yaml | the profiles are"),
    m("check data.raw --select machine-it", 2, "machine-it | did you mean machine-id?"),
    m("check data.raw --select virtual-size", 2, "no check runs | judges only what a policy file sets"),
    m("check data.raw --report pdf=x", 2, "FORMAT=PATH | imgtool check --help"),
    m("check data.raw --report jsno=x", 2, "did you mean json? | imgtool check --help"),
    m("check data.raw --report json=", 2, "is the variable set | imgtool check --help"),
    m("check data.raw --report json=- --report text=-", 2, "both be written to stdout | a file of its own"),
    m("check data.raw --output json --report json=-", 2, "both be written to stdout | leave one of them out"),
    m("check data.raw --report json=no/r.json", 2, "no/r.json | mkdir -p"),
    m("check data.raw --output yaml", 2, "yaml | imgtool check --help"),
    m("check data.raw -q -v", 2, "exclude each other | give one of them"),
    m("check data.raw --jobs 0", 2, "0 | imgtool check --help"),
    m("check data.raw --bus virtio-scsi", 2, "--bus requires --boot | add --boot"),
    m("check data.raw --baseline a --write-baseline b", 2, "exclude each other | give one of them"),
    m("check data.raw --baseline no-such.json", 2, "no-such.json | --write-baseline"),
    m("check data.raw --baseline notes.txt", 2, "notes.txt | --write-baseline"),
    m("check data.raw --progress json -v", 2, "both be written to stderr | --log-file"),
    m("-v check data.raw", 2, "-v stands before the command | imgtool COMMAND -v"),
    m("explain machine-it", 2, "machine-it | did you mean machine-id?"),
    m("help chekc", 2, "chekc | did you mean `imgtool help check`?"),
    m("completion tcsh", 2, "tcsh | imgtool completion --help"),
    m("convert data.raw", 2, "TARGET | imgtool convert --help"),
    m("convert data.raw x.vmdk", 2, "its name claims | raw"),
    m("convert data.raw x.raw -O qcow2", 2, "its name claims | "),
    m("convert data.raw out.qcow2 -O vhd", 2, "vhd | imgtool convert --help"),
    m("convert data.raw out.raw -c", 2, "a raw image cannot be compressed | -O qcow2"),
    m("convert data.raw x.qcow2 --cluster-size 3k", 2, "clusters of 3072 bytes | "),
    m("convert data.raw x.qcow2 --disk a.vmdk", 2, "no OVA | leave out --disk"),
    m("convert data.raw x.qcow2 --checksum sha256:abc", 2, "sha256 | "),
    m("convert data.raw x.qcow2 --checksum md5:abc", 2, "md5 | "),
    m("upload data.raw --id 123", 2, "123 | imgtool upload --help"),
    m("upload data.raw --name a-{steam}", 2, "{steam} | did you mean {stem}?"),
    m("upload data.raw data.qcow2 --name same", 2, "names one image | {stem}"),
    m("upload data.raw --replace --on-conflict skip", 2, "exclude each other | give one of them"),
    m("upload data.raw --store a --all-stores", 2, "exclude each other | give one of them"),
    m("upload data.raw --method direct --all-stores", 2, "one store only | import"),
    m("upload data.raw --method web-download", 2, "web-download takes URLs | leave --method out"),
    m("upload data.raw --member p --visibility public", 2, "has no members | --visibility shared"),
    m("upload data.raw --visibility publc", 2, "publc | imgtool upload --help"),
    m("upload data.raw --keep-last 0", 2, "0 | imgtool upload --help"),
    m("upload data.raw --cloud good --cloud good", 2, "named twice | imgtool upload --help"),
    m("upload - --cloud good", 2, "no name | give --name"),
    m("upload ftp://h.example/a.raw --cloud good", 2, "ftp: | download it"),
    m("prepare data.raw --method web-download", 2, "neither checked nor converted | imgtool upload"),
    m("prepare data.raw --keep data.qcow2", 2, "already exists | another name"),
    m("prepare data.raw data.qcow2 --keep no-folder", 2, "no-folder | make the folder"),
    m(
        "prepare data.raw data.qcow2 --id 0a1b2c3d-0000-4000-8000-0123456789ab",
        2,
        "one image | leave --id out",
    ),
    m("batch", 2, "MANIFEST or --status | imgtool batch --help"),
    m("batch good.yaml --status j", 2, "not at a manifest | leave MANIFEST out"),
    m("batch --status no-such.journal", 2, "no-such.journal | "),
    m("batch good.yaml --jobs 2 --scheduler tls://h:1", 2, "--jobs cannot be used | disk"),
    m("batch good.yaml --scheduler h", 2, "h | "),
    m("batch good.yaml --only nothing", 2, "nothing | data"),
    m("batch good.yaml --check-only --journal j", 2, "--journal cannot be used | leave --journal out"),
    m("boot data.raw --flavor m1.small", 2, "--flavor requires --cloud | --cloud NAME"),
    m("boot data.raw --memory lots", 2, "lots | imgtool boot --help"),
    m("retire", 2, "NAME | imgtool retire --help"),
    m("inspect data.raw data.qcow2", 2, "data.qcow2 | imgtool inspect --help"),
]

FILES = [
    m("inspect missing.raw", 3, "No such file | check the path"),
    m("check missing.raw", 3, "No such file | check the path"),
    m("inspect .", 3, "is a directory | give a disk image"),
    m("inspect empty.raw", 3, "empty | download"),
    m("inspect notes.txt", 3, "not a disk image | -f raw"),
    m("inspect fifo", 3, "fifo | "),
    m("inspect /dev/null", 3, "/dev/null | "),
    m("inspect cut.qcow2", 3, "cut off | copy it again"),
    m("inspect cut.gz", 3, "cut off | fetch it again"),
    m("inspect backing.qcow2", 3, "backing | "),
    m("inspect wrong.raw", 3, "qcow2 | "),
    m("inspect data.raw -f qcow2", 3, "qcow2 | "),
    m("inspect archive.tar", 3, "archive.tar | "),
    m("convert data.raw no/such/out.qcow2", 2, "does not exist | mkdir -p"),
    m("convert data.raw data.qcow2", 2, "already exists | --force"),
    m("convert data.raw .", 2, "not a regular file | name a file as the target"),
    m("convert data.raw data.raw --force", 2, "data.raw | "),
    m("convert data.raw /dev/full", 2, "/dev/full | "),
    m("convert data.raw x.qcow2 --checksum-file SHA256SUMS", 2, "data.raw | "),
    m(f"convert data.raw x.qcow2 --checksum sha256:{'a' * 64}", 5, "and not aaaa | another file"),
    m("convert data.raw x.qcow2 --checksum-file no-such", 2, "no-such | list of hashes"),
    m("batch data.raw", 2, "data.raw | "),
    m("batch no-such.yaml", 2, "No such file | check the path"),
    m("batch good.yaml --journal notes.txt", 2, "no journal | --journal"),
    m("batch good.yaml --journal no/such/journal --dry-run --report json=no/x", 2, "no/x | mkdir -p"),
    m("inspect data.raw --log-file data.raw", 2, "no text | name a new file"),
    m("inspect http://127.0.0.1:9/a.raw", 3, "127.0.0.1:9 | "),
]

WITHOUT_RIGHTS = [
    m("inspect closed.raw", 3, "Permission denied | "),
    m("convert data.raw shut/out.qcow2", 5, "cannot write into | a folder that you may write to"),
    m("check data.raw --report json=shut/r.json", 5, "cannot write into | a folder that you may write to"),
    m("inspect data.raw --log-file shut/log", 2, "shut | name a new file"),
    m("batch good.yaml --journal shut/journal", 2, "shut/journal | --journal PATH"),
    m("check data.raw --policy closed.yaml", 2, "closed.yaml | "),
    m("batch closed.yaml", 2, "closed.yaml | check the path"),
]

CLOUD = [
    m("upload data.raw", 6, "no cloud | --cloud", OS_CLIENT_CONFIG_FILE="none.yaml"),
    m("upload data.raw --cloud goood", 6, "goood | did you mean good?"),
    m("upload data.raw --cloud good", 6, "127.0.0.1:9 | "),
    m("upload data.raw --cloud no-password", 6, "password | clouds.yaml"),
    m("upload data.raw --cloud no-url", 6, "auth_url | clouds.yaml"),
    m("upload data.raw --cloud bad-url", 6, "127.0.0.1:5000 | OS_AUTH_URL"),
    m("upload data.raw --cloud no-ca", 6, "ca.pem | "),
    m("prepare data.raw --cloud good/R --policy data", 6, "127.0.0.1:9 | "),
    m("copy image --cloud good --store s", 6, "127.0.0.1:9 | "),
    m("retire image --keep 2 --cloud good", 6, "127.0.0.1:9 | "),
    m("boot image --cloud good", 6, "127.0.0.1:9 | "),
    m("upload data.raw --cloud good", 6, "notes.txt | ", OS_CLIENT_CONFIG_FILE="notes.txt"),
    m("upload data.raw --cloud /", 2, "/ | imgtool upload --help"),
]

YAML = [
    m("batch empty.yaml", 2, "empty.yaml: the file is empty | right file"),
    m("batch list.yaml", 2, "list.yaml | "),
    m("batch no-images.yaml", 2, "no image | "),
    m("batch key.yaml", 2, "key.yaml:1: images.sorce | did you mean source?"),
    m("batch indentation.yaml", 2, "indentation.yaml:3: no valid YAML | indentation"),
    m("batch tab.yaml", 2, "tab.yaml:2: no valid YAML | indentation"),
    m("batch twice.yaml", 2, "twice.yaml:2: images: duplicate key | leave one of them out"),
    m("batch alias.yaml", 2, "aliases | write the value out"),
    m("batch value.yaml", 2, "value.yaml:1 | private"),
    m("batch number.yaml", 2, "number.yaml:1 | "),
    m("batch duration.yaml", 2, "invalid duration | 90s"),
    m("batch hash.yaml", 2, "hash.yaml:1 | sha256sum FILE"),
    m("batch url.yaml", 2, "url.yaml:1: sha256: a URL needs | sha256sum FILE"),
    m("batch pattern.yaml", 2, "no file matches | looked for in"),
    m("batch variable.yaml", 2, "NO_SUCH_VARIABLE is not set | export NO_SUCH_VARIABLE"),
    m("batch secret.yaml", 2, "no secrets | clouds.yaml"),
    m("batch same-name.yaml", 2, "already used | another name"),
    m("batch steam.yaml", 2, "steam.yaml:1: a-{steam} | did you mean {stem}?"),
    m("batch policy.yaml", 2, "strickt | did you mean strict?"),
    m("batch raw-compressed.yaml", 2, "a raw image has none | qcow2"),
    m("batch nothing-to-do.yaml", 2, "nothing to do | give clouds or output"),
    m("batch missing.yaml --dry-run", 1, "there is no such file | "),
    m("batch members.yaml", 2, "has no members | visibility shared"),
    m("batch cloud-twice.yaml", 2, "named twice | "),
    m("batch output.yaml", 2, "output: {folder}/data.raw is the source itself | "),
    *(
        m(f"check data.raw --policy policy-{name}.yaml", 2, f"policy-{name}.yaml{place} | {hint}")
        for name, place, hint in (
            ("check", ":1: checks.machin-id", "did you mean machine-id?"),
            ("severity", ":1: checks.machine-id", "error, warning, info"),
            ("size", ":1: checks.virtual-size.largest", "20G"),
            ("parameter", ":1: checks.virtual-size.lrgest", "did you mean largest?"),
            ("idle", ":1: checks.virtual-size", "set largest"),
            ("extends", ":1: extends", "did you mean strict?"),
            ("circle", ":1: extends", ""),
            ("vain", ":2: checks.machine-id", "severity"),
            ("binary", "", "right file"),
        )
    ),
]

PROPERTIES = [
    m("upload data.raw --cloud good --property hw_disk_bus", 2, "KEY=VALUE | imgtool upload --help"),
    m("upload data.raw --cloud good --property =x", 2, "KEY=VALUE | imgtool upload --help"),
    m("upload data.raw --cloud good --property hw_disk_bus=floppy", 2, "floppy | virtio"),
    m(
        "upload data.raw --cloud good --property hw_disk_buss=virtio",
        2,
        "hw_disk_buss | did you mean hw_disk_bus?",
    ),
    m("upload data.raw --cloud good --property architecture=arm64", 2, "arm64 | did you mean aarch64?"),
    m("upload data.raw --cloud good --property hw_cpu_cores=four", 2, "four | whole number"),
    m("upload data.raw --cloud good --property hw_machine_type=q36", 2, "q36 | did you mean q35?"),
    m("upload data.raw --cloud good --metadata dcs", 2, "dcs | imgtool upload --help"),
    m("upload data.raw --cloud good --min-disk -1", 2, "-1 | imgtool upload --help"),
    m("upload data.raw --cloud good --min-disk lots", 2, "lots | imgtool upload --help"),
    m("upload data.raw --cloud good --tag=", 2, "empty | imgtool upload --help"),
]


def make_folder(folder: Path) -> None:
    """Fill it with what the mistakes are made with."""

    def run(*argv: str | Path) -> None:
        subprocess.run(argv, check=True, cwd=folder, capture_output=True)

    run("mke2fs", "-q", "-t", "ext4", "data.raw", "16M")
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "data.raw", "data.qcow2")
    create_unsafe(folder / "backing.qcow2")
    run("gzip", "-k", "data.raw")
    run("tar", "cf", "archive.tar", "data.qcow2", "data.raw.gz")
    for whole, cut, length in (("data.qcow2", "cut.qcow2", 100_000), ("data.raw.gz", "cut.gz", 2000)):
        (folder / cut).write_bytes((folder / whole).read_bytes()[:length])
    (folder / "wrong.raw").write_bytes((folder / "data.qcow2").read_bytes())
    (folder / "empty.raw").touch()
    (folder / "notes.txt").write_text("no disk at all\n" * 99)
    (folder / "SHA256SUMS").write_text(f"{'a' * 64}  other.raw\n")
    (folder / "clouds.yaml").write_text(CLOUDS)
    os.mkfifo(folder / "fifo")
    for name, text in MANIFESTS.items():
        (folder / f"{name}.yaml").write_text(text)
    for name, text in POLICIES.items():
        (folder / f"policy-{name}.yaml").write_text(text)
