"""The options about Glance: what each becomes, and which contradict each other."""

from pathlib import Path

import click
import pytest

from imgtool.cli.delivery import DeliveryOptions, delivery
from imgtool.errors import UsageError
from imgtool.model.delivery import CloudName, GlanceTarget

ID = "c0ffee00-0000-4000-8000-000000000001"


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@delivery
def command(sources: tuple[Path, ...], delivery: DeliveryOptions) -> DeliveryOptions:
    """Gives back what it was told."""
    assert sources
    return delivery


@pytest.fixture(autouse=True)
def no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OS_CLOUD", raising=False)


def told(*options: str, source: str = "golden.qcow2.gz", more: tuple[str, ...] = ()) -> DeliveryOptions:
    found = command.main([source, *more, *options], standalone_mode=False)
    assert isinstance(found, DeliveryOptions)
    return found


def test_without_options_it_is_a_private_image_named_after_its_file() -> None:
    assert told() == DeliveryOptions(
        (CloudName(None),), GlanceTarget("golden"), {}, derive=True, source_hash="sha256", timeout_seconds=900
    )


WANTED = [
    (["--name", "debian"], {"name": "debian"}),
    (["--visibility", "community"], {"visibility": "community"}),
    (["--protected"], {"protected": True}),
    (["--hidden"], {"hidden": True}),
    (["--tag", "a", "--tag", "b", "--tag", "a"], {"tags": ("a", "b")}),
    (["--member", "p", "--member", "q"], {"members": ("p", "q"), "visibility": "shared"}),
    (["--member", "p", "--visibility", "shared"], {"members": ("p",), "visibility": "shared"}),
    (["--min-disk", "20"], {"min_disk_gib": 20}),
    (["--min-disk", "0"], {"min_disk_gib": 0}),
    (["--min-ram", "512"], {"min_ram_mib": 512}),
    (["--id", ID.upper()], {"image_id": ID}),
    (["--owner-project", "p"], {"owner": "p"}),
    (["--method", "import"], {"method": "import"}),
    (["--store", "fast", "--store", "slow"], {"stores": ("fast", "slow")}),
    (["--all-stores"], {"all_stores": True}),
    (["--on-conflict", "skip"], {"on_conflict": "skip"}),
    (["--on-conflict", "new"], {"on_conflict": "new"}),
    (["--replace"], {"on_conflict": "replace"}),
    (["--replace", "--on-conflict", "replace"], {"on_conflict": "replace"}),
]


@pytest.mark.parametrize(("options", "expected"), WANTED, ids=lambda value: " ".join(map(str, value)))
def test_each_option_becomes_what_is_wanted(options: list[str], expected: dict[str, object]) -> None:
    assert told(*options).wanted == GlanceTarget(**{"name": "golden", **expected})


def test_the_others_stand_beside_it() -> None:
    found = told("--property", "a=b=c", "--property", "d=", "--no-derive", "--timeout", "30")
    assert (found.properties, found.derive, found.timeout_seconds) == ({"a": "b=c", "d": ""}, False, 30)


@pytest.mark.parametrize(
    ("options", "clouds"),
    [
        (["--cloud", "one"], [("one", None)]),
        (["--cloud", "one/RegionTwo"], [("one", "RegionTwo")]),
        (
            ["--cloud", "one/a", "--cloud", "one/b", "--cloud", "one"],
            [("one", "a"), ("one", "b"), ("one", None)],
        ),
    ],
    ids=["name", "region", "several"],
)
def test_clouds_are_taken_in_their_order(options: list[str], clouds: list[tuple[str, str | None]]) -> None:
    assert told(*options).clouds == tuple(CloudName(*cloud) for cloud in clouds)


@pytest.mark.parametrize(("value", "name"), [("prod", "prod"), ("odd name/x", "odd name/x"), ("", None)])
def test_os_cloud_is_a_name_as_it_stands(value: str, name: str | None, monkeypatch) -> None:
    monkeypatch.setenv("OS_CLOUD", value)
    assert told().clouds == (CloudName(name),)
    assert told("--cloud", "other").clouds == (CloudName("other"),)


WRONG = [
    (["--cloud", "one", "--cloud", "one"], "twice"),
    (["--cloud", ""], "NAME/REGION"),
    (["--cloud", "/region"], "NAME/REGION"),
    (["--cloud", "one/"], "NAME/REGION"),
    (["--store", "fast", "--all-stores"], "exclude"),
    (["--replace", "--on-conflict", "new"], "exclude"),
    (["--member", "p", "--visibility", "public"], "public"),
    (["--id", "12"], "UUID"),
    (["--min-disk", "-1"], "-1"),
    (["--timeout", "0"], "0"),
    (["--tag", ""], "empty"),
    (["--store", "\x1b[1m"], "printable"),
    (["--property", "=x"], "KEY=VALUE"),
    (["--property", "x"], "KEY=VALUE"),
]


@pytest.mark.parametrize(("options", "word"), WRONG, ids="".join)
def test_what_makes_no_sense_is_a_usage_error(options: list[str], word: str) -> None:
    with pytest.raises((click.BadParameter, UsageError)) as refused:
        told(*options)
    assert word in getattr(refused.value, "message", "")
    assert "\x1b" not in refused.value.message


def test_what_has_no_name_needs_one() -> None:
    with pytest.raises(UsageError, match="no name"):
        told(source="-")
    assert told("--name", "x", source="-").wanted.name == "x"


def test_several_images_are_named_by_their_files() -> None:
    assert told(more=("b.raw",)).wanted.name == "{stem}"
    assert told("--name", "new-{stem}", more=("b.raw",)).wanted.name == "new-{stem}"


@pytest.mark.parametrize(
    ("more", "options", "words"),
    [
        ("b.raw", ("--name", "x"), "names one image, and 2 are to have it"),
        ("b.raw", ("--id", ID), "--id is for one image"),
        ("-", (), "stdin cannot be one of several"),
    ],
)
def test_what_several_images_cannot_have(more: str, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        told(*options, more=(more,))
