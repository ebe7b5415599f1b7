"""The canonical form: what is frozen reads back as what was issued, and one changed cent changes the digest."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from invoice_world import invoice, line

from ardoise.core import canonical
from ardoise.core.documents import Document, Section


def document() -> Document:
    issued = invoice(line("10.00"), line("0.24", section=Section.OUTSIDE), line("9.99", section=Section.ONE_OFF))
    return replace(
        issued,
        preceding=(("FA2026-00001", date(2026, 10, 5)),),
        notes=("Remise exceptionnelle",),
        history_minor=(("2026-09", 1234), ("2026-10", 2023)),
        due_date=None,
    )


def test_a_document_reads_back_equal_through_json_text() -> None:
    content = json.loads(json.dumps(canonical.to_json(document())))
    assert canonical.from_json(content) == document()


def test_amounts_are_integers_and_exact_decimals_are_text() -> None:
    content = canonical.to_json(document())

    def walk(value: object) -> list[object]:
        if isinstance(value, dict):
            return [leaf for item in value.values() for leaf in walk(item)]
        if isinstance(value, list):
            return [leaf for item in value for leaf in walk(item)]
        return [value]

    assert not [leaf for leaf in walk(content) if isinstance(leaf, float)]
    assert isinstance(content["totals"]["net_minor"], int)  # type: ignore[index]
    assert content["lines"][0]["unit_price"] == "10.00"  # type: ignore[index]


@pytest.mark.parametrize("text", ["0.000001", "1E+2", "12345678901234567890.123456", "-0.5", "0"])
def test_a_decimal_keeps_its_value_and_never_an_exponent(text: str) -> None:
    changed = document()
    first = replace(changed.lines[0], quantity=Decimal(text))
    content = canonical.to_json(replace(changed, lines=(first,)))
    written = content["lines"][0]["quantity"]  # type: ignore[index]
    assert "E" not in written
    assert Decimal(written) == Decimal(text)


def test_one_cent_or_one_letter_changes_the_digest() -> None:
    issued = document()
    digest = canonical.digest(canonical.to_json(issued))
    totals = replace(issued.totals, payable_minor=issued.totals.payable_minor + 1)
    buyer = replace(issued.buyer, name=issued.buyer.name + "s")
    for changed in (replace(issued, totals=totals), replace(issued, buyer=buyer), replace(issued, number="FA2026-9")):
        assert canonical.digest(canonical.to_json(changed)) != digest


def test_the_digest_does_not_depend_on_the_order_of_the_keys() -> None:
    content = canonical.to_json(document())
    turned = dict(reversed(content.items()))
    assert canonical.digest(turned) == canonical.digest(content)


def test_a_document_frozen_before_a_field_existed_takes_its_default() -> None:
    content = canonical.to_json(document())
    for name in ("debited_iban", "creditor_identifier", "history_minor"):
        del content[name]
    read = canonical.from_json(content)
    assert (read.debited_iban, read.creditor_identifier, read.history_minor) == ("", "", ())


def test_every_field_of_a_document_is_frozen() -> None:
    assert set(canonical.to_json(document())) == {field.name for field in fields(Document)}


def test_what_has_no_exact_form_is_refused() -> None:
    with pytest.raises(TypeError, match="float has no canonical form"):
        canonical.to_json(replace(document(), penalty_note=0.1))  # type: ignore[arg-type]
