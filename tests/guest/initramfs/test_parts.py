"""What the init of initramfs-tools cannot do without: seen in the archives of a Debian 12."""

import pytest
from support.guest_tree import Content, File, guest_tree

from imgtool.guest.initramfs.parts import missing_part

INIT = """#!/bin/sh
[ -d /dev ] || mkdir -m 0755 /dev
mount -t sysfs -o nodev,noexec,nosuid sysfs /sys
. /scripts/functions
. /scripts/local
. /scripts/nfs
. "/scripts/${BOOT}"
. /conf/param.conf
# shellcheck disable=SC2086
exec run-init ${drop_caps} "${rootmnt}" "${init}" "$@" <"${rootmnt}/dev/console" >"${rootmnt}/dev/console" 2>&1
"""  # noqa: E501 - as it stands there
WHOLE: dict[str, Content] = {
    "/init": INIT,
    **{f"/scripts/{name}": File("x") for name in ("functions", "local", "nfs")},
    "/usr/bin/mount": "x",
    "/sbin/run-init": "x",
}


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, ""),
        ({"/scripts/functions": None}, "/scripts/functions, which its init reads"),
        ({"/scripts/local": None}, "/scripts/local, which its init reads"),
        ({"/usr/bin/mount": None}, "no program mount"),
        ({"/sbin/run-init": None}, "no program run-init"),
        ({"/sbin/run-init": File("x", 0o644)}, "no program run-init"),
        ({"/sbin/run-init": None, "/bin/busybox": "x"}, ""),
        ({"/init": "#!/bin/sh\n", "/scripts/local": None}, ""),
        ({"/init": "#!/bin/sh\nexec run-init /root /sbin/init\n", "/sbin/run-init": None}, ""),
        ({"/init": INIT.replace(". /scripts/nfs", "\t. /scripts/nfs"), "/scripts/nfs": None}, ""),
        ({"/init": None}, ""),
    ],
)
def test_parts(changed: dict[str, Content | None], missing: str) -> None:
    files = {path: content for path, content in {**WHOLE, **changed}.items() if content is not None}
    found = missing_part(guest_tree(files))
    assert (found or "").startswith(missing)
    assert bool(found) == bool(missing)
