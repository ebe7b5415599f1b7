"""What a deck changes: versions by day, dearer and cheaper, zones, and the deck that a version becomes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ardoise.catalog.decks.changes import Change, Kind, missing_keys, plan_versions
from ardoise.catalog.decks.deck import Destination, Entry, Key, Priced, Terms
from ardoise.catalog.decks.zones import KnownZone, place, zone_code

DECEMBER, MID_DECEMBER, JANUARY = date(2026, 12, 1), date(2026, 12, 15), date(2027, 1, 1)
ZONE = Destination("z", "", "")


def terms(price: str, first_s: int = 1, next_s: int = 1, **others: str | int) -> Terms:
    exact = {name: Decimal(value) if isinstance(value, str) else value for name, value in others.items()}
    return Terms(price_per_min=Decimal(price), first_s=first_s, next_s=next_s, **exact)  # type: ignore[arg-type]


def entry(prefix: str, price: str | None, day: date = DECEMBER, end: date | None = None) -> Entry:
    return Entry(2, Key(prefix), ZONE, terms(price) if price else None, day, end)


def base(**prices: str) -> dict[Key, Priced]:
    return {Key(prefix.replace("p", "+")): Priced("z", terms(price)) for prefix, price in prices.items()}


def story(
    entries: list[Entry], before: dict[Key, Priced], *, keep_missing: bool = False
) -> list[tuple[date, str, dict[str, str]]]:
    """For each version: its first day, the changes as text, its prices."""
    plans = plan_versions(before, entries, {ZONE: "z"}, keep_missing=keep_missing)
    return [
        (
            plan.valid_from_date,
            " ".join(f"{change.kind}:{change.key.prefix}" for change in plan.changes),
            {key.prefix: str(row.terms.price_per_min) for key, row in plan.rows.items()},
        )
        for plan in plans
    ]


def test_rows_are_new_dearer_cheaper_gone_or_unchanged() -> None:
    before = base(p33="0.01", p34="0.02", p35="0.03", p36="0.04")
    entries = [entry("+33", "0.010"), entry("+34", "0.03"), entry("+35", "0.02"), entry("+37", "0.05")]
    (plan,) = plan_versions(before, entries, {ZONE: "z"}, keep_missing=False)
    assert {kind: plan.counts[kind] for kind in Kind} == {
        Kind.NEW: 1,
        Kind.DEARER: 1,
        Kind.CHEAPER: 1,
        Kind.CHANGED: 0,
        Kind.GONE: 1,
        Kind.UNCHANGED: 1,  # 0.010 is 0.01
    }
    percents = {change.key.prefix: change.difference_percent for change in plan.changes}
    assert percents == {"+34": Decimal("50.0"), "+35": Decimal("-33.3"), "+36": None, "+37": None}


def test_an_amendment_keeps_what_it_does_not_speak_of() -> None:
    before = base(p33="0.01", p34="0.02")
    assert missing_keys(before, [entry("+33", "0.03")]) == {Key("+34")}
    assert story([entry("+33", "0.03")], before, keep_missing=True) == [
        (DECEMBER, "dearer:+33", {"+33": "0.03", "+34": "0.02"})
    ]
    assert story([entry("+33", "0.03")], before) == [(DECEMBER, "dearer:+33 gone:+34", {"+33": "0.03"})]


def test_a_deck_of_calls_says_nothing_of_messages() -> None:
    messages = {Key("+33", kind="sms"): Priced("z", terms("0.07"))}
    assert missing_keys(messages, [entry("+33", "0.03")]) == set()
    (plan,) = plan_versions(messages, [entry("+33", "0.03")], {ZONE: "z"}, keep_missing=False)
    assert set(plan.rows) == {Key("+33"), Key("+33", kind="sms")}


def test_each_day_of_the_deck_is_a_whole_version() -> None:
    """+33 rises in the middle of December and keeps its price until then; +35 comes and goes with the year."""
    before = base(p33="0.01", p34="0.02")
    entries = [
        entry("+34", "0.01"),
        entry("+33", "0.03", MID_DECEMBER),
        entry("+35", "0.05", MID_DECEMBER, JANUARY),
    ]
    assert story(entries, before) == [
        (DECEMBER, "cheaper:+34", {"+33": "0.01", "+34": "0.01"}),
        (MID_DECEMBER, "dearer:+33 new:+35", {"+33": "0.03", "+34": "0.01", "+35": "0.05"}),
        (JANUARY, "gone:+35", {"+33": "0.03", "+34": "0.01"}),
    ]


def test_a_price_that_ends_and_its_successor() -> None:
    entries = [entry("+33", "0.02", DECEMBER, JANUARY), entry("+33", "0.03", JANUARY)]
    assert story(entries, base(p33="0.01")) == [
        (DECEMBER, "dearer:+33", {"+33": "0.02"}),
        (JANUARY, "dearer:+33", {"+33": "0.03"}),
    ]


def test_a_row_that_the_deck_deletes_is_gone_in_an_amendment_too() -> None:
    assert story([entry("+33", None)], base(p33="0.01", p34="0.02"), keep_missing=True) == [
        (DECEMBER, "gone:+33", {"+34": "0.02"})
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (terms("0.01"), terms("0.02"), Kind.DEARER),
        (terms("0.02"), terms("0.01"), Kind.CHEAPER),
        (terms("0.02", 60, 60), terms("0.02", 1, 1), Kind.CHEAPER),
        (terms("0.02", 60, 60), terms("0.02", 30, 6), Kind.CHEAPER),
        (terms("0.02", 1, 1), terms("0.02", 60, 1), Kind.DEARER),
        (terms("0.02", 30, 6), terms("0.02", 60, 1), Kind.CHANGED),  # 20 s bills more, 61 s less
        (
            terms("0.02", 6, 6),
            terms("0.02", 4, 4),
            Kind.CHANGED,
        ),  # 5 s bills 8 in place of 6, 7 s bills 8 in place of 12
        (terms("0.02"), terms("0.03", 1, 1, free_s=10), Kind.CHANGED),
        (terms("0.02"), terms("0.02", 1, 1, free_s=10), Kind.CHEAPER),
        (terms("0.02"), terms("0.02", 1, 1, connection_fee="0.1"), Kind.DEARER),
        (terms("0.02"), terms("0.01", 1, 1, connection_fee="0.1"), Kind.CHANGED),
        (terms("0.02"), terms("0.02")._replace(maximum=Decimal(1)), Kind.CHANGED),
    ],
)
def test_dearer_means_that_nothing_is_cheaper(old: Terms, new: Terms, kind: Kind) -> None:
    (plan,) = plan_versions(
        {Key("+33"): Priced("z", old)},
        [Entry(2, Key("+33"), ZONE, new, DECEMBER, None)],
        {ZONE: "z"},
        keep_missing=False,
    )
    assert [change.kind for change in plan.changes] == [kind]


def test_the_zone_alone_is_a_change() -> None:
    (plan,) = plan_versions(base(p33="0.01"), [entry("+33", "0.01")], {ZONE: "europe"}, keep_missing=False)
    assert [change.kind for change in plan.changes] == [Kind.CHANGED]


def test_a_difference_from_a_free_call_has_no_percentage() -> None:
    change = Change(Kind.DEARER, DECEMBER, Key("+33"), 2, Priced("z", terms("0")), Priced("z", terms("0.01")))
    assert change.difference_percent is None


def test_zones_are_found_by_code_or_name_and_created_from_the_name() -> None:
    known = [KnownZone("mob", "France mobile", "France, mobiles"), KnownZone("uk", "Royaume-Uni", "United Kingdom")]
    asked = [
        Destination("", "FRANCE MOBILE", ""),
        Destination("", "United Kingdom", ""),
        Destination("uk", "", ""),
        Destination("", "Côte d'Ivoire – Orange", ""),
        Destination("", "Cote d'Ivoire - Orange", ""),
        Destination("neuf", "Zone neuve", "New zone"),
    ]
    codes, created = place(asked, known)
    assert list(codes.values()) == ["mob", "uk", "uk", "cote-divoire-orange", "cote-divoire-orange", "neuf"]
    assert created == [
        KnownZone("cote-divoire-orange", "Côte d'Ivoire – Orange", "Côte d'Ivoire – Orange"),
        KnownZone("neuf", "Zone neuve", "New zone"),
    ]


def test_long_names_that_begin_alike_stay_two_zones() -> None:
    names = [f"United States Minor Outlying Islands Mobile {operator}" for operator in ("One", "Two")]
    codes = {zone_code(name) for name in names}
    assert len(codes) == 2 and all(len(code) <= 40 for code in codes)
    assert zone_code("Россия").startswith("zone-")
