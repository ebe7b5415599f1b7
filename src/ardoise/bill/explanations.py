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
from ardoise.core.allowances import Draw
from ardoise.core.attribution import Attribution
from ardoise.core.compiled import CompiledVersion
from ardoise.core.rating import CompiledSnapshot, Match, PartName, RatedPart, Section, State, Why
from ardoise.core.reasons import explain
from ardoise.core.schema import CHARGES
from ardoise.core.usage import CallStatus, Direction, Usage

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
    if not hidden:
        return sentences
    masked = phone.mask(hidden).replace("x", HIDDEN)
    return [sentence.replace(hidden, masked) for sentence in sentences]


def _rated(compiled: CompiledSnapshot, charge: Charge) -> RatedPart | None:
    """The charge as rating made it; None when the version or the row it names is gone."""
    usage = _usage(charge)
    match = _match(compiled, charge) if charge[CHARGES.state] == State.PRICED else None
    if match is None and charge[CHARGES.state] == State.PRICED:
        return None
    cost = _optional(charge[CHARGES.cost_micros])
    return RatedPart(
        usage=usage,
        payer=Attribution(
            line_id=_optional(charge[CHARGES.line_id]),
            account_id=_whole(charge[CHARGES.account_id]),
            root_id=_whole(charge[CHARGES.root_id]),
            issuer_id=_whole(charge[CHARGES.issuer_id]),
            billable=bool(charge[CHARGES.billable]),
            identifier_rule=str(charge[CHARGES.identifier_rule]),
            no_detail=False,
        ),
        part=PartName(str(charge[CHARGES.part])),
        month=str(charge[CHARGES.month]),
        state=State(str(charge[CHARGES.state])),
        why=Why(str(charge[CHARGES.why])),
        section=Section(str(charge[CHARGES.section])),
        billed_s=_whole(charge[CHARGES.billed_s]),
        match=match,
        draws=_draws(compiled, charge),
        amount_micros=_optional(charge[CHARGES.amount_micros]),
        cost_micros=cost,
        cost_match=None if cost is None else compiled.cost_match(usage),
        printed_micros=_optional(charge[CHARGES.printed_micros]),
    )


def _match(compiled: CompiledSnapshot, charge: Charge) -> Match | None:
    version = _version(compiled, charge)
    if version is None:
        return None
    band = str(charge[CHARGES.band])
    found = version.table(band).find(str(charge[CHARGES.number_key]))
    if found is None or found.rate.prefix != charge[CHARGES.prefix] or found.rate.zone != charge[CHARGES.zone]:
        return None
    return Match(found, version.version, band)


def _version(compiled: CompiledSnapshot, charge: Charge) -> CompiledVersion | None:
    versions = compiled.versions.get(_whole(charge[CHARGES.tariff_id] or 0), [])
    return next((known for known in versions if known.version.version_id == charge[CHARGES.version_id]), None)


def _draws(compiled: CompiledSnapshot, charge: Charge) -> tuple[Draw, ...]:
    allowance_id = _optional(charge[CHARGES.allowance_id])
    known = None if allowance_id is None else compiled.allowances.allowances.get(allowance_id)
    covered_s = _whole(charge[CHARGES.covered_s])
    return (Draw(known, covered_s),) if known is not None and covered_s else ()


def _gives_the_amount(part: RatedPart) -> bool:
    """Whether the row still gives the stored amount: a version of an open month may have been edited since."""
    if part.match is None:
        return True
    rate = part.match.rate
    if part.part is PartName.SERVICE:
        return rate.service(part.usage.talk_s) == part.amount_micros
    if part.draws:
        uncovered_s = max(0, part.usage.talk_s - rate.free_s) - part.covered_s
        return rate.remainder(uncovered_s)[0] == part.amount_micros
    return rate.whole_call(part.usage.talk_s)[0] == part.amount_micros


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
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _optional(value: object) -> int | None:
    return None if value is None else _whole(value)
