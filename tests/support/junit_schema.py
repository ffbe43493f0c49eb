"""The rules of Jenkins' schema for JUnit reports (jenkins-junit.xsd), as far as they can be broken."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.etree import ElementTree as ET

MANY = 1 << 30


class Rule(NamedTuple):
    """What an element may have; children come in this order, each name with its least and most."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: Mapping[str, tuple[int, int]] = {}
    text: bool = False


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RULES = {
    "testsuites": Rule(
        optional=words("name time tests failures disabled errors"), children={"testsuite": (0, MANY)}
    ),
    "testsuite": Rule(
        required=words("name tests"),
        optional=words("failures errors time disabled skipped timestamp hostname id package"),
        children={"properties": (0, 1), "testcase": (0, MANY), "system-out": (0, 1), "system-err": (0, 1)},
    ),
    "properties": Rule(children={"property": (1, MANY)}),
    "property": Rule(required=words("name value")),
    "testcase": Rule(
        required=words("name"),
        optional=words("assertions time classname status"),
        children={
            "skipped": (0, 1),
            "error": (0, MANY),
            "failure": (0, MANY),
            "system-out": (0, MANY),
            "system-err": (0, MANY),
        },
    ),
    "failure": Rule(optional=words("type message"), text=True),
    "error": Rule(optional=words("type message"), text=True),
    "skipped": Rule(text=True),
    "system-out": Rule(text=True),
    "system-err": Rule(text=True),
}


def violations(report: str) -> list[str]:
    """Each rule that the report breaks, in words; not well-formed XML raises ParseError."""
    root = ET.fromstring(report)  # noqa: S314 - our own
    wrong = [] if root.tag in {"testsuites", "testsuite"} else [f"{root.tag} as the root"]
    return [*wrong, *_violations(root)]


def _violations(element: ET.Element) -> Iterator[str]:
    rule = RULES.get(element.tag)
    if rule is None:
        yield f"{element.tag} is no element"
        return
    names = set(element.attrib)
    yield from (f"{element.tag} has no {name}" for name in rule.required - names)
    yield from (f"{element.tag} has {name}" for name in names - rule.required - rule.optional)
    if not rule.text and _has_text(element):
        yield f"{element.tag} has text"
    yield from _wrong_children(element, rule)
    for child in element:
        yield from _violations(child)


def _has_text(element: ET.Element) -> bool:
    return any((text or "").strip() for text in (element.text, *(child.tail for child in element)))


def _wrong_children(element: ET.Element, rule: Rule) -> Iterator[str]:
    tags = [child.tag for child in element]
    order = list(rule.children)
    known = [order.index(tag) for tag in tags if tag in order]
    if len(known) < len(tags) or known != sorted(known):
        yield f"{element.tag} has {tags}, not in the order {order}"
    for tag, (least, most) in rule.children.items():
        if not least <= tags.count(tag) <= most:
            yield f"{element.tag} has {tags.count(tag)} {tag}"
