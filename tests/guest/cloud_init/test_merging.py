"""How mappings are merged: what cloud-init 22.4 and 26.2 themselves made of the same."""

from typing import Any

import pytest

from imgtool.guest.cloud_init.merging import merged


@pytest.mark.parametrize(
    ("sources", "result"),
    [
        ([{"a": 1}, {"a": 2, "b": 3}], {"a": 1, "b": 3}),
        ([{"a": {"x": 1}}, {"a": {"x": 2, "y": 3}}], {"a": {"x": 1, "y": 3}}),
        ([{"a": [1]}, {"a": [2]}], {"a": [1]}),
        ([{"a": None}, {"a": {"x": 1}}], {"a": None}),
        ([{"a": "off"}, {"a": {"x": 1}}], {"a": {"x": 1}}),
        ([{"a": [1]}, {"a": {"x": 1}}], {"a": {"x": 1}}),
        ([{"a": False}, {"a": {"x": 1}}], {"a": False}),
        ([{"a": 1}, {"a": 2, "merge_how": "dict(replace)+list()+str()"}], {"a": 2}),
        ([{"a": [1]}, {"a": [2], "merge_how": "list(append)+dict(recurse_array)+str()"}], {"a": [1, 2]}),
        ([{"a": [1]}, {"a": [2], "merge_type": "list(prepend)+dict(recurse_list)"}], {"a": [2, 1]}),
        ([{"a": "x"}, {"a": "y", "merge_how": "dict(recurse_str)+str(append)"}], {"a": "xy"}),
        ([{"a": 1}, {"a": None, "merge_how": "dict(allow_delete)+list()"}], {}),
        (
            [
                {"a": [1]},
                {
                    "a": [2],
                    "merge_how": [
                        {"name": "list", "settings": ["append"]},
                        {"name": "dict", "settings": ["recurse_array"]},
                    ],
                },
            ],
            {"a": [1, 2]},
        ),
        (
            [{"a": [1]}, {"a": [2], "merge_how": [["list", "append"], ["dict", "recurse_array"]]}],
            {"a": [1, 2]},
        ),
    ],
)
def test_the_first_counts_most(sources: list[dict[Any, Any]], result: dict[Any, Any]) -> None:
    assert merged(sources) == result


@pytest.mark.parametrize("how", ["foo()", "bad", "list"])
def test_a_merger_that_is_none_makes_it_fail(how: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        merged([{"a": 1}, {"merge_how": how, "a": 2}])
