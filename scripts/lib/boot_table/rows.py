"""All rows of the table."""

from boot_table.model import Row
from boot_table.rows_bios import BIOS
from boot_table.rows_initramfs import INITRAMFS
from boot_table.rows_loaders import LOADER
from boot_table.rows_system import SYSTEM
from boot_table.rows_uefi import UEFI

ROWS: tuple[Row, ...] = (*UEFI, *BIOS, *LOADER, *INITRAMFS, *SYSTEM)
