from typing import Any

import pytest

from imgtool.errors import UsageError
from imgtool.model.delivery import GlanceTarget
from imgtool.model.validation import require_valid, validate

UUID = "c0ffee00-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"visibility": "secret"}, "no visibility 'secret'"),
        ({"members": ("p",)}, "private has no members"),
        ({"members": ("p",), "visibility": "public"}, "public has no members"),
        ({"stores": ("a",), "all_stores": True}, "exclude each other"),
        ({"stores": ("a", "b"), "method": "direct"}, "one store only"),
        ({"all_stores": True, "method": "direct"}, "one store only"),
        ({"image_id": "1"}, "no UUID"),
        ({"tags": ("x" * 256,)}, "no tag like"),
        ({"tags": ("",)}, "no tag like"),
        ({"tags": ("a\nb",)}, "no tag like"),
        ({"min_ram_mib": -1}, "negative"),
        ({"min_disk_gib": -1}, "negative"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], words: str) -> None:
    target = GlanceTarget("debian", **changed)
    with pytest.raises(UsageError, match=words) as caught:
        require_valid(target)
    assert caught.value.hint
    assert {*changed} & {*next(validate(target)).fields}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"members": ("p",), "visibility": "shared"},
        {"stores": ("a",), "method": "direct"},
        {"stores": ("a", "b")},
        {"stores": ("a", "b"), "method": "import"},
        {"all_stores": True},
        {"image_id": UUID, "on_conflict": "replace"},
        {"tags": ("x" * 255,), "min_disk_gib": 0, "min_ram_mib": 0},
    ],
    ids=str,
)
def test_what_makes_sense_passes(changed: dict[str, Any]) -> None:
    require_valid(GlanceTarget("debian", **changed))


def test_each_front_end_names_the_fields() -> None:
    target = GlanceTarget("debian", stores=("a", "b"), all_stores=True, method="direct", tags=("{stores}\n",))
    names = {"stores": "--store", "all_stores": "--all-stores", "method": "--method"}
    assert [(one.error(names).message, one.error(names).hint) for one in validate(target)] == [
        ("--store and --all-stores exclude each other", "give one of them"),
        ("the bytes can go directly into one store only", "use --method import, or name one store only"),
        ("Glance takes no tag like '{stores}\\\\n'", "use 1 to 255 printable characters"),
    ]
