"""What the convention finder says of small bills whose arithmetic is done here by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from rating_world import rate, tariff

from ardoise.core.conventions import (
    Audit,
    Cause,
    CauseKind,
    Decider,
    Deck,
    Doubt,
    NothingToCompare,
    PricedCall,
    field,
    find,
)
from ardoise.core.conventions.sentences import (
    cause_text,
    convention_lines,
    doubt_lines,
    stake_lines,
    summary,
    unexplained_title,
)
from ardoise.core.money import Rounding
from ardoise.core.tariffs import BandBorder, BandRule, Calendar, Tariff, TariffVersion

MONDAY = datetime(2026, 10, 5, 8, tzinfo=UTC)  # 10:00 in Paris
MOBILE, LANDLINE = "33612345678", "33123456789"
LENGTHS = (1, 7, 20, 29, 31, 45, 59, 60, 61, 62, 75, 90, 118, 119, 121, 133, 179, 181, 200, 245, 301, 333, 420, 601)

FULL_HOURS = Calendar(
    code="heures",
    zone="Europe/Paris",
    holidays="",
    rules=(
        BandRule("pleines", frozenset(range(1, 8)), time(8), time(19)),
        BandRule("creuses", frozenset(range(1, 8)), time(0), time(0)),
    ),
)


def ten_cents(**changes: object) -> Tariff:
    """Mobiles at 10 cents a minute, landlines at 3."""
    return tariff(rate("336", "0.10", zone="mobile"), rate("33", "0.03", zone="fixe"), **changes)


def calls(lengths: tuple[int, ...] = LENGTHS, *, rounds: int = 4, price_micros: object = None) -> list[PricedCall]:
    """Each length `rounds` times, to mobiles and landlines in turn, priced by `price_micros(per_min_micros, s)`."""
    made = []
    for turn in range(rounds):
        for talk_s in lengths:
            number, per_min = ((MOBILE, 100_000), (LANDLINE, 30_000))[len(made) % 2]
            at = MONDAY + timedelta(minutes=7 * len(made) % 400, days=turn)
            micros = price_micros(per_min, talk_s)  # type: ignore[operator]
            made.append(PricedCall(f"line {len(made) + 2}", number, at, talk_s, micros))
    return made


def by_the_minute(per_min_micros: int, talk_s: int) -> int:
    return per_min_micros * -(-talk_s // 60)


def by_the_second(per_min_micros: int, talk_s: int) -> int:
    """Rounded half up to the hundredth of a cent."""
    return (per_min_micros * talk_s // 6 + 500) // 1000 * 100  # micros a minute / 60, to 100 micros


def doubted(audit: Audit, name: str) -> list[object]:
    """The values of one field that the sample cannot refuse."""
    return [field(doubt.other, name) for doubt in audit.doubts if doubt.fields == (name,) and doubt.same]


def test_started_minutes_are_found_though_the_tariff_says_seconds() -> None:
    audit = find(calls(price_micros=by_the_minute), [Deck(ten_cents())])
    assert audit.convention.terms.increments == (60, 60)
    assert (audit.explained, audit.calls, audit.unexplained) == (96, 96, ())
    assert audit.as_written == 8  # by the second, only whole minutes agree: 60 s and 420 s, four times each


def test_seconds_are_found_with_their_decimals() -> None:
    audit = find(calls(price_micros=by_the_second), [Deck(ten_cents())])
    found = audit.convention
    assert (found.terms.increments, found.rounding, found.decimals) == ((1, 1), Rounding.HALF_UP, 4)


def test_a_fee_that_no_list_has_is_read_off_the_amounts() -> None:
    audit = find(calls(price_micros=lambda price, s: by_the_minute(price, s) + 73_100), [Deck(ten_cents())])
    assert audit.convention.terms.fee == Decimal("0.0731")
    assert audit.convention.terms.increments == (60, 60)


def test_a_zone_may_have_a_fee_of_its_own() -> None:
    def price(per_min: int, s: int) -> int:
        return by_the_minute(per_min, s) + (100_000 if per_min == 30_000 else 0)  # 10 cents on landlines only

    audit = find(calls(price_micros=price), [Deck(ten_cents())])
    assert audit.unexplained == ()
    fees = {zone: audit.convention.terms_of(zone).fee for zone in ("mobile", "fixe")}
    assert fees == {"mobile": Decimal(0), "fixe": Decimal("0.1")}


def test_whole_minutes_cannot_tell_minutes_from_seconds() -> None:
    audit = find(calls((60, 120, 180, 300, 420), rounds=10, price_micros=by_the_minute), [Deck(ten_cents())])
    assert audit.convention.terms.increments == (1, 1)  # as the tariff says: nothing speaks against it
    assert {(60, 60), (60, 1), (30, 30)} <= set(doubted(audit, "increments"))
    first = next(doubt for doubt in audit.doubts if field(doubt.other, "increments") == (60, 60))
    assert first.decider.call.talk_s % 60 != 0
    assert first.decider.micros != first.decider.other_micros
    assert "Non distinguable : paliers" in " ".join(doubt_lines(audit, "fr")).replace("\u00a0", " ")


def test_a_border_that_no_call_crosses_is_not_decided() -> None:
    """Two prices, 8 h to 19 h and the rest, but every call is over before 19:00: the border could be any."""
    banded = tariff(rate("33", "0.10", zone="x"), rate("33", "0.04", zone="x", band="creuses"), calendar="heures")
    made = [replace(call, number_key=LANDLINE) for call in calls(price_micros=lambda _, s: by_the_minute(100_000, s))]
    audit = find(made, [Deck(banded, FULL_HOURS)])
    assert audit.unexplained == ()
    assert set(doubted(audit, "border")) == {BandBorder.CARRY, BandBorder.SPLIT}
    border = next(doubt for doubt in audit.doubts if doubt.fields == ("border",))
    at = border.decider.call.answered_at
    local_hour = (at + timedelta(hours=2)).hour  # Paris in early October
    assert local_hour in (7, 18)  # just before a change of band


def test_one_crossing_call_decides_the_border() -> None:
    """18:59:30, 90 s, started minutes: band of the start 2 x 10 = 20 cents; carried 10 + 4 = 14; split 10 + 4 = 14.
    At 100 s: start 20; carried 10 + 4 = 14; split (30 s, 70 s) 10 + 2 x 4 = 18.
    """
    banded = tariff(rate("33", "0.10", zone="x"), rate("33", "0.04", zone="x", band="creuses"), calendar="heures")
    made = [replace(call, number_key=LANDLINE) for call in calls(price_micros=lambda _, s: by_the_minute(100_000, s))]
    evening = datetime(2026, 10, 6, 16, 59, 30, tzinfo=UTC)
    for day in range(4):
        made.append(PricedCall(f"evening {day}", LANDLINE, evening + timedelta(days=day), 100, 180_000))
    audit = find(made, [Deck(banded, FULL_HOURS)])
    assert audit.convention.border is BandBorder.SPLIT
    assert audit.unexplained == () and not doubted(audit, "border")


def test_errors_are_listed_with_their_likely_cause() -> None:
    made = calls(price_micros=by_the_minute)
    made[5] = replace(made[5], printed_micros=made[5].printed_micros * 10)
    made[8] = replace(made[8], printed_micros=made[8].printed_micros * 12 // 10)  # 20 % of tax
    made[11] = replace(made[11], printed_micros=made[11].printed_micros + 30_000)  # one minute of a landline more
    made.append(replace(made[20], ref="again"))
    made.append(PricedCall("abroad", "8835100012345", MONDAY, 60, 900_000))
    audit = find(made, [Deck(ten_cents())])
    causes = {found.call.ref: (found.cause.kind, found.cause.detail) for found in audit.unexplained}
    assert causes == {
        made[5].ref: (CauseKind.TIMES, "10"),
        made[8].ref: (CauseKind.TAX, "20"),
        made[11].ref: (CauseKind.INCREMENTS, "+60"),
        "again": (CauseKind.TWICE, made[20].ref),
        "abroad": (CauseKind.NO_ROW, ""),
    }
    expected = 9 * made[5].printed_micros // 10 + made[8].printed_micros // 6 + 30_000 + made[20].printed_micros
    assert audit.stake_micros == expected
    assert cause_text(audit.unexplained[0].cause, "en") == "amount times 10"


def test_the_price_of_another_row_is_named() -> None:
    """A mobile priced as a landline: the row of the shorter prefix 33."""
    made = calls(price_micros=by_the_minute)
    made[6] = replace(made[6], printed_micros=by_the_minute(30_000, made[6].talk_s))
    audit = find(made, [Deck(ten_cents())])
    assert [(found.cause.kind, found.cause.detail) for found in audit.unexplained] == [(CauseKind.PREFIX, "33")]


def test_a_new_price_applied_late_is_the_version_of_before() -> None:
    """From 7 October mobiles cost 8 cents; two calls of the 8th are still priced at 10."""
    old, new = rate("33", "0.10", zone="x"), rate("33", "0.08", zone="x")
    known = ten_cents(
        versions=(
            TariffVersion(1, datetime(2026, 1, 1, tzinfo=UTC), None, (old,)),
            TariffVersion(2, datetime(2026, 10, 7, tzinfo=UTC), None, (new,)),
        )
    )
    made = []
    for place, call in enumerate(calls(price_micros=by_the_minute)):
        per_min = 100_000 if call.answered_at < datetime(2026, 10, 7, tzinfo=UTC) or place in (90, 93) else 80_000
        made.append(replace(call, printed_micros=by_the_minute(per_min, call.talk_s)))
    audit = find(made, [Deck(known)])
    assert [found.call.ref for found in audit.unexplained] == [made[90].ref, made[93].ref]
    assert {found.cause.kind for found in audit.unexplained} == {CauseKind.VERSION}


def test_all_calls_at_the_old_version_is_a_finding_not_a_list_of_errors() -> None:
    old, new = rate("33", "0.10", zone="x"), rate("33", "0.08", zone="x")
    known = ten_cents(
        versions=(
            TariffVersion(1, datetime(2026, 1, 1, tzinfo=UTC), None, (old,)),
            TariffVersion(2, datetime(2026, 10, 7, tzinfo=UTC), None, (new,)),
        )
    )
    made = [
        replace(call, printed_micros=by_the_minute(100_000, call.talk_s)) for call in calls(price_micros=by_the_minute)
    ]
    audit = find(made, [Deck(known)])
    assert (audit.convention.version_id, audit.unexplained) == (1, ())


def test_the_deck_that_explains_is_chosen_among_several() -> None:
    other = tariff(rate("336", "0.11", zone="mobile"), rate("33", "0.029", zone="fixe"), tariff_id=2)
    audit = find(calls(price_micros=by_the_minute), [Deck(other), Deck(ten_cents())])
    assert audit.convention.deck == "T1"


def test_a_constant_coefficient_is_found() -> None:
    """A reseller adds 17.5 %: 10 cents become 11.75."""
    made = calls(price_micros=lambda price, s: by_the_minute(price, s) * 1175 // 1000)
    audit = find(made, [Deck(ten_cents())])
    assert (audit.convention.coefficient, audit.unexplained) == (Decimal("1.175"), ())


def test_three_errors_in_ten_are_listed_and_the_confidence_is_low() -> None:
    made = calls(price_micros=by_the_minute)
    wrong = {call.ref for place, call in enumerate(made) if place % 10 in (1, 4, 7)}
    made = [
        replace(call, printed_micros=call.printed_micros + 1_000 * (7 + place % 13)) if call.ref in wrong else call
        for place, call in enumerate(made)
    ]
    audit = find(made, [Deck(ten_cents())])
    assert {found.call.ref for found in audit.unexplained} == wrong
    assert audit.confidence == "low"
    assert "Confiance faible" in " ".join(summary(audit, "fr"))


def test_calls_of_no_duration_billed_like_a_minute() -> None:
    made = calls((0, *LENGTHS), price_micros=lambda price, s: by_the_minute(price, max(s, 1)))
    audit = find(made, [Deck(ten_cents())])
    assert audit.convention.bill_zero_seconds and audit.unexplained == ()


def test_the_same_bill_gives_the_same_answer() -> None:
    made = calls(price_micros=by_the_second)
    assert find(made, [Deck(ten_cents())]).convention == find(made, [Deck(ten_cents())]).convention


def test_roundings_that_change_nothing_are_not_told_apart() -> None:
    """6 or 12 cents a started minute: every amount is whole cents, whatever is done with the rest of them."""
    even = tariff(rate("336", "0.12", zone="mobile"), rate("33", "0.06", zone="fixe"))
    made = calls(price_micros=lambda price, s: by_the_minute({100_000: 120_000, 30_000: 60_000}[price], s))
    audit = find(made, [Deck(even)])
    assert audit.convention.terms.increments == (60, 60)
    assert {audit.convention.rounding, *audit.equal_roundings} == set(Rounding)
    said = doubt_lines(audit, "fr")[0].replace("\u00a0", " ").replace("\u202f", " ")
    assert said.startswith("Non distinguable : arrondi (") and "vers le bas" in said
    assert said.endswith(" ; aucun appel essayé n'aurait un autre prix.")
    assert doubt_lines(audit, "en")[0].startswith("Not distinguishable: rounding (")


def test_a_rounding_that_counts_has_no_equal() -> None:
    audit = find(calls(price_micros=by_the_second), [Deck(ten_cents())])
    assert Rounding.UP not in audit.equal_roundings and Rounding.DOWN not in audit.equal_roundings


def test_what_is_counted_agrees_in_number() -> None:
    made = calls(price_micros=by_the_minute)
    made[30] = replace(made[30], printed_micros=made[30].printed_micros + 20_000)
    made.append(PricedCall("line 99", "8835100012345", MONDAY, 60, 900_000))
    audit = find(made, [Deck(ten_cents())])
    assert unexplained_title(len(audit.unexplained), "fr") == "2 appels inexpliqués"
    assert unexplained_title(1, "fr") == "1 appel inexpliqué" and unexplained_title(1, "en") == "1 unexplained call"
    without_price = stake_lines(audit, "fr")[1].replace("\u00a0", " ")
    assert without_price == "Sans prix dans la grille : 1 appel, 0,90 €."
    assert summary(replace(audit, explained=1, as_written=1), "en")[0].startswith("1 call of 97 is explained")
    assert "1 appel sur 97 est expliqué" in summary(replace(audit, explained=1, as_written=1), "fr")[0]
    doubt = Doubt(("border",), audit.convention, 1, ("line 8",), Decider(made[0], 1, 2))
    said = doubt_lines(replace(audit, doubts=(doubt,)), "fr")[-1]
    assert "1 appel de différence seulement, par exemple ligne 8." in said


def test_causes_name_lines_and_numbers_as_people_do() -> None:
    assert cause_text(Cause(CauseKind.TWICE, "line 12"), "fr").endswith("déjà compté\u00a0: ligne 12")
    assert cause_text(Cause(CauseKind.PREFIX, "!36"), "fr") == "prix d'un préfixe plus court (36)"
    assert cause_text(Cause(CauseKind.FEE, "0.05"), "fr").endswith("0,05")


def test_nothing_to_compare_is_refused_with_what_to_do() -> None:
    with pytest.raises(NothingToCompare, match="needs priced calls"):
        find([], [Deck(ten_cents())])
    abroad = [PricedCall("1", "4930123456", MONDAY, 60, 100_000)]
    with pytest.raises(NothingToCompare, match="check the tariffs' codes"):
        find(abroad, [Deck(ten_cents())])


def test_the_finding_reads_in_both_languages() -> None:
    made = calls(price_micros=lambda price, s: by_the_minute(price, s) + 50_000)
    made[3] = replace(made[3], printed_micros=made[3].printed_micros + 20_000)  # 2 cents too much
    audit = find(made, [Deck(ten_cents())])
    french = dict(convention_lines(audit, "fr"))
    assert french["paliers (premier/suivants)"] == "60/60"
    assert french["frais de mise en relation"] == "0,05"
    assert dict(convention_lines(audit, "en"))["connection fee"] == "0.05"
    assert stake_lines(audit, "en") == ["Charged too much: 0.02\u00a0€; too little: 0.00\u00a0€; net: 0.02\u00a0€."]
    assert summary(audit, "en")[0] == "95 calls of 96 are explained by the tariff “T1”."
