"""Results of benchmarks that nobody ran."""

from bench.model import CaseResult, Result, Sample

MIB = 1 << 20


def result(name: str, *seconds: float, ours: bool = False, **more: object) -> Result:
    samples = tuple(
        Sample(s, s / 2, s / 4, 50 * MIB, file_size_bytes=8 * MIB, allocated_bytes=4 * MIB) for s in seconds
    )
    return Result(name, ours, (name,), samples, **more)  # type: ignore[arg-type]  # by name, as the test says


def case(*results: Result, workload: str = "dense") -> CaseResult:
    return CaseResult(workload, "qcow2", "some disk", "tmpfs", 4 * MIB, 2 * MIB, results)
