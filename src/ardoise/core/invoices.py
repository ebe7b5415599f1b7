"""Invoice arithmetic by EN 16931: lines to the cent, VAT per category and rate on the sum, totals, sections.

Everything here ends in integers of the cent. Documents without tax (HT) round each line and add VAT; documents with tax
(TTC) keep the advertised total and find the net below it. Worked tables: docs/algorithms/invoice-arithmetic.md.
The checks made before a number is taken are in `core.checks`; credits in `core.credit_notes`; numbers in `core.naming`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from ardoise.core.checks import PRICE_DECIMALS, QUANTITY_DECIMALS, Problem, decimals_of, validate, vat_minor
from ardoise.core.documents import (
    SECTION_ORDER,
    DocumentLine,
    Section,
    SectionTotal,
    Totals,
    VatLine,
)
from ardoise.core.money import (
    MICROS_PER_MINOR,
    MICROS_PER_UNIT,
    minor_to_decimal,
    round_fraction,
    round_ratio,
    times_minor,
    to_micros,
)
from ardoise.core.naming import file_name, format_number
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import VatTreatment

__all__ = [
    "Adjustment",
    "Body",
    "Computed",
    "LineInput",
    "NetAmount",
    "Problem",
    "build_body",
    "build_statement",
    "compute_totals",
    "convert_basis",
    "file_name",
    "format_number",
    "line_net_minor",
    "spread",
    "validate",
    "vat_minor",
]


@dataclass(frozen=True, slots=True)
class NetAmount:
    """A net amount and the VAT group it belongs to: a line, or a document allowance or charge."""

    net_minor: int
    vat: VatTreatment


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A document level allowance (BG-20) or charge (BG-21); the amount is positive in both."""

    amount_minor: int
    vat: VatTreatment
    is_charge: bool = False


@dataclass(frozen=True, slots=True)
class Computed:
    """The totals of a document; `totals.net_minor` is BT-109, after document allowances and charges."""

    line_total_minor: int  # BT-106
    allowance_minor: int  # BT-107
    charge_minor: int  # BT-108
    vat: tuple[VatLine, ...]
    totals: Totals


def line_net_minor(
    quantity: Decimal,
    unit_price: Decimal,
    *,
    base_quantity: Decimal = Decimal(1),
    allowance_minor: int = 0,
    charge_minor: int = 0,
) -> int:
    """BT-131: quantity x net price / base quantity (BT-149), exact until the one rounding; then the line's adjustments.

    The net price is exact (4.55 less 10 % is 4.095): rounding it to print it does not enter the line.
    """
    return times_minor(quantity, unit_price, base_quantity=base_quantity) - allowance_minor + charge_minor


def compute_totals(
    amounts: Sequence[NetAmount],
    adjustments: Sequence[Adjustment] = (),
    *,
    prepaid_minor: int = 0,
    rounding_minor: int = 0,
) -> Computed:
    """VAT breakdown and totals, in the order the groups first appear; a group whose sum is 0 is reported too."""
    line_total = sum(amount.net_minor for amount in amounts)
    allowance = sum(a.amount_minor for a in adjustments if not a.is_charge)
    charge = sum(a.amount_minor for a in adjustments if a.is_charge)
    signed = [NetAmount(a.amount_minor if a.is_charge else -a.amount_minor, a.vat) for a in adjustments]
    vat = tuple(_vat_line(treatment, basis_minor) for treatment, basis_minor in _groups([*amounts, *signed]).items())
    net = line_total - allowance + charge
    assert net == sum(group.basis_minor for group in vat)
    tax = sum(group.amount_minor for group in vat)
    totals = Totals(
        net_minor=net,
        vat_minor=tax,
        gross_minor=net + tax,
        prepaid_minor=prepaid_minor,
        rounding_minor=rounding_minor,
        payable_minor=net + tax - prepaid_minor + rounding_minor,
    )
    return Computed(line_total, allowance, charge, vat, totals)


def _groups(amounts: Iterable[NetAmount]) -> dict[VatTreatment, int]:
    """Sum per category and rate (BG-23 is unique by both); the first exemption text seen speaks for the group."""
    keys: dict[tuple[str, Decimal], VatTreatment] = {}
    sums: dict[VatTreatment, int] = {}
    for amount in amounts:
        key = keys.setdefault((amount.vat.category, amount.vat.rate), amount.vat)
        sums[key] = sums.get(key, 0) + amount.net_minor
    return sums


def _vat_line(treatment: VatTreatment, basis_minor: int, amount_minor: int | None = None) -> VatLine:
    return VatLine(
        category=treatment.category,
        rate=treatment.rate,
        basis_minor=basis_minor,
        amount_minor=vat_minor(basis_minor, treatment.rate) if amount_minor is None else amount_minor,
        exemption_reason=treatment.exemption_reason,
        exemption_code=treatment.exemption_code,
    )


def spread(total: int, exact: Sequence[Fraction]) -> list[int]:
    """Round exact shares to integers that sum to `total`: largest remainder, ties to the last; shares may be negative.

    Mirrored: the shares of -total are the opposites. Where the total is further from the sum of the shares than one
    unit a share (several VAT roundings met in one section), the excess goes to all alike.
    """
    if not exact:
        raise ValueError("an amount cannot be spread over nothing")
    if total < 0 or (total == 0 and sum(exact) < 0):
        return [-part for part in spread(-total, [-share for share in exact])]
    floors = [share.numerator // share.denominator for share in exact]
    each, missing = divmod(total - sum(floors), len(floors))
    parts = [floor + each for floor in floors]
    order = sorted(range(len(parts)), key=lambda i: (exact[i] - floors[i], i), reverse=True)
    for i in order[:missing]:
        parts[i] += 1
    assert sum(parts) == total
    return parts


def convert_basis(amount_micros: int, *, source: TaxBasis, target: TaxBasis, rate: Decimal) -> int:
    """A charge made with tax on a document made without, or the reverse; rounded to the micro."""
    return amount_micros if source is target else _converted(Fraction(amount_micros), target=target, rate=rate)


def convert_exact(
    amount_micros: int, residue: Fraction, *, source: TaxBasis, target: TaxBasis, rate: Decimal
) -> tuple[int, Fraction]:
    """The same for a sum that was not rounded yet; its `residue` (micros) stays exact unless the basis changes."""
    if source is target:
        return amount_micros, residue
    return _converted(amount_micros + residue, target=target, rate=rate), Fraction(0)


@lru_cache(maxsize=256)
def _tax_factor(rate: Decimal) -> Fraction:
    """What an amount without tax is multiplied by: 20 % is 6/5."""
    return 1 + Fraction(rate) / 100


def _converted(micros: Fraction, *, target: TaxBasis, rate: Decimal) -> int:
    factor = _tax_factor(rate)
    amount = micros / MICROS_PER_UNIT
    return to_micros(amount * factor if target is TaxBasis.TTC else amount / factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineInput:
    """What a line is before its amounts are rounded: the sum of its charges, in the basis of the document.

    `residue`: what tariffs rounded at the invoice line keep beyond the micros, exact, in micros.
    Give `quantity` and `unit_price` (net) to print them; they are kept when they give the amount exactly, otherwise the
    line is printed as quantity 1 of its amount. `period_to` is the last day included.
    """

    section: Section
    label: str
    amount_micros: int
    vat: VatTreatment
    group: str = ""
    detail: str = ""
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    period_from: date | None = None
    period_to: date | None = None
    unit_code: str = "C62"
    residue: Fraction = Fraction(0)
    family: str = ""

    @property
    def amount_minor(self) -> int:
        """The one rounding to the cent."""
        rest = self.residue
        return round_ratio(self.amount_micros * rest.denominator + rest.numerator, MICROS_PER_MINOR * rest.denominator)


@dataclass(frozen=True, slots=True)
class Body:
    """The computed part of a document: pass it to `Document(lines=..., vat=..., totals=..., sections=...)`."""

    lines: tuple[DocumentLine, ...]
    vat: tuple[VatLine, ...]
    totals: Totals
    sections: tuple[SectionTotal, ...]


def build_body(
    inputs: Sequence[LineInput],
    *,
    with_tax: bool = False,
    prepaid_minor: int = 0,
) -> Body:
    """Lines, VAT, totals and sections of an invoice, in the order given.

    Without tax, each line's micros are rounded to the cent and VAT is added. With tax, each line's *gross* is rounded;
    the net of each VAT group is the nearest to its gross, and its lines share it by largest remainder.
    """
    cents = [line.amount_minor for line in inputs]
    nets = _nets_below(inputs, cents) if with_tax else cents
    computed = compute_totals([NetAmount(net, line.vat) for net, line in zip(nets, inputs, strict=True)])
    totals = computed.totals
    rounding = sum(cents) - totals.gross_minor if with_tax else 0
    totals = replace(
        totals,
        prepaid_minor=prepaid_minor,
        rounding_minor=rounding,
        payable_minor=totals.gross_minor - prepaid_minor + rounding,
    )
    lines = tuple(
        _document_line(number, line, net, cents[number - 1] if with_tax else None)
        for number, (line, net) in enumerate(zip(inputs, nets, strict=True), start=1)
    )
    return Body(lines, computed.vat, totals, section_totals(lines, totals.gross_minor + rounding))


def build_statement(inputs: Sequence[LineInput]) -> Body:
    """The body of an internal statement: amounts without tax, no VAT group, total = sum of the lines."""
    nets = [line.amount_minor for line in inputs]
    untaxed = VatTreatment("O", Decimal(0))
    lines = tuple(
        _document_line(number, replace(line, vat=untaxed), net, None)
        for number, (line, net) in enumerate(zip(inputs, nets, strict=True), start=1)
    )
    total = sum(nets)
    totals = Totals(net_minor=total, vat_minor=0, gross_minor=total, payable_minor=total)
    return Body(lines, (), totals, section_totals(lines, total))


def _nets_below(inputs: Sequence[LineInput], gross: Sequence[int]) -> list[int]:
    """Net of each line of a document with tax: the group's nearest net, shared by largest remainder."""
    members: dict[tuple[str, Decimal], list[int]] = {}
    for i, line in enumerate(inputs):
        members.setdefault((line.vat.category, line.vat.rate), []).append(i)
    nets = [0] * len(inputs)
    for (_, rate), indexes in members.items():
        factor = _tax_factor(rate)
        exact = [gross[i] / factor for i in indexes]
        # Half-up of gross / (1 + rate) is the net whose gross is the advertised one whenever such a net exists.
        for i, net in zip(indexes, spread(round_fraction(sum(exact, Fraction(0))), exact), strict=True):
            nets[i] = net
    return nets


def _document_line(number: int, line: LineInput, net_minor: int, gross_minor: int | None) -> DocumentLine:
    quantity, unit_price = _printed(line, net_minor)
    return DocumentLine(
        line_no=number,
        section=line.section,
        group=line.group,
        label=line.label,
        detail=line.detail,
        quantity=quantity,
        unit_price=unit_price,
        net_minor=net_minor,
        vat_category=line.vat.category,
        vat_rate=line.vat.rate,
        gross_minor=gross_minor,
        period_from=line.period_from,
        period_to=line.period_to,
        unit_code=line.unit_code,
        family=line.family,
    )


def _printed(line: LineInput, net_minor: int) -> tuple[Decimal, Decimal]:
    """Quantity and unit price that give the net; a negative line has a negative *quantity* (BR-27)."""
    quantity, unit_price = line.quantity, line.unit_price
    if (
        quantity is not None
        and unit_price is not None
        and decimals_of(quantity) <= QUANTITY_DECIMALS
        and decimals_of(unit_price) <= PRICE_DECIMALS
        and line_net_minor(quantity, unit_price) == net_minor
    ):
        return (-quantity, -unit_price) if unit_price < 0 else (quantity, unit_price)
    sign = -1 if net_minor < 0 else 1
    return Decimal(sign), minor_to_decimal(sign * net_minor)


def section_totals(lines: Sequence[DocumentLine], gross_minor: int) -> tuple[SectionTotal, ...]:
    """Sub-totals in the legal order. With tax they share the gross by largest remainder: for display, VAT is not split.

    On a document with tax a section is the sum of its advertised lines, so the sections sum to what is due.
    """
    nets: dict[Section, int] = defaultdict(int)
    exact: dict[Section, Fraction] = defaultdict(Fraction)
    for (section, rate), members in _by_section_and_rate(lines).items():
        nets[section] += sum(line.net_minor for line in members)
        advertised = sum(line.gross_minor for line in members if line.gross_minor is not None)
        untaxed = sum(line.net_minor for line in members if line.gross_minor is None)
        exact[section] += advertised + untaxed * _tax_factor(rate)
    present = [section for section in SECTION_ORDER if section in nets]
    gross = spread(gross_minor, [exact[section] for section in present]) if present else []
    return tuple(SectionTotal(section, nets[section], total) for section, total in zip(present, gross, strict=True))


def _by_section_and_rate(lines: Sequence[DocumentLine]) -> dict[tuple[Section, Decimal], list[DocumentLine]]:
    members: dict[tuple[Section, Decimal], list[DocumentLine]] = defaultdict(list)
    for line in lines:
        members[line.section, line.vat_rate].append(line)
    return members
