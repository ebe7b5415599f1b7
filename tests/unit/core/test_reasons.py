"""The sentences of an explanation, fact by fact, as a customer reads them; the amounts are worked out beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from tests.unit.core.rating_world import CUSTOMER, ISSUER, LINE, SOURCE, call, link, rate, tariff, world

from ardoise.core.rating import CompiledSnapshot
from ardoise.core.reasons import explain
from ardoise.core.snapshot import (
    AllowanceGrant,
    OwnerKind,
    PromotionGrant,
    Snapshot,
    SnapshotAccount,
)
from ardoise.core.tariffs import (
    Adjustment,
    Allowance,
    AllowanceOwner,
    BandBorder,
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Parent,
    Promotion,
    Rate,
    RoundingPoint,
    Step,
    Tiers,
)
from ardoise.core.usage import CallStatus, Usage, UsageKind

MINUTES = (Step(0, Decimal("0.12"), 60, 60),)


def told(snapshot: Snapshot, usage: Usage, language: str = "fr", part: int = 0) -> list[str]:
    """The sentences, with plain spaces."""
    sentences = explain(CompiledSnapshot(snapshot).rate(usage)[part], language)
    return [sentence.replace("\u00a0", " ").replace("\u202f", " ") for sentence in sentences]


def of_row(row: Rate, usage: Usage, **conventions: object) -> list[str]:
    return told(world(tariff(row, **conventions)), usage)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (rate("33", "0.10", origin="@208"), "Préfixe 33, zone FR, toutes heures, réseau visité 208."),
        (rate("", "0.10", origin="@208"), "Tout autre numéro, zone FR, toutes heures, réseau visité 208."),
        (rate("=mobile", "0.10"), "Catégorie de numéros mobile, zone FR, toutes heures."),
    ],
)
def test_the_row_says_origin_and_category(row: Rate, sentence: str) -> None:
    assert of_row(row, call(60, origin="@20801"))[1] == sentence


@pytest.mark.parametrize(
    ("key", "exact", "french", "english"),
    [
        ("!112", False, "Préfixe 112 (numéro court), zone FR,", "Prefix 112 (short number), zone FR,"),
        ("!3639", True, "Numéro exact 36 39, zone FR,", "Exact number 36 39, zone FR,"),
        ("33899700123", True, "Numéro exact 0 899 700 123, zone FR,", "Exact number 0 899 700 123, zone FR,"),
        ("?INFO", True, "Numéro exact INFO, zone FR,", "Exact number INFO, zone FR,"),
    ],
)
def test_a_number_is_told_as_people_write_it(key: str, exact: bool, french: str, english: str) -> None:
    snapshot = world(tariff(rate(key, exact=exact)))
    assert told(snapshot, call(60, number_key=key))[1].startswith(french)
    assert told(snapshot, call(60, number_key=key), "en")[1].startswith(english)


def test_thousands_stand_apart() -> None:
    month_s = 30 * 86_400 + 50_400  # 2,642,400
    snapshot, usage = world(tariff(rate(free_s=1_200, connection_fee=Decimal("1.5")))), call(month_s)
    french, english = explain_both(snapshot, usage)
    assert "Les 1\u202f200 premières secondes sont gratuites." in french
    assert "The first 1,200 s are free." in english
    # (2,642,400 - 1,200) / 60 x 0.12 = 5,282.40
    assert any("2\u202f641\u202f200 s facturées" in told and "5\u202f282,40" in told for told in french)
    assert any("2,641,200 s billed" in told and "5,282.40" in told for told in english)


def test_one_is_singular() -> None:
    row = rate(steps=MINUTES, free_s=1, surcharge=Decimal("0.05"), surcharge_at_s=60, surcharge_every_s=600)
    french, english = explain_both(world(tariff(row, increment_decimals=1, rounding_decimals=1)), call(61))
    assert "La première seconde est gratuite." in french and "The first 1 s is free." in english
    assert "Le prix d'un incrément est d'abord arrondi à 1 décimale." in french
    assert "The price of an increment is first rounded to 1 place." in english
    assert any("60 s and every 600 s after: once = 0.05" in told for told in english)
    assert "arrondi à 1 décimale au plus proche" in french[-1] and "rounded to 1 place to nearest" in english[-1]


def explain_both(snapshot: Snapshot, usage: Usage) -> tuple[list[str], list[str]]:
    (part,) = CompiledSnapshot(snapshot).rate(usage)
    return explain(part, "fr"), explain(part, "en")


def test_messages_are_counted_in_words() -> None:
    texts = rate("", steps=(Step(0, Decimal("0.07"), 1, 1),), kind=UsageKind.SMS)
    usage = call(0, kind=UsageKind.SMS, units=3, number_key="")
    assert of_row(texts, usage)[1:3] == [
        "Tout autre numéro, SMS, zone FR, toutes heures.",
        "À partir de 0 message : 3 messages facturés (par 1 message) à 0,07 € le message = 0,21 €.",
    ]
    assert told(world(tariff(texts)), replace(usage, units=-1))[2].startswith("Reprise : l'opposé du prix de 1 message")


def test_the_pieces_of_a_call_that_crosses_a_band() -> None:
    office = Calendar("office", "Europe/Paris", "", (BandRule("pleine", frozenset({1}), time(8), time(19)),))
    sold = tariff(
        rate(price="0.06"), rate(price="0.60", band="pleine"), calendar="office", band_border=BandBorder.CARRY
    )
    at = datetime(2026, 10, 5, 5, 59, 30, tzinfo=UTC)
    assert told(world(sold, calendars=(office,)), call(70, answered_at=at))[2:4] == [
        "Toutes heures, à partir de 0 s : 30 s facturées (par 1 s) à 0,06 € les 60 s = 0,03 €.",
        "Tranche pleine, à partir de 30 s : 40 s facturées (par 1 s) à 0,60 € les 60 s = 0,40 €.",
    ]


def test_a_parent_and_what_its_prices_become() -> None:
    child = tariff(rate("49"), parent=Parent(2, Adjustment(Decimal(10), Decimal("0.01"))))
    parent = tariff(rate("33", "0.10"), tariff_id=2)
    links = (link(OwnerKind.ISSUER, ISSUER, 1),)
    assert told(world(child, parent, links=links), call(60))[:4] == [
        "Grille « Grille 2 » (T2, prix HT), version du 01/01/2026.",
        "Grille parente de T1, qui n'a pas de ligne pour ce numéro.",
        "Prix de la grille ajustés de +10 % puis +0,01 € par minute.",
        "Préfixe 33, zone FR, toutes heures.",
    ]
    # 0.10 x 1.1 + 0.01 a minute
    assert "à 0,12 € les 60 s = 0,12 €" in told(world(child, parent, links=links), call(60))[4]


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        (Tiers.VOLUME, "Palier de volume à partir de 60 s : 90 s facturées (par 1 s) à 0,06 € les 60 s = 0,09 €."),
        (Tiers.PACKAGE, "Palier forfaitaire à partir de 60 s : prix unique de 0,06 € pour 90 s."),
    ],
)
def test_the_tier_that_was_reached(tiers: Tiers, sentence: str) -> None:
    row = rate(steps=(*MINUTES, Step(60, Decimal("0.06"), 60, 1)))
    assert of_row(row, call(90), tiers=tiers)[2] == sentence


def test_the_steps_that_are_rounded_each_on_its_own() -> None:
    row = rate(steps=(*MINUTES, Step(90, Decimal("0.06"), 60, 30)))
    assert of_row(row, call(91), increment_origin=IncrementOrigin.STEP)[2:4] == [
        "À partir de 0 s : 120 s facturées (par 60 s) à 0,12 € les 60 s = 0,24 €.",
        "À partir de 90 s : 30 s facturées (par 30 s) à 0,06 € les 60 s = 0,03 €.",
    ]


def test_surcharges_attempts_and_rounded_increments() -> None:
    row = rate(
        steps=MINUTES, surcharge=Decimal("0.05"), surcharge_at_s=60, surcharge_every_s=60, attempt_fee=Decimal("0.01")
    )
    assert of_row(row, call(90), increment_decimals=2)[3:] == [
        "Le prix d'un incrément est d'abord arrondi à 2 décimales.",
        "Majoration de 0,05 € à 60 s puis tous les 60 s : 2 fois = 0,10 €.",
        "Prix d'une tentative d'appel : 0,01 €.",
        "Montant : 0,35 €, arrondi à 6 décimales au plus proche, la moitié vers le haut.",  # 0.24 + 0.10 + 0.01
    ]
    assert of_row(row, call(0, status=CallStatus.BUSY))[2] == "Appel sans réponse, prix d'une tentative : 0,01 €."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"maximum": Decimal("0.10")}, "Plafond par appel : 0,10 €."),
        ({"minimum": Decimal("0.50")}, "Minimum par appel : 0,50 €."),
        ({"free_s": 10}, "Les 10 premières secondes sont gratuites."),
    ],
)
def test_limits_are_told_when_they_bite(changes: dict[str, object], sentence: str) -> None:
    assert sentence in of_row(rate(steps=MINUTES, **changes), call(61))
    assert sentence not in of_row(rate(steps=MINUTES), call(61))


def test_a_maximum_that_does_not_bite_is_not_told() -> None:
    assert not any("Plafond" in sentence for sentence in of_row(rate(maximum=Decimal(9)), call(61)))


def test_the_rest_that_goes_to_the_line_of_the_invoice() -> None:
    thirds = rate(steps=(Step(0, Decimal(1), 3, 1),))
    assert of_row(thirds, call(1), rounding_point=RoundingPoint.LINE)[-1] == (
        "Montant : 0,333333 €, reste +1/3 millionième : l'arrondi se fait sur la ligne de facture."
    )


def test_a_price_by_its_cost_and_the_cost_in_another_currency() -> None:
    selling = tariff(rate(coefficient=Decimal("1.5")))
    buying = tariff(rate("33", "0.40"), tariff_id=2)
    links = (link(OwnerKind.ISSUER, ISSUER, 1), link(OwnerKind.SOURCE, SOURCE, 2))
    sentences = told(world(selling, buying, links=links), call(60))
    assert sentences[2:] == [
        "Coût chez l'opérateur, multiplié par 1,5.",
        "Montant : 0,60 €, arrondi à 6 décimales au plus proche, la moitié vers le haut.",
        "Coût chez l'opérateur (T2) : 0,40 €.",
    ]


def test_what_allowances_and_promotions_take() -> None:
    messages = Allowance(
        1, "SMS", "50 SMS", 2, frozenset({"FR"}), AllowanceOwner.LINE, counted=Counted.MESSAGES
    )  # fmt: skip
    credit = Allowance(2, "EUR", "1 euro", 50_000, frozenset({"FR"}), AllowanceOwner.LINE, counted=Counted.MONEY)
    promotion = Promotion(1, "P", "Rentrée", frozenset(), percentage=Decimal(20), amount=Decimal("0.01"))
    snapshot = world(
        tariff(rate("", steps=(Step(0, Decimal("0.10"), 1, 1),), kind=UsageKind.SMS)),
        allowances=(messages, credit),
        grants=tuple(AllowanceGrant(OwnerKind.LINE, LINE, number, None, None) for number in (1, 2)),
    )
    snapshot = replace(
        snapshot,
        promotions=(promotion,),
        promotion_grants=(PromotionGrant(OwnerKind.LINE, LINE, 1, None, None),),
    )
    sentences = told(snapshot, call(0, kind=UsageKind.SMS, units=3))
    # 2 of 3 included; 0.10 less 20 % less 0.01 = 0.07; 0.05 paid by the credit
    assert sentences[2:] == [
        "Forfait « 50 SMS » : 2 messages inclus sur 3 messages.",
        "À partir de 0 message : 1 message facturé (par 1 message) à 0,10 € le message = 0,10 €.",
        "Promotion « Rentrée » : -20 % puis -0,01 € par appel.",
        "Crédit « 1 euro » : 0,05 € déduits.",
        "Montant : 0,02 €, arrondi à 6 décimales au plus proche, la moitié vers le haut.",
    ]


def test_an_allowance_drawn_as_billed_with_a_fee_a_call() -> None:
    plan = Allowance(
        1, "H", "2 h", 7200, frozenset({"FR"}), AllowanceOwner.LINE, as_billed=True, call_fee=Decimal("0.01")
    )
    grants = (AllowanceGrant(OwnerKind.LINE, LINE, 1, None, None),)
    snapshot = world(tariff(rate(steps=MINUTES)), allowances=(plan,), grants=grants)
    assert told(snapshot, call(61))[2:4] == [
        "Forfait « 2 h » : 61 s incluses sur 61 s, décompte arrondi comme la facturation.",
        "Frais d'appel de ce forfait : 0,01 €.",
    ]
    assert told(snapshot, call(61), "en")[2:4] == [
        "Allowance “2 h”: 61 s included out of 61 s, drawn as rounded when billed.",
        "Call fee of that allowance: 0.01 €.",
    ]


def test_the_level_of_a_reseller_comes_first() -> None:
    snapshot = world(tariff(rate()))
    customer, department = snapshot.accounts
    reseller = SnapshotAccount(20, None, 20, ISSUER, "R", True)
    snapshot = replace(snapshot, accounts=(replace(customer, reseller_id=20), department, reseller))
    assert customer.account_id == CUSTOMER
    assert told(snapshot, call(60), part=1)[0] == (
        "Niveau revendeur 1 : ce que paie le compte qui revend au client."
    )  # fmt: skip
    assert told(snapshot, call(60), "en", part=1)[0].startswith("Reseller level 1")


def test_every_fact_has_its_sentence_in_both_languages() -> None:
    row = rate(
        steps=(*MINUTES, Step(60, Decimal("0.06"), 60, 1)), connection_fee=Decimal("0.02"), free_s=5,
        surcharge=Decimal("0.05"), attempt_fee=Decimal("0.01"), minimum=Decimal(1),
    )  # fmt: skip
    for conventions in ({}, {"tiers": Tiers.VOLUME}, {"rounding_point": RoundingPoint.LINE}, {"increment_decimals": 3}):
        snapshot = world(tariff(row, **conventions))
        french, english = told(snapshot, call(90)), told(snapshot, call(90), "en")
        assert len(french) == len(english)
        assert not set(french) & set(english)


@pytest.mark.parametrize(
    ("row", "talk_s", "french", "english"),
    [
        (
            {"added_s": 3}, 58,
            "Compté pour 61 s : 58 s, 3 s de plus par appel.",
            "Counted as 61 s: 58 s, 3 s more a call.",
        ),
        (
            {"raised_above_s": 30, "raised_to_s": 60}, 40,
            "Compté pour 60 s : 40 s, porté à ce minimum au-delà de 30 s.",
            "Counted as 60 s: 40 s, raised to this minimum above 30 s.",
        ),
    ],
)  # fmt: skip
def test_seconds_counted_beyond_those_that_the_call_lasted(
    row: dict[str, int], talk_s: int, french: str, english: str
) -> None:
    in_french, in_english = explain_both(world(tariff(rate(**row))), call(talk_s))
    assert french in in_french and english in in_english


def test_a_call_beyond_what_short_ones_are_raised_to_says_nothing_of_it() -> None:
    french, _ = explain_both(world(tariff(rate(raised_above_s=30, raised_to_s=60))), call(61))
    assert not any(sentence.startswith("Compté") for sentence in french)
