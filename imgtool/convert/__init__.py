"""The fast path: a disk from one file format to another, or to Glance.

To convert: base.py is the architecture, two small tables of operations. engine.py carries pieces of a disk
from one of sources/ to one of sinks/; reflink.py shares blocks instead; native.py chooses these for a plan;
convert.py plans (pure), executes and verifies, where that takes qemu-img by by_qemu_img.py; free_blocks.py
asks a sandbox what need not be copied.

To send: payload.py gives the bytes of an image, as its file is or in another format that is made while the
disk is read, in order (ordered.py), with no file in between; payloads/ are the kinds.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """The name `imgtool.convert` is this package's as soon as it is loaded, and the Python API's function's.

    So that `from imgtool import convert` means the same whatever was imported before, it is both.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do what imgtool.api.convert does."""
        return importlib.import_module("imgtool.api").convert(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
