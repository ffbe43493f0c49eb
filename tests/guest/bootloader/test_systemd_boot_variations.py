"""The order of 60 menus by their seeds, as systemd's `bootctl list` (252) gave it on the same files.

600 seeds were compared, once: two of them differ, in the order of two entries that no rule puts in order.
"""

import pytest
from support.boot_disks import device, esp_with, layout, start, systemd_boot
from support.loader_variations import marks, variation

from imgtool.guest.bootloader.systemd_boot import run_systemd_boot

ORDERS = (
    "12304 120 01 021 021 214305 102354 2130 210 20143 504123 41320 30142 1320 01 012 3210 354120 012 "
    "0453261 1235604 021 021 0132 3420156 40321 3205641 3640521 10 435120 215304 01 01 103542 124035 "
    "012345 0132 4206513 3426510 210 03421 13204 315462 10 04321 0123 10 0321 254031 01 10432 210 "
    "0132 215043 021 01 21534 01 254103 012 "
)


@pytest.mark.parametrize(("seed", "order"), list(enumerate(ORDERS.split())))
def test_the_order_of_bootctl(seed: int, order: str) -> None:
    on_esp, on_boot = variation(seed)
    devices = [esp_with(on_esp, systemd_boot()), device(2, "xbootldr", "vfat", on_boot)]
    found = run_systemd_boot(start("systemd-boot", devices[0]), devices, layout(devices))
    assert marks([entry.options for entry in found.entries]) == order
    assert found.booted is not None
    assert found.booted.entry.options.split("mark=")[1][0] == order[0]
