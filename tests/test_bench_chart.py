"""The chart of a benchmark."""

import xml.etree.ElementTree as ET

import pytest
from bench import chart
from bench.model import Report
from support.bench_results import MIB, case, result


def test_the_chart_has_a_bar_for_each_that_counts_and_says_why_for_the_others():
    measured = case(
        result("imgtool", 1, ours=True), result("a<b", 2, 3), result("wrong", 4, failure="no"), result("late")
    )
    machine = {"cpu": "some CPU", "cores": "2", "kernel": "6", "date": "2024-02-29"}
    root = ET.fromstring(  # noqa: S314 - our own, made a line ago
        chart.svg(Report(machine, {"size_bytes": MIB, "rounds": 2, "cold": True}, (measured,)))
    )
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"dense -> qcow2", "a<b", "output is wrong or missing", "seconds", "2.5"} <= set(words)
    assert chart.nice_step(3.0) == 0.5


@pytest.mark.parametrize("largest", [0.004, 0.06, 0.61, 1.0, 7.3, 250.0])
def test_an_axis_has_few_and_round_steps(largest: float):
    step = chart.nice_step(largest)
    assert 2 <= largest / step <= 6.0001
    assert f"{step:.0e}"[0] in "125"
