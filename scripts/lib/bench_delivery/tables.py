"""Results as aligned text, and as Markdown. Losses are shown as plainly as wins."""

from collections.abc import Iterator, Sequence

from bench.model import CaseResult, Report, Result
from bench.tables import aligned, verdict_word
from bench.verdict import Verdict

from bench_delivery.bars import IMAGE, LARGE_GIB, Bar, find
from bench_delivery.cases import DELIVERIES, Delivery
from bench_delivery.ways import JUDGED, RAW_PEER

MIB = 1 << 20
WORDS = {"delivered as", "best peer"}
"""The columns that have no figures."""
COLUMNS = (
    "delivered as",
    "imgtool, s",
    "CPU s",
    "peak MiB",
    "written MiB",
    "best peer, s",
    "CPU s",
    "written MiB",
    "best peer",
    "ratio",
)
"""Of the table in docs/performance.md."""
CEPH_COLUMNS = (
    "delivered as",
    "imgtool, s",
    "CPU s",
    "wire MiB",
    "peer, s",
    "CPU s",
    "wire MiB",
    "ratio of time",
    "of bytes",
)
"""Of the one about Ceph."""
HEADINGS = (
    "",
    "seconds",
    "min",
    "max",
    "cpu s",
    "peak MiB",
    "written MiB",
    "stored MiB",
    "wire MiB",
    "MiB/s",
    "to best peer",
)


def case_table(delivery: Delivery, case: CaseResult) -> str:
    """One case, one line for each way."""
    lines = [_row(case, result) for result in case.results]
    source = (
        f"{delivery.describe}; {case.virtual_bytes / MIB:.0f} MiB, {_mib(case.allocated_bytes)} allocated"
    )
    return f"{delivery.name}: {case.task}  ({source})\n{aligned([HEADINGS, *lines])}\n{_conclusion(case)}\n"


def _row(case: CaseResult, result: Result) -> tuple[str, ...]:
    if result.failure:
        return (result.name, f"FAILED: {result.failure}")
    if result.too_slow:
        return (result.name, "stopped at the time limit")
    wall, best = result.wall, case.best_peer
    return (
        result.name,
        f"{wall.median:.2f}",
        f"{wall.low:.2f}",
        f"{wall.high:.2f}",
        f"{result.cpu_seconds:.2f}",
        _mib(result.peak_rss_bytes),
        _written(result),
        _mib(result.file_size_bytes),
        _wire(result),
        f"{result.file_size_bytes / MIB / wall.median:.0f}",
        f"{wall.median / best.wall.median:.2f}" if best else "-",
    )


def _conclusion(case: CaseResult) -> str:
    ours, best = case.named(JUDGED), case.best_peer
    if ours is None:
        return "no comparison: imgtool has no figures"
    if best is None:
        return "no comparison: nobody else takes part"
    ratio = ours.wall.median / best.wall.median
    cpu = ours.cpu_seconds / best.cpu_seconds
    return f"imgtool / {best.name}: {ratio:.2f}, {verdict_word(ratio)}; {cpu:.2f} of its CPU time"


def bar_table(verdicts: Sequence[Verdict[Bar]], report: Report) -> str:
    """What had to be reached, and whether it was."""
    rows = [(v.bar.title, _figure(v.value), f"{v.bar.limit:g}", v.word) for v in verdicts]
    return f"{aligned([('bar', 'measured', 'at most', ''), *rows])}\n{_caveat(report)}"


def _caveat(report: Report) -> str:
    settings = report.settings
    if (settings["image"], settings["large_gib"]) == (IMAGE, LARGE_GIB):
        return ""
    run = f"{settings['image']} and {settings['large_gib']} GiB"
    return f"The bars are about {IMAGE} and {LARGE_GIB} GiB; this run had {run}.\n"


def machine_table(report: Report) -> str:
    """Where the figures come from."""
    return aligned([*report.machine.items(), ("run", settings_text(report))], words=2)


def settings_text(report: Report) -> str:
    """What the run was."""
    settings = report.settings
    return (
        f"{settings['image']}, {settings['rounds']} rounds, large disks of {settings['large_gib']} GiB"
        f"{_wire_text(report)}"
    )


def _wire_text(report: Report) -> str:
    """The wire's speed, where it was not loopback's; nobody asked for another in older result files."""
    megabits = report.settings.get("wire")
    return f", a wire of {megabits} Mbit/s" if megabits else ""


def markdown(report: Report) -> str:
    """The table of docs/performance.md."""
    machine = report.machine
    qemu_img, _, _ = machine["qemu-img"].partition(" (")
    where = (
        f"Medians of {report.settings['rounds']} rounds; {machine['file system']}, {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['memory']}, {machine['system']}, Linux {machine['kernel']}, "
        f"{qemu_img}, python-openstackclient {machine['openstackclient']}, Glance {machine['glance']} on the "
        f"same machine, {machine['date']}{_wire_text(report)}."
    )
    lines = [where]
    for columns, cells, ceph in ((COLUMNS, _markdown_cells, False), (CEPH_COLUMNS, _ceph_cells, True)):
        measured = ((d, find(report.cases, d)) for d in DELIVERIES.values() if d.ceph is ceph)
        rows = [f"| {' | '.join(cells(d, case))} |" for d, case in measured if case is not None]
        ruler = "".join("---|" if name in WORDS else "--:|" for name in columns)
        lines += ["", f"| {' | '.join(columns)} |", f"|{ruler}", *rows] if rows else []
    return "\n".join(lines)


def _ceph_cells(delivery: Delivery, case: CaseResult) -> Iterator[str]:
    ours, peer = case.named(JUDGED), case.named(RAW_PEER)
    yield f"{f'{case.virtual_bytes >> 30} GiB, ' if delivery.large else ''}{delivery.describe}"
    for result in (ours, peer):
        yield from (_seconds(result), _cpu(result), _wire(result))
    yield _ratio(ours.wall.median / peer.wall.median if ours and peer else None)
    yield _ratio(ours.wire_bytes / peer.wire_bytes if ours and peer and peer.wire_bytes else None)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value <= 1 else f"**{value:.2f}**"


def _wire(result: Result | None) -> str:
    return _mib(result.wire_bytes) if result and result.wire_bytes else "-"


def _markdown_cells(delivery: Delivery, case: CaseResult) -> Iterator[str]:
    ours, best = case.named(JUDGED), case.best_peer
    yield f"{case.task}: {f'{case.virtual_bytes >> 30} GiB, ' if delivery.large else ''}{delivery.describe}"
    yield from (_seconds(ours), _cpu(ours), _mib(ours.peak_rss_bytes) if ours else "-", _written(ours))
    yield from (_seconds(best), _cpu(best), _written(best), f"`{best.name}`" if best else "-")
    yield _ratio(ours.wall.median / best.wall.median if ours and best else None)


def _seconds(result: Result | None) -> str:
    if result is None:
        return "-"
    wall = result.wall
    spread = f" ({wall.low:.2f} to {wall.high:.2f})" if len(result.samples) > 1 else ""
    return f"{wall.median:.2f}{spread}"


def _cpu(result: Result | None) -> str:
    return f"{result.cpu_seconds:.1f}" if result else "-"


def _written(result: Result | None) -> str:
    """Small figures are not rounded to nothing."""
    if result is None or result.written_bytes is None:
        return "-"
    return f"{result.written_bytes / MIB:.3g}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".removesuffix(".00")


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / MIB:.0f}" if size_bytes >= 10 * MIB else f"{size_bytes / MIB:.1f}"
