"""What pip, npm and RubyGems installed, by its metadata; of Python compared with what Python itself finds."""

import importlib.metadata
import json
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL
from support.guest_tree import Content, Unreadable, guest_tree
from support.stories import HOSTILE
from support.syft import purls_of_tree

from imgtool.guest.packages.installed import packages_fact
from imgtool.guest.packages.languages import HEAD_BYTES, MAX_JSON_BYTES, language_packages
from imgtool.model.facts import Known, Unknown
from imgtool.model.packages import LANGUAGES, InstalledPackage
from imgtool.report.purls import purl_of

APK = "P:musl\nV:1.2.5-r0\n"
SITE = "/opt/app/venv/lib/python3.11/site-packages"
NODE = "/srv/app/node_modules"
GEMS = "/var/lib/gems/3.1.0/specifications"
RACK = """# -*- encoding: utf-8 -*-
# stub: rack 2.2.4 ruby lib

Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.licenses = ["MIT".freeze, "Ruby".freeze]
end
"""


def found(files: dict[str, Content]) -> list[InstalledPackage]:
    return list(language_packages(guest_tree(files)))


def test_of_this_interpreter_it_is_what_python_finds() -> None:
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    names = [*site.glob("*.dist-info/METADATA"), *site.glob("*.egg-info/PKG-INFO")]
    ours = found({f"{SITE}/{path.relative_to(site)}": path for path in names})
    theirs = importlib.metadata.distributions(path=[str(site)])
    assert {(one.name, one.version) for one in ours} == {(one.name, one.version) for one in theirs}
    assert len(ours) > 50


@pytest.mark.parametrize(
    ("path", "content", "purl", "licence"),
    [
        (f"{SITE}/Foo_Bar-1.dist-info/METADATA", ("Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0\n"
         "License: BSD\n text of it\n\nName: other\n"), "pkg:pypi/foo-bar@1.0", "BSD"),
        (f"{SITE}/a-1.dist-info/METADATA", "Name: a\nVersion: 1\nLicense: x\nLicense-Expression: MIT\n",
         "pkg:pypi/a@1", "MIT"),
        ("/usr/lib/python3/dist-packages/six-1.16.0.egg-info", ("Name: six\nVersion: 1.16.0\n"
         "License: UNKNOWN\n"), "pkg:pypi/six@1.16.0", ""),
        (f"{SITE}/b.egg-info/PKG-INFO", "Name: b\r\nVersion: 2\r\n\r\n", "pkg:pypi/b@2", ""),
        (f"{NODE}/lodash/package.json", '{"name": "lodash", "version": "4.17.21", "license": "MIT"}',
         "pkg:npm/lodash@4.17.21", "MIT"),
        (f"{NODE}/@types/node/package.json", '{"name": "@types/node", "version": "20.1.0"}',
         "pkg:npm/%40types/node@20.1.0", ""),
        (f"{NODE}/a/node_modules/b/package.json", '{"name": "b", "version": "1", "license": {"type": "ISC"}}',
         "pkg:npm/b@1", "ISC"),
        (f"{GEMS}/rack-2.2.4.gemspec", RACK, "pkg:gem/rack@2.2.4", "MIT OR Ruby"),
        (f"{GEMS}/default/old-gem-1.0.gemspec", "Gem::Specification.new\n", "pkg:gem/old-gem@1.0", ""),
    ],
)  # fmt: skip
def test_metadata_of_each_kind(path: str, content: str, purl: str, licence: str) -> None:
    (one,) = found({path: content})
    assert purl_of(one, "debian", "12").to_string() == purl
    assert (one.licence, one.source) == (licence, path)


def test_it_is_what_syft_says(tmp_path: Path) -> None:
    """Of those that are installed, and of what is none."""
    python = {
        f"{SITE}/n{number}_x-{number}.{kind}": f"Name: n{number}_X\nVersion: {number}\n"
        for number, kind in enumerate(("dist-info/METADATA", "egg-info/PKG-INFO", "egg-info"))
    }
    node = {
        f"{NODE}/{name}/package.json": json.dumps({"name": name, "version": "1.2.3-beta+4"})
        for name in ("lodash", "@types/node", "a/node_modules/b".rpartition("/")[2], "x.y")
    }
    gems = {
        f"{GEMS}/g-{number}.1.gemspec": f"# -*- encoding: utf-8 -*-\n# stub: g {number}.1 ruby lib\n\n"
        f'Gem::Specification.new do |s|\n  s.name = "g".freeze\n  s.version = "{number}.1"\nend\n'
        for number in range(3)
    }
    none = {f"{NODE}/a/lib/x.json": "{}", "/srv/x/METADATA": "Name: x\nVersion: 1\n"}
    whole = {**python, **node, **gems, **none}
    ours = {purl_of(one, "debian", "12").to_string() for one in found(dict(whole))}
    theirs = {PackageURL.from_string(one).to_string() for one in purls_of_tree(whole, tmp_path)}
    assert ours == theirs
    assert len(ours) == 10


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{SITE}/a.dist-info/METADATA", "Name: a\n\nVersion: 1\n"),
        (f"{SITE}/a.dist-info/RECORD", "Name: a\nVersion: 1\n"),
        ("/METADATA", "Name: a\nVersion: 1\n"),
        ("/srv/app/package.json", '{"name": "app", "version": "1"}'),
        (f"{NODE}/a/lib/package.json", '{"name": "a", "version": "1"}'),
        (f"{NODE}/.package-lock/package.json", '{"name": "a", "version": "1"}'),
        (f"{NODE}/a/package.json", '{"type": "module"}'),
        (f"{NODE}/a/package.json", "[1]"),
        (f"{NODE}/a/package.json", '{"name": ["a"], "version": 1}'),
        (f"{NODE}/a/package.json", "[" * 100_000),
        (f"{NODE}/a/package.json", '{"name": "a", "version": "1", "x": "' + "x" * MAX_JSON_BYTES + '"}'),
        (f"{SITE}/a.dist-info/METADATA", f"Name: {'a' * 300}\nVersion: 1\n"),
        (f"{SITE}/a.dist-info/METADATA", "x" * HEAD_BYTES + "\nName: a\nVersion: 1\n"),
        ("/srv/app/app.gemspec", RACK),
        (f"{GEMS}/rack.gemspec", "Gem::Specification.new\n"),
    ],
)
def test_what_is_no_package(path: str, content: str) -> None:
    assert found({path: content}) == []


def test_each_is_told_once() -> None:
    document = '{"name": "b", "version": "1"}'
    assert (
        len(found({f"{NODE}/b/package.json": document, f"{NODE}/a/node_modules/b/package.json": document}))
        == 1
    )


def test_they_are_told_only_where_they_are_asked_for_and_with_the_system_s() -> None:
    tree = guest_tree({"/lib/apk/db/installed": APK, f"{GEMS}/rack-2.2.4.gemspec": RACK})
    plain, whole = packages_fact(tree), packages_fact(tree, languages=True)
    assert isinstance(plain, Known)
    assert isinstance(whole, Known)
    assert [one.manager for one in plain.value] == ["apk"]
    assert [one.manager for one in whole.value] == ["apk", "gem"]


def test_one_that_cannot_be_read_makes_all_unknown() -> None:
    tree = guest_tree({"/lib/apk/db/installed": APK, f"{NODE}/a/package.json": Unreadable()})
    assert packages_fact(tree, languages=True) == Unknown("bad block")


def test_more_than_there_are_anywhere_are_refused_in_time() -> None:
    files: dict[str, Content] = {
        f"{NODE}/{number}/package.json": json.dumps({"name": f"{number}", "version": "1"})
        for number in range(20_100)
    }
    began = time.process_time()
    fact = packages_fact(guest_tree({"/lib/apk/db/installed": APK, **files}), languages=True)
    assert isinstance(fact, Unknown)
    assert "more than 20000" in fact.reason
    assert time.process_time() - began < 10


@given(st.binary(max_size=2000), st.sampled_from(LANGUAGES))
def test_any_bytes_end_in_printable_words(content: bytes, kind: str) -> None:
    path = {"pypi": f"{SITE}/a.egg-info", "npm": f"{NODE}/a/package.json", "gem": f"{GEMS}/a-1.gemspec"}[kind]
    for one in found({path: content}):
        assert (one.name + one.version + one.licence).isprintable()


def test_nothing_that_a_terminal_obeys_comes_out() -> None:
    text = HOSTILE.replace("\n", " ")
    (one,) = found({f"{NODE}/a/package.json": json.dumps({"name": text, "version": "1\x1b"})})
    assert not set("\x1b\x07\u202e") & set(one.name + one.version)
