from datetime import date
from decimal import Decimal

import pytest

from ardoise.core.vat import (
    FRANCHISE,
    DatedRate,
    Nature,
    RateMissing,
    Regime,
    RegimeKind,
    RegimeMissing,
    VatError,
    VatTreatment,
    operation_category,
    regime_of,
    regime_of_establishment,
    territory_of_postal_code,
    treatment,
)

STANDARD = Regime(RegimeKind.STANDARD)


def vat(regime, *, nature=Nature.SERVICES, day=date(2026, 10, 31), **more):
    return treatment(regime, nature=nature, supply_date=day, account="C1", **more)


def test_the_rate_is_the_one_of_the_day_of_supply():
    rates = (
        DatedRate(RegimeKind.STANDARD, Decimal("19.6"), date(2000, 4, 1), date(2014, 1, 1)),
        DatedRate(RegimeKind.STANDARD, Decimal("20"), date(2014, 1, 1)),
    )
    assert vat(STANDARD, day=date(2013, 12, 31), rates=rates).rate == Decimal("19.6")
    assert vat(STANDARD, day=date(2014, 1, 1), rates=rates).rate == Decimal("20")


def test_a_rate_for_one_nature_wins_over_the_general_one():
    rates = (
        DatedRate(RegimeKind.STANDARD, Decimal("20"), date(2014, 1, 1)),
        DatedRate(RegimeKind.STANDARD, Decimal("5.5"), date(2014, 1, 1), nature=Nature.GOODS),
    )
    assert vat(STANDARD, nature=Nature.GOODS, rates=rates).rate == Decimal("5.5")
    assert vat(STANDARD, rates=rates).rate == Decimal("20")


def test_a_day_without_a_rate_is_named_with_the_account():
    with pytest.raises(RateMissing, match=r"account C1: no VAT rate for the regime standard .* on 1999-01-01; add"):
        vat(STANDARD, day=date(1999, 1, 1))


def test_exempt_needs_its_reason():
    with pytest.raises(RegimeMissing, match="account C1: exempt from VAT without a reason"):
        vat(Regime(RegimeKind.EXEMPT))


def test_the_franchise_prints_article_293_b():
    assert vat(FRANCHISE) == VatTreatment(
        "E", Decimal(0), "TVA non applicable – article 293 B du CGI", "VATEX-FR-FRANCHISE"
    )


def test_an_account_may_carry_its_own_mention():
    assert vat(Regime(RegimeKind.REVERSE_CHARGE, "Autoliquidation – CIBS")).exemption_reason == "Autoliquidation – CIBS"


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("standard", "", STANDARD),
        ("exempt", "TVA non applicable, art. 293 B du CGI", "VATEX-FR-FRANCHISE"),
        ("exempt", "VATEX-FR-FRANCHISE", "VATEX-FR-FRANCHISE"),
        ("exempt", "VATEX-FR-CGI261-4: Exonération – article 261, 4 du CGI", "VATEX-FR-CGI261-4"),
    ],
)
def test_a_regime_as_files_write_it(kind, reason, expected):
    regime = regime_of(kind, reason, account="C1")
    if isinstance(expected, Regime):
        assert regime == expected
    else:
        assert regime.exemption_code == expected
        assert regime.exemption_reason
        assert not regime.exemption_reason.startswith("VATEX")


@pytest.mark.parametrize("kind", ["", "normal"])
def test_an_unknown_regime_lists_the_known_ones(kind):
    with pytest.raises(RegimeMissing, match=r"account C1.*choose one of standard, overseas_dom"):
        regime_of(kind, account="C1")


@pytest.mark.parametrize("code", ["", "6900", "ABCDE", "00123", "690011"])
def test_what_is_not_a_postal_code_is_refused(code):
    with pytest.raises(VatError, match="five digits"):
        territory_of_postal_code(code)


@pytest.mark.parametrize(
    ("country", "kind"), [("GP", RegimeKind.OVERSEAS_DOM), ("YT", RegimeKind.GUYANE_MAYOTTE), ("NC", RegimeKind.EXPORT)]
)
def test_overseas_countries_of_the_iso_list(country, kind):
    assert regime_of_establishment(country, "") == Regime(kind)


def test_a_foreign_customer_must_be_given_its_regime():
    with pytest.raises(RegimeMissing, match="country DE"):
        regime_of_establishment("DE", "10115")


@pytest.mark.parametrize("kind", ["standard", "overseas_dom", "reverse_charge", "intra_eu", "export"])
def test_a_guarantee_is_outside_vat_wherever_the_customer_is(kind):
    found = vat(Regime(RegimeKind(kind)), nature=Nature.GUARANTEE)
    assert (found.category, found.rate) == ("E", 0)
    assert found.exemption_reason == "Dépôt de garantie hors du champ de la TVA – article 256 du CGI"


@pytest.mark.parametrize("regime", [FRANCHISE, Regime(RegimeKind.GUYANE_MAYOTTE)])
def test_a_guarantee_takes_the_mention_of_services_that_are_exempt_too(regime):
    assert vat(regime, nature=Nature.GUARANTEE) == vat(regime)


@pytest.mark.parametrize(
    ("natures", "said"),
    [
        (["services"], "services"),
        (["goods", "services"], "mixed"),
        (["goods", "guarantee"], "goods"),
        (["guarantee"], "services"),
    ],
)
def test_a_guarantee_makes_no_mixed_invoice(natures, said):
    assert operation_category(natures) == said
