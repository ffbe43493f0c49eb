"""What a server in a cloud showed, as text."""

from collections.abc import Iterator

from imgtool.model.cloud_boot import CloudBoot
from imgtool.report.as_text.boot import cloud_init
from imgtool.report.as_text.layout import Paint, aligned, plain, shown
from imgtool.util.text import printable

_SNAPSHOTS = {"quiesced": "made of frozen file systems", "made": "made", "failed": "not made"}
LOG_LINES = 12
"""Of a server that failed, the end of its console."""


def document(found: CloudBoot, paint: Paint = plain) -> str:
    """How it went, what was seen, and one line of verdict."""
    return "\n".join(_lines(found, paint))


def _lines(found: CloudBoot, paint: Paint) -> Iterator[str]:
    yield paint(printable(f"server in {found.cloud}"), "title")
    yield from aligned(_rows(found), paint)
    if found.problem is not None and found.log:
        yield f"  {paint('end of its console', 'dim')}"
        yield from (f"    {printable(line)}" for line in found.log[-LOG_LINES:])
    yield ""
    yield _verdict(found, paint)


def _rows(found: CloudBoot) -> Iterator[tuple[str, str]]:
    yield "image", f"{found.image_name} ({found.image_id})"
    yield "flavor", found.flavor
    if found.hypervisor:
        yield "host", found.hypervisor
    active = f", ACTIVE after {found.active_seconds:.0f} s" if found.active_seconds is not None else ""
    yield "server", f"{found.server_id or 'none'} ({found.status}){active}; deleted"
    yield "reached", ", ".join(f"{one.stage} {one.seconds:.0f} s" for one in found.stages) or "nothing"
    yield "cloud-init", shown(found.cloud_init, cloud_init)
    yield "agent", shown(found.agent, lambda answered: "answered" if answered else "did not answer")
    yield "root grew", shown(found.root_grown, lambda grew: "yes" if grew else "no")
    yield "snapshot", shown(found.snapshot, lambda outcome: _SNAPSHOTS[outcome])


def _verdict(found: CloudBoot, paint: Paint) -> str:
    if found.passed:
        return f"{paint('PASS', 'good')}  {printable(found.image_name)} comes up in {printable(found.cloud)}"
    lines = [f"{paint('FAIL', 'bad')}  {printable(found.problem or '')}"]
    if found.diagnosis is not None:
        lines.append(f"      {printable(found.diagnosis.remedy)}")
    if found.delete_command:
        lines.append(
            f"      the image stays in {printable(found.cloud)}; to delete it: {found.delete_command}"
        )
    return "\n".join(lines)
