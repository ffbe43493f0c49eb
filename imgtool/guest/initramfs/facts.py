"""Makes the facts of one kernel's initramfs: read to its end, module by module."""

import posixpath
from collections.abc import Iterator

from imgtool.guest.boot_entry import BootEntry
from imgtool.guest.filesystems.base import GuestReadError
from imgtool.guest.initramfs.compression import METHODS
from imgtool.guest.initramfs.content import InitramfsContent, is_trace
from imgtool.guest.initramfs.locate import InitramfsFiles, initramfs_files
from imgtool.guest.initramfs.pe import pe_sections
from imgtool.guest.initramfs.reader import ArchiveError, Reader, file_chunks
from imgtool.guest.initramfs.segments import UNCOMPRESSED, read_segments
from imgtool.guest.kernels import InstalledKernel
from imgtool.guest.tree import GuestTree
from imgtool.model.facts import Known
from imgtool.model.kernel import MODULES_OF_INTEREST, Initramfs, ModuleState
from imgtool.text import printable


def read_initramfs(
    tree: GuestTree, kernel: InstalledKernel, entry: BootEntry | None
) -> Known[Initramfs | None]:
    """The initramfs that `kernel` starts with; `entry` is its entry in the boot menu, if it has one.

    Raises GuestReadError where the files cannot be read. An archive that is damaged is no such case: then
    the facts say what was found before that, and `problem` what is wrong.
    """
    files = initramfs_files(tree, kernel, entry)
    if not files.paths:
        return Known(None, files.evidence)
    content = InitramfsContent(kernel.version)
    for chunks in _streams(tree, files):
        _gather(chunks, content)
    content.finish()
    if content.problem is None:
        content.problem = _unreadable_by_kernel(content.compression, kernel)
    return Known(_facts(files, content, kernel), files.evidence)


def _streams(tree: GuestTree, files: InitramfsFiles) -> Iterator[Iterator[bytes]]:
    for path in files.paths:
        stream = tree.open(path)
        if stream is None:
            raise GuestReadError(f"{path}: no regular file")
        if not files.unified:
            yield file_chunks(stream)
            continue
        section = pe_sections(stream).get(".initrd")
        if section is not None:
            yield file_chunks(stream, section.start, section.length)


def _gather(chunks: Iterator[bytes], content: InitramfsContent) -> None:
    try:
        for compression, member in read_segments(Reader(chunks), is_trace):
            content.add(compression, member)
    except ArchiveError as error:
        content.stop(error)


def _unreadable_by_kernel(compression: str, kernel: InstalledKernel) -> str | None:
    """A kernel inflates only what it was built for: CONFIG_RD_GZIP and its like."""
    if compression == UNCOMPRESSED or not kernel.config:
        return None
    symbol = f"CONFIG_RD_{compression.upper()}"
    if kernel.config.get(symbol) == "y" or compression not in {method.name for method in METHODS}:
        return None
    return f"unknown compression to this kernel: it was built without {symbol}"


def _facts(files: InitramfsFiles, content: InitramfsContent, kernel: InstalledKernel) -> Initramfs:
    states: dict[str, ModuleState] = {}
    evidence: dict[str, str] = {}
    for name in MODULES_OF_INTEREST:
        states[name], said = _module(name, content, kernel)
        if said:
            evidence[name] = said
    return Initramfs(
        path=files.paths[-1],
        compression=content.compression or "unknown",
        generator=content.generator,
        host_only=content.host_only,
        modules=states,
        evidence=evidence,
        problem=content.problem,
    )


def _module(name: str, content: InitramfsContent, kernel: InstalledKernel) -> tuple[ModuleState, str]:
    if kernel.modules[name] == "builtin":
        return "builtin", kernel.evidence[name]
    if name in content.modules:
        return _present_module(name, content, kernel)
    if content.unread is not None:
        return "unknown", content.unread
    if kernel.modules[name] == "unknown":
        return "unknown", ""
    return "missing", _other_versions(content, kernel)


def _other_versions(content: InitramfsContent, kernel: InstalledKernel) -> str:
    """Modules of another version cannot be loaded; empty where there are none."""
    if not content.other_versions:
        return ""
    versions = ", ".join(sorted(content.other_versions)[:3])
    return f"it holds modules for {printable(versions)}, not for {printable(kernel.version)}"


def _present_module(name: str, content: InitramfsContent, kernel: InstalledKernel) -> tuple[ModuleState, str]:
    """A module loads only with all that it needs: modules.dep of the kernel says what that is."""
    path = printable(content.modules[name])
    needed = kernel.dependencies.get(name, ())
    absent = [other for other in needed if other not in content.modules and other not in kernel.builtin]
    if not absent:
        return "module", path
    others = printable(", ".join(absent[:3]))
    state: ModuleState = "missing" if content.unread is None else "unknown"
    return (
        state,
        f"{path} is there, but not {others}, which it needs ({posixpath.basename(kernel.directory)})",
    )
