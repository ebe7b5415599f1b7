"""French VAT of a line: the regime of the account and the nature of the product, at the rate of the date of supply.

The result is what EN 16931 wants on a line and in the breakdown: category, rate, exemption text and code. The choices
of category are explained in docs/algorithms/vat.md. Legal mentions quote the CGI, which remains allowed until 31
December 2027 although the rules moved to the CIBS on 1 September 2026 (ordonnance 2025-1247); an account may carry its
own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Nature(StrEnum):
    GOODS = "goods"
    SERVICES = "services"
    # A sum held against what a customer may fail to do, and given back: the price of nothing, outside VAT (art. 256
    # CGI; BOI-TVA-BASE-10-10-10, 20).
    GUARANTEE = "guarantee"


SOLD = (Nature.GOODS, Nature.SERVICES)  # what a product can be


class Territory(StrEnum):
    """Where an establishment is, as VAT sees it."""

    METROPOLE = "metropole"  # mainland, Corsica (telecoms have no special rate there) and Monaco
    OVERSEAS_DOM = "overseas_dom"  # Guadeloupe, Martinique, Réunion
    GUYANE_MAYOTTE = "guyane_mayotte"  # VAT "provisionally not applicable", art. 294-1 CGI
    OUTSIDE = "outside"  # overseas collectivities: outside the VAT territory


class RegimeKind(StrEnum):
    STANDARD = "standard"
    OVERSEAS_DOM = "overseas_dom"
    GUYANE_MAYOTTE = "guyane_mayotte"
    REVERSE_CHARGE = "reverse_charge"  # electronic communications sold to another operator, for resale
    INTRA_EU = "intra_eu"  # a business established in another member state
    EXPORT = "export"  # outside the EU VAT territory
    EXEMPT = "exempt"  # with its reason: franchise (art. 293 B), diplomatic, ...


class VatError(ValueError):
    """The VAT of a line cannot be decided; the message names the account, the date and what to add."""


class RateMissing(VatError):
    """No rate of the table covers the date of supply."""


class RegimeMissing(VatError):
    """The account has no regime, or one that lacks its reason."""


class RegimeRefused(VatError):
    """The account may not have its regime; `column` is what to mend, `why` the reason without the account."""

    def __init__(self, account: str, column: str, why: str) -> None:
        super().__init__(f"account {account}: {why}")
        self.column, self.why = column, why


@dataclass(frozen=True, slots=True)
class Regime:
    """VAT regime of an account. For EXEMPT the reason (BT-120) is mandatory and the VATEX code (BT-121) welcome."""

    kind: RegimeKind
    exemption_reason: str = ""  # replaces the default mention when given
    exemption_code: str = ""


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A rate, percent, of a regime (standard or overseas_dom); `valid_to_date` is excluded (None = open)."""

    regime: RegimeKind
    rate: Decimal
    valid_from_date: date
    valid_to_date: date | None = None
    nature: Nature | None = None  # None = both; a rate for one nature wins over it


# Regimes that follow from where an establishment is; the others from what the customer is.
TERRITORIAL = frozenset({RegimeKind.STANDARD, RegimeKind.OVERSEAS_DOM, RegimeKind.GUYANE_MAYOTTE})

# Standard rates, art. 278 and 296 CGI. Telecommunications and equipment have no reduced rate.
FRENCH_RATES: tuple[DatedRate, ...] = (
    DatedRate(RegimeKind.STANDARD, Decimal("20"), date(2014, 1, 1)),
    DatedRate(RegimeKind.OVERSEAS_DOM, Decimal("8.5"), date(2014, 1, 1)),
)


@dataclass(frozen=True, slots=True)
class VatTreatment:
    """BT-151/152 of a line and BT-118..121 of its group."""

    category: str  # S E AE K G O Z
    rate: Decimal  # percent
    exemption_reason: str = ""
    exemption_code: str = ""


# Kind and nature -> category, code, mention. Everything not listed is taxed at a rate.
_NOT_CHARGED: dict[tuple[RegimeKind, Nature], tuple[str, str, str]] = {
    (RegimeKind.GUYANE_MAYOTTE, Nature.SERVICES): ("E", "", "TVA non applicable – article 294, 1 du CGI"),
    (RegimeKind.GUYANE_MAYOTTE, Nature.GOODS): (
        "G",
        "VATEX-EU-G",
        "Livraison assimilée à une exportation – articles 262, I et 294, 2 du CGI",
    ),
    (RegimeKind.REVERSE_CHARGE, Nature.SERVICES): (
        "AE",
        "VATEX-EU-AE",
        "Autoliquidation – article 283, 2 octies du CGI",
    ),
    (RegimeKind.INTRA_EU, Nature.SERVICES): (
        "AE",
        "VATEX-EU-AE",
        "Autoliquidation – article 259, 1° du CGI et article 196 de la directive 2006/112/CE",
    ),
    (RegimeKind.INTRA_EU, Nature.GOODS): ("K", "VATEX-EU-IC", "Exonération de TVA – article 262 ter, I du CGI"),
    (RegimeKind.EXPORT, Nature.SERVICES): ("G", "VATEX-EU-G", "TVA non applicable – article 259, 1° du CGI"),
    (RegimeKind.EXPORT, Nature.GOODS): ("G", "VATEX-EU-G", "Exonération de TVA – article 262, I du CGI"),
}

GUARANTEE = VatTreatment("E", Decimal(0), "Dépôt de garantie hors du champ de la TVA – article 256 du CGI")

FRANCHISE = Regime(RegimeKind.EXEMPT, "TVA non applicable – article 293 B du CGI", "VATEX-FR-FRANCHISE")


def treatment(
    regime: Regime,
    *,
    nature: Nature,
    supply_date: date,
    account: str,
    rates: Sequence[DatedRate] = FRENCH_RATES,
) -> VatTreatment:
    """VAT of a product sold to an account on a date. Raises RateMissing or RegimeMissing.

    `account` is only named in errors. Goods sold to an operator under reverse charge are taxed as usual: the reverse
    charge of art. 283, 2 octies covers electronic communications only.
    """
    if regime.kind is RegimeKind.EXEMPT:
        if not regime.exemption_reason:
            raise RegimeMissing(
                f"account {account}: exempt from VAT without a reason; add the legal mention to print "
                "(for example « TVA non applicable – article 293 B du CGI ») and its VATEX code"
            )
        return VatTreatment("E", Decimal(0), regime.exemption_reason, regime.exemption_code)
    if nature is Nature.GUARANTEE:
        # One mention a category: where services are of category E too, theirs says that there is no VAT.
        services = _NOT_CHARGED.get((regime.kind, Nature.SERVICES))
        if services is None or services[0] != GUARANTEE.category:
            return GUARANTEE
        nature = Nature.SERVICES
    if (regime.kind, nature) in _NOT_CHARGED:
        category, code, reason = _NOT_CHARGED[regime.kind, nature]
        return VatTreatment(category, Decimal(0), regime.exemption_reason or reason, regime.exemption_code or code)
    rated = RegimeKind.OVERSEAS_DOM if regime.kind is RegimeKind.OVERSEAS_DOM else RegimeKind.STANDARD
    return VatTreatment("S", _rate_on(rated, nature, supply_date, account, rates))


def _rate_on(regime: RegimeKind, nature: Nature, day: date, account: str, rates: Sequence[DatedRate]) -> Decimal:
    found = [
        rate
        for rate in rates
        if rate.regime is regime
        and rate.nature in (None, nature)
        and rate.valid_from_date <= day
        and (rate.valid_to_date is None or day < rate.valid_to_date)
    ]
    if not found:
        raise RateMissing(
            f"account {account}: no VAT rate for the regime {regime} ({nature}) on {day}; "
            "add a dated rate to the VAT table that covers this day"
        )
    return max(found, key=lambda rate: (rate.nature is not None, rate.valid_from_date)).rate


def operation_category(natures: Iterable[str]) -> str:
    """What an invoice says it is of: goods, services, or mixed. A guarantee is neither; alone, it is of services."""
    sold = set(natures) - {Nature.GUARANTEE.value}
    return "mixed" if len(sold) > 1 else next(iter(sold), Nature.SERVICES.value)


def regime_of(kind: str, reason: str = "", *, account: str) -> Regime:
    """The regime as files and forms write it: its name, and a mention that may begin with its VATEX code.

    "exempt" with "VATEX-FR-CGI261-4: Exonération ..." separates the two; a mention of art. 293 B gets its code.
    """
    try:
        parsed = RegimeKind(kind)
    except ValueError as error:
        known = ", ".join(RegimeKind)
        said = f"« {kind} » is not a VAT regime" if kind else "no VAT regime"
        raise RegimeMissing(f"account {account}: {said}; choose one of {known}") from error
    text, code = reason.strip(), ""
    if text.startswith("VATEX-"):
        code, _, text = (part.strip() for part in text.partition(":"))
    if parsed is RegimeKind.EXEMPT and (code == FRANCHISE.exemption_code or "293 B" in text):
        return Regime(parsed, text or FRANCHISE.exemption_reason, FRANCHISE.exemption_code)
    return Regime(parsed, text, code)


def check_regime(regime: Regime, *, account: str, resells: bool, vat_number: str, private: bool) -> None:
    """Refuse a regime that an account may not have. Raises RegimeRefused.

    Reverse charge between operators (art. 283, 2 octies CGI) is for electronic communications bought to be sold again
    by somebody identified for VAT in France; buying to consume, or to bill one's own departments, is taxed as usual.
    """
    if regime.kind not in (RegimeKind.REVERSE_CHARGE, RegimeKind.INTRA_EU):
        return
    if private:
        raise RegimeRefused(account, "audience", f"the regime {regime.kind} is for businesses, not for private persons")
    if not vat_number:
        raise RegimeRefused(
            account, "vat_number", f"the regime {regime.kind} requires the customer's VAT number on invoices"
        )
    if regime.kind is RegimeKind.REVERSE_CHARGE and not vat_number.startswith("FR"):
        raise RegimeRefused(
            account, "vat_number", "reverse_charge requires a French VAT number; abroad in the EU it is intra_eu"
        )
    if regime.kind is RegimeKind.REVERSE_CHARGE and not resells:
        raise RegimeRefused(
            account,
            "resells",
            "reverse_charge is only for an operator that buys to resell (art. 283, 2 octies du CGI); write resells = "
            "yes if it does, else the regime of its establishment",
        )


# One territory of electronic invoices (article 289 bis CGI): mainland, Monaco, Guadeloupe, Martinique, Réunion.
DOMESTIC = frozenset({"FR", "MC", "GP", "MQ", "RE"})
_OUTSIDE_COUNTRIES = frozenset({"PM", "BL", "MF", "NC", "PF", "WF", "TF"})
_OVERSEAS_COUNTRIES = {
    "GP": Territory.OVERSEAS_DOM,
    "MQ": Territory.OVERSEAS_DOM,
    "RE": Territory.OVERSEAS_DOM,
    "GF": Territory.GUYANE_MAYOTTE,
    "YT": Territory.GUYANE_MAYOTTE,
}
_BY_PREFIX = {
    "971": Territory.OVERSEAS_DOM,
    "972": Territory.OVERSEAS_DOM,
    "973": Territory.GUYANE_MAYOTTE,
    "974": Territory.OVERSEAS_DOM,
    "976": Territory.GUYANE_MAYOTTE,
    "980": Territory.METROPOLE,  # Monaco is French territory for VAT (convention of 18 May 1963)
}
# Saint-Barthélemy and Saint-Martin kept postal codes of Guadeloupe but left the VAT territory (2007).
_LEFT_GUADELOUPE = frozenset({"97133", "97150"})


def territory_of_postal_code(postal_code: str) -> Territory:
    """VAT territory of an establishment in France, from its postal code (never from a phone prefix)."""
    code = postal_code.replace(" ", "")
    if len(code) != 5 or not code.isdecimal() or code.startswith("00"):
        raise VatError(f"« {postal_code} » is not a French postal code; write five digits, for example 97200")
    if code in _LEFT_GUADELOUPE:
        return Territory.OUTSIDE
    if code[:2] in ("97", "98"):
        return _BY_PREFIX.get(code[:3], Territory.OUTSIDE)
    return Territory.METROPOLE


def regime_of_establishment(country: str, postal_code: str, *, account: str = "") -> Regime:
    """The regime that follows from where a *consuming* customer is established; operators are reverse_charge by choice.

    `country` is ISO 3166 alpha-2. A customer of another member state or of a third country must be given its regime
    (business or private person changes everything): RegimeMissing.
    """
    code = country.upper()
    if code in ("FR", "MC"):
        territory = territory_of_postal_code(postal_code)
    elif code in _OUTSIDE_COUNTRIES:
        territory = Territory.OUTSIDE
    elif code in _OVERSEAS_COUNTRIES:
        territory = _OVERSEAS_COUNTRIES[code]
    else:
        where = f"account {account}: no VAT regime, and country {code} gives none" if account else f"country {code}"
        raise RegimeMissing(f"{where}; choose one of intra_eu, export or standard")
    return Regime(_REGIME_OF[territory])


_REGIME_OF = {
    Territory.METROPOLE: RegimeKind.STANDARD,
    Territory.OVERSEAS_DOM: RegimeKind.OVERSEAS_DOM,
    Territory.GUYANE_MAYOTTE: RegimeKind.GUYANE_MAYOTTE,
    Territory.OUTSIDE: RegimeKind.EXPORT,
}
