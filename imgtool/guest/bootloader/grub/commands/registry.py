"""How a function becomes a command."""

from collections.abc import Callable

from imgtool.guest.bootloader.grub.execute import COMMANDS, Handler


def command(*names: str) -> Callable[[Handler], Handler]:
    """The function is what GRUB runs under these names; it returns an error's number, or raises GrubError."""

    def register(handler: Handler) -> Handler:
        COMMANDS.update(dict.fromkeys(names, handler))
        return handler

    return register
