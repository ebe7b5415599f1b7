"""Charges -> lines of documents: which charges stand on which line, before any cent is rounded.

A line groups charges of one payer that share section, branch, label, tax basis and VAT; `bind` then gives every charge
its line number, so that the frozen charges of a line can always be found again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import polars as pl

from ardoise.bill import wording
from ardoise.core.documents import SECTION_ORDER, Section
from ardoise.core.invoices import LineInput, convert_exact
from ardoise.core.recaps import Part
from ardoise.core.schema import CHARGE_KEY, CHARGES
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import VatTreatment

PAYER, GROUP, SUPPLY_DATE, VAT_INDEX, LINE_NO = "payer_id", "group", "supply_date", "vat_index", "line_no"
# Of usage that is not of the document's own period: the first and last day of its period, and whether that period had
# been invoiced before it came ("2026-10-01/2026-10-31", "2026-10-01/2026-10-31/late"); empty for all the rest.
EARLIER = "earlier"
LATE_MARK = "late"
_LINE_KEY = [
    PAYER,
    CHARGES.section,
    GROUP,
    CHARGES.origin_kind,
    CHARGES.label,
    "line_zone",
    CHARGES.period_from,
    CHARGES.period_to,
    CHARGES.tax_basis,
    CHARGES.vat_nature,
    VAT_INDEX,
    "line_key",
    "sold_at",
    "family",
    EARLIER,
]
_NUMBERS = (PAYER, VAT_INDEX)
READ = [
    *CHARGE_KEY,
    CHARGES.month,
    CHARGES.issuer_id,
    CHARGES.root_id,
    CHARGES.account_id,
    CHARGES.section,
    CHARGES.at,
    CHARGES.label,
    CHARGES.zone,
    CHARGES.period_from,
    CHARGES.period_to,
    CHARGES.tax_basis,
    CHARGES.vat_nature,
    CHARGES.amount_micros,
    CHARGES.residue,
    CHARGES.talk_s,
    CHARGES.line_id,
    CHARGES.quantity,
    CHARGES.number_category,
    CHARGES.source,
    CHARGES.kind,
    CHARGES.units,
    CHARGES.product,
]
"""The columns that lines are made from, with the charge's key."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What lines are called: zone labels and line names in the language of the issuer."""

    language: str
    zones: Mapping[str, str]
    lines: Mapping[int, str]  # line id -> "2140 – Camille Rey"
    by_line: bool  # statements: one line per extension instead of one per destination
    families: Mapping[str, str] = field(default_factory=dict)  # product -> heading of its lines


def group_charges(keyed: pl.DataFrame, *, words: Wording) -> pl.DataFrame:
    """One row a future document line, in print order: the key columns and the sums that its words need."""
    usage = pl.col(CHARGES.origin_kind) == "usage"
    sums = [
        pl.col(CHARGES.amount_micros).sum().alias("micros"),
        pl.len().alias("n"),
        *(pl.col(name).sum() for name in (CHARGES.talk_s, CHARGES.units)),
        *((pl.col(CHARGES.kind) == kind).sum().alias(f"n_{kind}") for kind in _COUNTED),
        pl.col(CHARGES.line_id).min().alias("one_line"),
    ]
    rests = pl.col(CHARGES.residue) != ""
    if keyed.select(rests.any()).item():
        sums.append(pl.col(CHARGES.residue).filter(rests).value_counts().alias("residues"))
    sold = [pl.col(CHARGES.line_id).n_unique().alias("n_lines"), pl.col(CHARGES.quantity).alias("quantities")]
    used = keyed.filter(usage).group_by(_LINE_KEY).agg(sums)
    bought = keyed.filter(~usage).group_by(_LINE_KEY).agg(*sums, *sold)
    grouped = pl.concat([used, bought], how="diagonal").with_columns(pl.col(pl.Categorical).cast(pl.String))
    return _in_print_order(grouped, words)


def _in_print_order(grouped: pl.DataFrame, words: Wording) -> pl.DataFrame:
    names = words.lines if words.by_line else {}
    named = pl.col("one_line").replace_strict(names, default="", return_dtype=pl.String)
    order = pl.col(CHARGES.section).replace_strict({section.value: i for i, section in enumerate(SECTION_ORDER)})
    added = pl.col(CHARGES.origin_kind) == "adjustment"  # a discount stands after what it is taken off
    keys = [pl.col(PAYER), order, GROUP, "named", "family", added, *_LINE_KEY[3:]]
    return grouped.with_columns(named.alias("named")).sort(keys)


_COUNTED = ("sms", "mms", "data", "event")
_FAMILIES = {"sms": "messages", "mms": "messages", "data": "data", "event": "events"}


def keyed(charges: pl.DataFrame, *, words: Wording) -> pl.DataFrame:
    """Charges with what tells their lines apart: the zone on invoices, the extension on statements; the heading they
    stand under; what is sold, by quantity and amount too, so that the price printed is one that was agreed, not a mean.
    Texts of the key are categories: they are compared by number.
    """
    usage = pl.col(CHARGES.origin_kind) == "usage"
    sold_at = pl.concat_str(CHARGES.amount_micros, pl.lit("/"), CHARGES.quantity)
    kinds = {kind: wording.word(words.language, f"family.{name}") for kind, name in _FAMILIES.items()}
    of_kind = pl.col(CHARGES.kind).cast(pl.String).replace_strict(kinds, default="", return_dtype=pl.String)
    named = {code: family for code, family in words.families.items() if family}
    of_product = pl.col(CHARGES.product).cast(pl.String).replace_strict(named, default="", return_dtype=pl.String)
    family = pl.when(usage).then(of_kind).otherwise(of_product).fill_null("")
    line = pl.col(CHARGES.line_id).cast(pl.String).fill_null("")
    told = charges.with_columns(
        pl.when(usage).then(pl.lit("")).otherwise(sold_at).alias("sold_at"),
        (pl.lit("") if words.by_line else family).alias("family"),
        (line if words.by_line else pl.lit("")).alias("line_key"),
        (pl.lit("") if words.by_line else pl.col(CHARGES.zone)).alias("line_zone"),
    )
    return told.with_columns(pl.col(name).cast(pl.Categorical) for name in _LINE_KEY if name not in _NUMBERS)


def to_input(row: Mapping[str, object], *, vat: VatTreatment, with_tax: bool, words: Wording) -> LineInput:
    """A grouped row as the input of the invoice arithmetic, its amount in the basis of the document."""
    source = TaxBasis(str(row[CHARGES.tax_basis]))
    target = TaxBasis.TTC if with_tax else TaxBasis.HT
    residue = residue_of(row.get("residues"))
    micros, residue = convert_exact(_int(row["micros"]), residue, source=source, target=target, rate=vat.rate)
    section = Section(str(row[CHARGES.section]))
    if row[CHARGES.origin_kind] == "usage":
        return _usage_input(row, section, micros, residue, vat, words)
    return _sold_input(row, section, micros, vat, words)


def residue_of(counted: object) -> Fraction:
    """What the charges of a line keep beyond their micros: rests n/d and how many charges have each."""
    assert isinstance(counted, list | None)
    return sum((Fraction(rest[CHARGES.residue]) * rest["count"] for rest in counted or ()), Fraction(0))


def _usage_input(
    row: Mapping[str, object], section: Section, micros: int, residue: Fraction, vat: VatTreatment, words: Wording
) -> LineInput:
    zone = words.zones.get(str(row["line_zone"]), wording.word(words.language, "unknown"))
    if words.by_line:
        zone = words.lines.get(_int(row["one_line"]), "")
    label = f"{wording.word(words.language, 'service')} – {zone}" if section is Section.THIRD_PARTY else zone
    detail = _counted(row, words.language)
    first, last, late = earlier_period(str(row[EARLIER]))
    if first is not None and last is not None:
        detail = f"{detail}, {wording.usage_of(words.language, first, last, late=late)}"
    return LineInput(
        section=section,
        label=label,
        amount_micros=micros,
        vat=vat,
        group=str(row[GROUP]),
        detail=detail,
        period_from=first,
        period_to=last,
        residue=residue,
        family=str(row["family"]),
    )


def _counted(row: Mapping[str, object], language: str) -> str:
    """« 12 appels, 1 h 02 min 05 s », « 3 messages », « 2 sessions, 1,5 Go »: what was used, each in its unit."""
    messages = _int(row["n_sms"]) + _int(row["n_mms"])
    sessions, events = _int(row["n_data"]), _int(row["n_event"])
    calls = _int(row["n"]) - messages - sessions - events
    said = []
    if calls or not (messages or sessions or events):
        said += [wording.count(language, "calls", calls), wording.duration(_int(row["talk_s"]))]
    if messages:
        said.append(wording.count(language, "messages", messages))
    if sessions:
        said.append(wording.count(language, "sessions", sessions))
        if not (messages or events):
            said.append(wording.octets(language, _int(row[CHARGES.units])))
    if events:
        said.append(wording.count(language, "events", events))
    return ", ".join(said)


def earlier_period(mark: str) -> tuple[date | None, date | None, bool]:
    """What EARLIER says: first and last day, and whether the usage came after the invoice of its period."""
    if not mark:
        return None, None, False
    first, last, *late = mark.split("/")
    return date.fromisoformat(first), date.fromisoformat(last), late == [LATE_MARK]


def _sold_input(
    row: Mapping[str, object], section: Section, micros: int, vat: VatTreatment, words: Wording
) -> LineInput:
    """A subscription or a purchase: quantity and unit price are printed when they give the amount exactly."""
    quantities = row["quantities"]
    assert isinstance(quantities, list)
    quantity = sum((Decimal(text) for text in quantities), Decimal(0))
    first = date.fromisoformat(str(row[CHARGES.period_from]))
    last = date.fromisoformat(str(row[CHARGES.period_to])) - timedelta(days=1)
    recurring = row[CHARGES.origin_kind] in ("recurring", "adjustment")
    when = (
        wording.from_to(words.language, first, last)
        if recurring
        else wording.word(words.language, "purchased").format(wording.day(first))
    )
    named = words.lines.get(_int(row["one_line"])) if row["one_line"] is not None and row["n_lines"] == 1 else None
    return LineInput(
        section=section,
        label=str(row[CHARGES.label]),
        amount_micros=micros,
        vat=vat,
        group=str(row[GROUP]),
        detail=f"{named}, {when}" if named else when,
        quantity=quantity,
        unit_price=_unit_price(micros, quantity),
        period_from=first if recurring else None,
        period_to=last if recurring else None,
        family=str(row["family"]),
    )


def _unit_price(micros: int, quantity: Decimal) -> Decimal | None:
    """The exact unit price if it has at most 6 decimals (BR-FR-DEC), else None: the line is printed as one amount."""
    if quantity == 0:
        return None
    price = Fraction(micros) / Fraction(quantity)
    return Decimal(price.numerator).scaleb(-6).normalize() if price.denominator == 1 else None


def bind(keyed: pl.DataFrame, grouped: pl.DataFrame) -> pl.DataFrame:
    """Every charge with the `line_no` of its row in `grouped`; 0 for what stands on no line (free helplines)."""
    keys = keyed.select(_LINE_KEY)
    known = grouped.select(*(pl.col(name).cast(keys.schema[name]) for name in _LINE_KEY), LINE_NO)
    # The numbers alone are joined: the charges, which may be many and wide, are not copied.
    numbers = keys.join(known, on=_LINE_KEY, how="left", nulls_equal=True, maintain_order="left")
    assert numbers.height == keyed.height
    return keyed.with_columns(numbers[LINE_NO].fill_null(0))


def user_parts(bound: pl.DataFrame) -> dict[int, list[Part]]:
    """By payer, what the charges of each line of the directory come to on each line of its document."""
    sums = bound.lazy().filter(pl.col(LINE_NO) > 0).group_by(PAYER, LINE_NO, CHARGES.line_id)
    found = sums.agg(pl.col(CHARGES.amount_micros).sum()).sort(LINE_NO, CHARGES.line_id, nulls_last=True).collect()
    parts: dict[int, list[Part]] = {}
    for payer_id, *part in found.iter_rows():
        parts.setdefault(payer_id, []).append(Part(*part))
    return parts


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def number_lines(grouped: pl.DataFrame) -> pl.DataFrame:
    """Lines numbered from 1 within each payer, in print order."""
    return grouped.with_columns(pl.int_range(1, pl.len() + 1).over(PAYER).alias(LINE_NO))


def sections_minor(nets: Sequence[tuple[Section, int]]) -> tuple[int, int]:
    """(communications, subscriptions) without tax of a document: the two columns of the control reports."""
    usage = sum(net for section, net in nets if section not in (Section.SUBSCRIPTION, Section.ONE_OFF))
    subscription = sum(net for section, net in nets if section is Section.SUBSCRIPTION)
    return usage, subscription
