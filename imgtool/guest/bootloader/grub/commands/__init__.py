"""GRUB's commands by name: each module adds its own to execute.COMMANDS."""

from imgtool.guest.bootloader.grub.commands import (
    bls,
    entries,
    files,
    kernel,
    plain,
    questions,
    search,
    system,
)

__all__ = ["bls", "entries", "files", "kernel", "plain", "questions", "search", "system"]
