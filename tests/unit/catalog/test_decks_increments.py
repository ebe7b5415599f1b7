"""Increments that a deck does not say: kept from the row in force, taken from all rows in force, or asked for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ardoise.catalog.decks.deck import Destination, Entry, Key, Priced, Terms
from ardoise.catalog.decks.increments import UnknownIncrements, filled

DECEMBER = date(2026, 12, 1)


def terms(price: str = "0.02", first_s: int = 1, next_s: int = 1, steps: str = "") -> Terms:
    return Terms(price_per_min=None if steps else Decimal(price), first_s=first_s, next_s=next_s, steps=steps)


def entry(prefix: str, *, line: int = 2, band: str = "", says: bool = False, own: Terms | None = None) -> Entry:
    return Entry(line, Key(prefix, band=band), Destination("z", "", ""), own or terms(), DECEMBER, None, says)


def in_force(*rows: tuple[str, str, int, int]) -> dict[Key, Priced]:
    return {
        Key(prefix, band=band): Priced("z", terms("0.01", first_s, next_s)) for prefix, band, first_s, next_s in rows
    }


def increments(entries: list[Entry], base: dict[Key, Priced]) -> dict[str, tuple[int, int]]:
    whole, _ = filled(entries, base)
    return {one.key.prefix + one.key.band: (one.terms.first_s, one.terms.next_s) for one in whole if one.terms}


BASE = in_force(("+33", "", 60, 1), ("+336", "", 60, 60), ("+44", "", 60, 1))


def test_a_code_in_force_keeps_its_increments() -> None:
    assert increments([entry("+33"), entry("+336")], BASE) == {"+33": (60, 1), "+336": (60, 60)}
    _, how = filled([entry("+33"), entry("+336"), entry("+44")], BASE)
    assert (how.kept, how.taken) == ({(60, 1): 2, (60, 60): 1}, {})


def test_what_the_deck_says_stays() -> None:
    said = entry("+33", says=True, own=terms("0.02", 30, 6))
    assert increments([said, entry("+44")], BASE) == {"+33": (30, 6), "+44": (60, 1)}


def test_a_new_code_takes_those_of_all_rows_in_force() -> None:
    base = in_force(("+33", "", 60, 1), ("+44", "", 60, 1))
    whole, how = filled([entry("+33"), entry("+39")], base)
    assert [one.terms.first_s for one in whole if one.terms] == [60, 60]
    assert (how.kept, how.taken) == ({(60, 1): 1}, {(60, 1): 1})


def test_where_they_differ_a_new_code_is_a_question() -> None:
    with pytest.raises(UnknownIncrements) as refusal:
        filled([entry("+33"), entry("+39", line=3), entry("+41", line=4)], BASE)
    assert refusal.value.line == 3
    assert str(refusal.value) == (
        "nothing says the increments of 2 new codes (+39 ...), and those in force differ: 60/1 (2 rows), 60/60 (1 "
        "row); say --increment FIRST/NEXT, for example 60/1, for all rows of the deck, or add a column named increment"
    )


def test_a_band_that_is_new_to_a_code_has_its_increments() -> None:
    base = in_force(("+33", "", 60, 1), ("+44", "", 1, 1))
    assert increments([entry("+33", band="nuit")], base) == {"+33nuit": (60, 1)}
    split = in_force(("+33", "", 60, 1), ("+33", "nuit", 1, 1))
    with pytest.raises(UnknownIncrements):
        filled([entry("+33", band="soir")], split)


def test_rows_whose_increments_mean_nothing_neither_ask_nor_answer() -> None:
    by_steps = {Key("+88"): Priced("z", terms(steps="0:0.1/60/30"))}
    messages = {Key("+33", kind="sms"): Priced("z", terms("0.07"))}
    base = in_force(("+33", "", 60, 1)) | by_steps | messages
    assert increments([entry("+39"), entry("+88", own=terms(steps="0:0.2/60/30"))], base) == {
        "+39": (60, 1),
        "+88": (1, 1),
    }


def test_nothing_in_force_leaves_the_usual() -> None:
    assert increments([entry("+33")], {}) == {"+33": (1, 1)}
    assert increments([entry("+33")], {Key("+33", kind="sms"): Priced("z", terms())}) == {"+33": (1, 1)}
