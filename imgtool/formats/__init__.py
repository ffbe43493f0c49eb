"""Untrusted bytes -> what they are, and whether they are safe: the gate (gate.py).

examine.py is its second door: what a qcow2's L2 tables name, before another program reads them. A format is a
module or a package of that name (qcow2/, vmdk/, vhdx/, vpc_*.py, vdi_layout.py, ova/) behind layout.py.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgtool.formats.gate import admit, open_admitted, verify_unchanged

__all__ = ["admit", "open_admitted", "verify_unchanged"]


def __getattr__(name: str) -> object:
    """The gate's, which is not loaded where no more than a header is read: in the sandbox's server."""
    if name not in __all__:
        raise AttributeError(name)
    from imgtool.formats import gate  # noqa: PLC0415 - see above

    return getattr(gate, name)
