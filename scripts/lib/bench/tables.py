"""Results as aligned text, and as Markdown. Losses are shown as plainly as wins."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from bench.bars import FILE_SYSTEM, FULL_SIZE_BYTES, Bar
from bench.model import CaseResult, Confinement, Report, Result, StartUp, spread
from bench.peers import JUDGED
from bench.verdict import Verdict

MIB = 1 << 20
HEADINGS = ("", "seconds", "min", "max", "cpu s", "peak MiB", "on disk MiB", "MiB/s", "to best peer")
WORD_COLUMNS = 1
SETTINGS = ("rounds", "size", "page cache")


def case_table(case: CaseResult) -> str:
    """One workload and task, one line for each configuration."""
    best = case.best_peer
    lines = [_row(case, result, best) for result in case.results]
    source = f"{case.describe}; {_mib(case.allocated_bytes)} MiB allocated; {case.file_system}"
    return f"{case.key}  ({source})\n{aligned([HEADINGS, *lines])}\n{_conclusion(case)}\n"


def _row(case: CaseResult, result: Result, best: Result | None) -> tuple[str, ...]:
    if result.failure:
        return (result.name, f"FAILED: {result.failure}")
    if result.too_slow:
        return (result.name, "stopped at the time limit")
    wall = result.wall
    rate = f"{case.allocated_bytes / MIB / wall.median:.0f}" if case.allocated_bytes else "-"
    return (
        result.name,
        f"{wall.median:.3f}",
        f"{wall.low:.3f}",
        f"{wall.high:.3f}",
        f"{result.cpu_seconds:.2f}",
        _mib(result.peak_rss_bytes),
        _mib(result.allocated_bytes),
        rate,
        f"{wall.median / best.wall.median:.2f}" if best else "-",
    )


def _conclusion(case: CaseResult) -> str:
    ours, best = case.named(JUDGED), case.best_peer
    if ours is None or best is None:
        return "no comparison: " + ("imgtool" if ours is None else "no peer") + " has no figures"
    ratio = ours.wall.median / best.wall.median
    return f"imgtool / {best.name}: {ratio:.2f}, {verdict_word(ratio)}"


def verdict_word(ratio: float) -> str:
    """In words that cannot be misread."""
    return f"{1 / ratio:.1f} times as fast" if ratio <= 1 else f"a LOSS: takes {ratio:.1f} times as long"


def start_up_table(entries: Sequence[StartUp]) -> str:
    """How long imgtool takes to answer."""
    rows = [
        (e.name, f"{e.wall.median:.3f}", f"{e.wall.low:.3f}", f"{e.wall.high:.3f}", _mib(e.peak_rss_bytes))
        for e in entries
    ]
    return "start-up\n" + aligned([("", "seconds", "min", "max", "peak MiB"), *rows]) + "\n"


def confinement_table(confinement: Confinement) -> str:
    """What the sandbox takes of each run of qemu-img."""
    taken = (confinement.confined_seconds, confinement.plain_seconds)
    rows = [
        (name, *(f"{seconds * 1000:.1f}" for seconds in astuple(spread(list(samples)))))
        for name, samples in zip(("qemu-img --version, confined", "as it is"), taken, strict=True)
    ]
    added, once = confinement.added_seconds * 1000, confinement.once_seconds * 1000
    table = aligned([("", "CPU ms", "min", "max"), *rows])
    return f"confinement\n{table}\nadds {added:.1f} ms of CPU to a run, and {once:.1f} ms to the first\n"


def bar_table(verdicts: Sequence[Verdict[Bar]], report: Report) -> str:
    """What had to be reached, and whether it was."""
    rows = [(v.bar.title, _figure(v.value), f"{v.bar.limit:g}", v.word) for v in verdicts]
    table = aligned([("bar", "measured", "at most", ""), *rows])
    return f"{table}\n{_caveat(report)}"


def _caveat(report: Report) -> str:
    if report.settings["size_bytes"] == FULL_SIZE_BYTES and report.machine["file system"] == FILE_SYSTEM:
        return ""
    size = f"{FULL_SIZE_BYTES >> 30} GiB on {FILE_SYSTEM}"
    return (
        f"The bars are about {size}; this run had {settings_text(report)}, {report.machine['file system']}.\n"
    )


def settings_text(report: Report) -> str:
    """What the run was."""
    settings = report.settings
    cache = "cold" if settings["cold"] else "warm"
    return f"{settings['size_bytes'] / MIB:g} MiB, {settings['rounds']} rounds, {cache} page cache"


def machine_table(report: Report) -> str:
    """Where the figures come from."""
    return aligned([*report.machine.items(), ("run", settings_text(report))], words=2)


def aligned(rows: Sequence[tuple[str, ...]], words: int = WORD_COLUMNS) -> str:
    """Columns as wide as they need to be: the first `words` to the left, figures to the right.

    A row shorter than the others ends in a remark, which widens no column.
    """
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[n]) for row in full) for n in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)
    return "\n".join("  " + "  ".join(_cells(row, widths, words)).rstrip() for row in rows)


def _cells(row: tuple[str, ...], widths: list[int], words: int) -> Iterator[str]:
    left = words if len(row) == len(widths) else len(row)
    for number, cell in enumerate(row):
        yield cell.ljust(widths[number]) if number < left else cell.rjust(widths[number])


def markdown(report: Report) -> str:
    """The table of docs/performance.md."""
    machine = report.machine
    where = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, "
        f"Linux {machine['kernel']}, {machine['qemu-img'].partition(' (')[0]}, {machine['date']}, "
        f"load {machine['load']}"
    )
    lines = [
        f"Medians of {settings_text(report)}; {machine['file system']} unless named. {where}.",
        "",
        "| workload | to | imgtool, s | CPU s | peak MiB | best peer, s | CPU s | best peer | ratio |",
        "|---|---|--:|--:|--:|--:|--:|---|--:|",
        *(_markdown_row(case, machine["file system"]) for case in report.cases),
    ]
    if report.start_up:
        answers = (f"`{e.name}` {e.wall.median:.2f} s, {_mib(e.peak_rss_bytes)} MiB" for e in report.start_up)
        lines += ["", f"Start-up: {'; '.join(answers)}."]
    if (found := report.confinement) is not None:
        added, once = found.added_seconds * 1000, found.once_seconds * 1000
        lines += [
            "",
            f"The sandbox adds {added:.0f} ms of CPU to a run of qemu-img, {once:.0f} ms to the first.",
        ]
    return "\n".join(lines)


def _markdown_row(case: CaseResult, usual_file_system: str) -> str:
    place = "" if case.file_system == usual_file_system else f" ({case.file_system})"
    ours, best = case.named(JUDGED), case.best_peer
    peak = _mib(ours.peak_rss_bytes) if ours else "-"
    figures = _seconds(ours), _cpu(ours), peak, _seconds(best), _cpu(best)
    ratio = ours.wall.median / best.wall.median if ours and best else None
    shown = "-" if ratio is None else f"{ratio:.2f}" if ratio <= 1 else f"**{ratio:.2f}**"
    name = f"`{best.name}`" if best else "-"
    cells = (f"{case.workload}: {case.describe}{place}", case.task, *figures, name, shown)
    return f"| {' | '.join(cells)} |"


def _seconds(result: Result | None) -> str:
    if result is None:
        return "-"
    wall = result.wall
    return f"{wall.median:.2f} ({wall.low:.2f} to {wall.high:.2f})"


def _cpu(result: Result | None) -> str:
    return f"{result.cpu_seconds:.2f}" if result else "-"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / MIB:.0f}" if size_bytes >= 10 * MIB else f"{size_bytes / MIB:.1f}"
