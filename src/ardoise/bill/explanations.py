"""Why a call costs what it costs: the stored charge put back beside the row of the tariff that priced it.

Nothing is priced again: tariff, version, prefix, band, seconds, allowance and amount are the charge's own columns, read
in the words of `core.reasons`. When the catalogue has moved since, the explanation says so instead of explaining
another price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ardoise.bill.calls import HIDDEN, Viewer, charges_of, reads_numbers
from ardoise.catalog.queries import take_snapshot
from ardoise.collect.handover import snapshot_sources
from ardoise.core import phone
from ardoise.core.allowances import Draw, Held, read_draws
from ardoise.core.attribution import Attribution, IncompleteSnapshot
from ardoise.core.chains import is_incoming
from ardoise.core.charging import recomputed
from ardoise.core.rated import NOT_ANSWERED
from ardoise.core.rating import CompiledSnapshot, Match, PartName, RatedPart, Section, State, Why
from ardoise.core.reasons import explain
from ardoise.core.schema import CHARGES
from ardoise.core.tables import CompiledVersion
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind

Charge = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PartExplained:
    """One charge of a call. `sentences` is empty when `moved`: the catalogue no longer holds the row that priced it."""

    part: str  # access, service
    state: str
    amount_micros: int | None
    currency: str
    tax_basis: str
    billed_s: int
    covered_s: int
    sentences: list[str]
    moved: bool


def explain_call(viewer: Viewer, *, month: str, usage_id: str, language: str) -> list[PartExplained]:
    """The charges of a call and the sentences that explain each; empty when the scope has no such call.

    A number that the viewer may not read in full is masked in the sentences too (a row may match a whole number).
    """
    charges = charges_of(viewer.scope, month=month, usage_id=usage_id)
    if not charges:
        return []
    priced_by = {_whole(version) for charge in charges if (version := charge[CHARGES.version_id]) is not None}
    compiled = CompiledSnapshot(take_snapshot(sources=snapshot_sources(), with_versions=priced_by))
    return [_explained(compiled, charge, language, _hidden(viewer, charge)) for charge in charges]


def _hidden(viewer: Viewer, charge: Charge) -> str:
    """The number that may not be read in full, "" = none."""
    return "" if reads_numbers(viewer, _whole(charge[CHARGES.issuer_id])) else str(charge[CHARGES.number_key])


def _explained(compiled: CompiledSnapshot, charge: Charge, language: str, hidden: str) -> PartExplained:
    part = _rated(compiled, charge)
    moved = part is None or not _gives_the_amount(part)
    return PartExplained(
        part=str(charge[CHARGES.part]),
        state=str(charge[CHARGES.state]),
        amount_micros=_optional(charge[CHARGES.amount_micros]),
        currency=str(charge[CHARGES.currency]),
        tax_basis=str(charge[CHARGES.tax_basis]),
        billed_s=_whole(charge[CHARGES.billed_s]),
        covered_s=_whole(charge[CHARGES.covered_s]),
        sentences=[] if part is None or moved else _masked(explain(part, language), hidden),
        moved=moved,
    )


def _masked(sentences: list[str], hidden: str) -> list[str]:
    """The sentences without the number, however it is written in them."""
    for form in (phone.display(hidden), hidden) if hidden else ():
        masked = phone.mask(form).replace("x", HIDDEN)
        sentences = [sentence.replace(form, masked) for sentence in sentences]
    return sentences


def _rated(compiled: CompiledSnapshot, charge: Charge) -> RatedPart | None:
    """The charge as rating made it; None when the version, the row or an allowance that it names is gone."""
    usage, payer = _usage(charge), _payer(charge)
    match = _match(compiled, charge, usage, payer) if charge[CHARGES.state] == State.PRICED else None
    promotion_id = _optional(charge[CHARGES.promotion_id])
    promotion = None if promotion_id is None else compiled.charging.promotions.promotions.get(promotion_id)
    draws = _draws(compiled, charge)
    if draws is None or (promotion is None and promotion_id is not None):
        return None
    if match is None and charge[CHARGES.state] == State.PRICED:
        return None
    cost = _optional(charge[CHARGES.cost_micros])
    return RatedPart(
        usage=usage,
        payer=payer,
        part=PartName(str(charge[CHARGES.part])),
        month=str(charge[CHARGES.month]),
        state=State(str(charge[CHARGES.state])),
        why=Why(str(charge[CHARGES.why])),
        section=Section(str(charge[CHARGES.section])),
        billed_s=_whole(charge[CHARGES.billed_s]),
        match=match,
        draws=draws,
        amount_micros=_optional(charge[CHARGES.amount_micros]),
        cost_micros=cost,
        cost_match=None if cost is None else compiled.cost_match(usage),
        printed_micros=_optional(charge[CHARGES.printed_micros]),
        residue=str(charge[CHARGES.residue]),
        promotion=promotion,
        promoted=_whole(charge[CHARGES.promoted]),
        level=str(charge[CHARGES.level]),
    )


def _payer(charge: Charge) -> Attribution:
    return Attribution(
        line_id=_optional(charge[CHARGES.line_id]),
        account_id=_whole(charge[CHARGES.account_id]),
        root_id=_whole(charge[CHARGES.root_id]),
        issuer_id=_whole(charge[CHARGES.issuer_id]),
        billable=bool(charge[CHARGES.billable]),
        identifier_rule=str(charge[CHARGES.identifier_rule]),
        no_detail=False,
    )


def _match(compiled: CompiledSnapshot, charge: Charge, usage: Usage, payer: Attribution) -> Match | None:
    """The row that priced the charge: along the chain of today, else where the charge says it was."""
    chain = compiled.chain(payer, at=usage.answered_at, incoming=is_incoming(usage))
    along = compiled.book.match(chain, usage)
    if isinstance(along, Match) and along.version.version_id == charge[CHARGES.version_id]:
        return along if _same_row(along, charge) else None
    version = _version(compiled, charge)
    if version is None:
        return None
    band = str(charge[CHARGES.band])
    found = version.table(band, usage.kind, usage.origin).find(usage.number_key, usage.number_category)
    match = None if found is None else Match(found, version.version, band)
    return match if match is not None and _same_row(match, charge) else None


def _same_row(match: Match, charge: Charge) -> bool:
    rate = match.rate.rate
    return rate.prefix == charge[CHARGES.prefix] and rate.zone == charge[CHARGES.zone]


def _version(compiled: CompiledSnapshot, charge: Charge) -> CompiledVersion | None:
    versions = compiled.versions.get(_whole(charge[CHARGES.tariff_id] or 0), [])
    return next((known for known in versions if known.version.version_id == charge[CHARGES.version_id]), None)


def _draws(compiled: CompiledSnapshot, charge: Charge) -> tuple[Draw, ...] | None:
    try:
        return read_draws(
            compiled.allowances.allowances,
            allowance_id=_optional(charge[CHARGES.allowance_id]),
            covered_s=_whole(charge[CHARGES.covered_s]),
            draws=str(charge[CHARGES.draws]),
        )
    except IncompleteSnapshot:
        return None


def _gives_the_amount(part: RatedPart) -> bool:
    """Whether the row still gives the stored amount: a version of an open month may have been edited since."""
    if part.match is None:
        return True
    base_micros = part.cost_micros if part.printed_micros is None else part.printed_micros
    if part.match.rate.coefficient is not None and base_micros is None:
        return False
    fare, quantity = part.match.fare(base_micros), part.usage.quantity
    if part.part is PartName.SERVICE:
        service = fare.service(quantity)
        return fare.round(service.amount, service.scale) == (part.amount_micros, part.residue)
    if part.usage.status in NOT_ANSWERED:
        attempt = fare.attempt()
        return fare.round(attempt.amount, attempt.scale) == (part.amount_micros, part.residue)
    again = recomputed(fare, quantity, Held(part.draws, part.promotion, part.promoted))
    return (again.amount_micros, again.residue) == (part.amount_micros, part.residue)


def _usage(charge: Charge) -> Usage:
    at = charge[CHARGES.at]
    assert isinstance(at, datetime)
    return Usage(
        usage_id=str(charge[CHARGES.origin_id]),
        source=str(charge[CHARGES.source]),
        start_at=at.astimezone(UTC),
        answered_at=at.astimezone(UTC),
        direction=Direction(str(charge[CHARGES.direction])),
        status=CallStatus(str(charge[CHARGES.status])),
        talk_s=_whole(charge[CHARGES.talk_s]),
        ring_s=0,
        charged="",
        party="",
        ddi="",
        calling="",
        called="",
        number_key=str(charge[CHARGES.number_key]),
        number_category=str(charge[CHARGES.number_category]),
        operator_micros=_optional(charge[CHARGES.printed_micros]),
        kind=UsageKind(str(charge[CHARGES.kind])),
        units=_whole(charge[CHARGES.units]),
        origin=str(charge[CHARGES.origin]),
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _optional(value: object) -> int | None:
    return None if value is None else _whole(value)
