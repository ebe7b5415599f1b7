"""The charges of one bucket: calls in, rows of `core.schema.CHARGES` out, everything in order of account and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.rating import PartName, Section, State, Why
from ardoise.core.schema import CHARGES, USAGE
from ardoise.core.usage import CallStatus, Direction
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frames import CHARGES_SCHEMA
from ardoise.rate.columns.included import Choices, cover
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.payers import SpanColumns, instants_of

Codes = npt.NDArray[np.int64]
REASONS = tuple(Why)
SECTIONS = tuple(Section)
STATES = tuple(State)
NOT_ANSWERED = (CallStatus.UNANSWERED, CallStatus.BUSY, CallStatus.FAILED)
COPIED = (
    CHARGES.source, CHARGES.direction, CHARGES.status, CHARGES.calling, CHARGES.called, CHARGES.number_key,
    CHARGES.number_category, CHARGES.talk_s, CHARGES.account_code, CHARGES.kind, CHARGES.units,
)  # fmt: skip
"""Columns that a charge copies from its call under the same name."""


@dataclass(slots=True)
class Rated:
    """The answers for each call, as arrays. `rate` is -1 without a price; `cost_micros` is masked by `has_cost`."""

    why: Codes  # position in REASONS
    rate: Ints
    band: npt.NDArray[np.int32]
    covered_s: Ints
    allowance_id: Ints
    section: Codes  # position in SECTIONS
    amount_micros: Ints
    billed_s: Ints
    has_cost: Flags
    access_cost_micros: Ints
    service_cost_micros: Ints
    has_service: Flags
    service_micros: Ints


def rate_bucket(
    usage: pl.DataFrame, *, spans: SpanColumns, span_column: str, choices: Choices,
    catalogue: CatalogueColumns, month: str,
) -> pl.DataFrame:  # fmt: skip
    """Charges of the calls of some roots, whole months of them: allowances are drawn here and nowhere else."""
    usage = _in_order(usage, spans.account_id[usage[span_column].to_numpy()])
    span = usage[span_column].to_numpy()
    usage = _without_numbers(usage, spans.no_detail[span])
    rated = _rate(usage, span, spans=spans, choices=choices, catalogue=catalogue)
    return _charges(usage, span, rated, spans=spans, catalogue=catalogue, month=month)


def _in_order(usage: pl.DataFrame, account_id: Ints) -> pl.DataFrame:
    keyed = usage.with_columns(pl.Series("account", account_id))
    return keyed.sort("account", USAGE.answered_at, USAGE.usage_id, maintain_order=True).drop("account")


def _without_numbers(usage: pl.DataFrame, no_detail: Flags) -> pl.DataFrame:
    """Lines of staff representatives: the numbers go no further (see `core.rating.without_numbers`)."""
    if not no_detail.any():
        return usage
    dropped = (USAGE.calling, USAGE.called, USAGE.number_key, USAGE.number_category, USAGE.account_code)
    hidden = pl.lit(pl.Series(no_detail))
    return usage.with_columns(pl.when(hidden).then(pl.lit("")).otherwise(pl.col(name)).alias(name) for name in dropped)


def _rate(
    usage: pl.DataFrame, span: Ints, *, spans: SpanColumns, choices: Choices,
    catalogue: CatalogueColumns,
) -> Rated:  # fmt: skip
    talk_s = usage[USAGE.talk_s].to_numpy().astype(np.int64)
    at_us = instants_of(usage)
    why = _exclusions(usage, talk_s, no_detail=spans.no_detail[span], prices_internal=spans.prices_internal[span])
    asked = np.flatnonzero(why == REASONS.index(Why.NONE))
    keys = usage[USAGE.number_key].gather(asked)
    cells, table = catalogue.locate(keys)
    bands = catalogue.bands(at_us[asked])
    known = (keys != "").to_numpy()
    found, found_band = catalogue.match(spans.chain_id[span[asked]], cells=cells, table=table, bands=bands)
    cost_rate, _ = catalogue.match(spans.cost_chain_id[span[asked]], cells=cells, table=table, bands=bands)
    found[~known], cost_rate[~known] = -1, -1
    rates = catalogue.rates
    unbilled = (
        (talk_s[asked] == 0) & ((found < 0) | ~rates.bills_zero[found]) if len(rates.rates) else (talk_s[asked] == 0)
    )
    found[unbilled], cost_rate[unbilled] = -1, -1
    why[asked[unbilled]] = REASONS.index(Why.UNANSWERED)
    missing = np.flatnonzero((found < 0) & ~unbilled)
    reasons = catalogue.why(spans.chain_id[span[asked[missing]]], keys.gather(missing).to_list())
    why[asked[missing]] = [REASONS.index(reason) for reason in reasons]
    rate, cost, band = np.full(len(span), -1, np.int64), np.full(len(span), -1, np.int64), np.zeros(len(span), np.int32)
    rate[asked], cost[asked], band[asked] = found, cost_rate, found_band
    return _amounts(
        usage, span, why=why, rate=rate, cost=cost, band=band, talk_s=talk_s, at_us=at_us, spans=spans, choices=choices,
        catalogue=catalogue,
    )  # fmt: skip


def _exclusions(usage: pl.DataFrame, talk_s: Ints, *, no_detail: Flags, prices_internal: Flags) -> Codes:
    """`core.rating.exclusion` on columns; the first rule wins, so the last is written first."""
    direction, status = usage[USAGE.direction], usage[USAGE.status]
    flagged = usage[USAGE.flags].str.contains(r"(^|,)no_detail(,|$)").to_numpy()
    incoming = (direction == Direction.IN.value).to_numpy()
    why = np.zeros(usage.height, np.int64)
    assert REASONS[0] is Why.NONE
    why[incoming] = REASONS.index(Why.INCOMING)
    silent = (incoming & (talk_s <= 0)) | status.is_in([known.value for known in NOT_ANSWERED]).to_numpy()
    why[silent] = REASONS.index(Why.UNANSWERED)
    why[no_detail | flagged] = REASONS.index(Why.NO_DETAIL)
    why[(direction == Direction.INTERNAL.value).to_numpy() & ~prices_internal] = REASONS.index(Why.INTERNAL)
    return why


def _amounts(
    usage: pl.DataFrame, span: Ints, *, why: Codes, rate: Ints, cost: Ints, band: npt.NDArray[np.int32], talk_s: Ints,
    at_us: Ints, spans: SpanColumns, choices: Choices, catalogue: CatalogueColumns,
) -> Rated:  # fmt: skip
    rates = catalogue.rates
    calls = len(span)
    priced, bought = np.flatnonzero(rate >= 0), np.flatnonzero(cost >= 0)
    zone_id, demand_s = np.full(calls, -1, np.int64), np.zeros(calls, np.int64)
    zone_id[priced] = catalogue.rate_zone[rate[priced]]
    demand_s[priced] = np.maximum(talk_s[priced] - rates.free_s[rate[priced]], 0)
    covered = cover(
        choices, pools_id=spans.pools_id[span], zone_id=zone_id, demand_s=demand_s,
        at_us=at_us, usage_id=usage[USAGE.usage_id],
    )  # fmt: skip
    section = np.zeros(calls, np.int64)
    assert SECTIONS[0] is Section.NONE
    section[priced] = SECTIONS.index(Section.OUTSIDE)
    section[covered.open] = SECTIONS.index(Section.BEYOND)
    section[covered.covered_s > 0] = SECTIONS.index(Section.INCLUDED)
    amount, billed_s, service_micros = (np.zeros(calls, np.int64) for _ in range(3))
    has_service = np.zeros(calls, np.bool_)
    amount[priced], billed_s[priced] = rates.calls(
        rate[priced], talk_s=talk_s[priced], covered_s=covered.covered_s[priced]
    )
    has_service[priced] = rates.has_service[rate[priced]]
    surtaxed = np.flatnonzero(has_service)
    service_micros[surtaxed] = rates.services(rate[surtaxed], talk_s=talk_s[surtaxed])
    access_cost, service_cost = np.zeros(calls, np.int64), np.zeros(calls, np.int64)
    nothing = np.zeros(len(bought), np.int64)
    access_cost[bought] = rates.calls(cost[bought], talk_s=talk_s[bought], covered_s=nothing)[0]
    service_cost[bought] = rates.services(cost[bought], talk_s=talk_s[bought])
    free = bought[(talk_s[bought] == 0) & ~rates.bills_zero[cost[bought]]]
    access_cost[free], service_cost[free] = 0, 0
    return Rated(
        why, rate, band, covered.covered_s, covered.allowance_id, section, amount, billed_s, cost >= 0, access_cost,
        service_cost, has_service, service_micros,
    )  # fmt: skip


def _charges(
    usage: pl.DataFrame, span: Ints, rated: Rated, *, spans: SpanColumns, catalogue: CatalogueColumns, month: str
) -> pl.DataFrame:
    """One row a part: the access part of each call, then its service part if it has one."""
    parts = 1 + rated.has_service.astype(np.int64)
    row = np.repeat(np.arange(len(span)), parts)
    service = np.zeros(len(row), np.bool_)
    service[1:] = row[1:] == row[:-1]
    rate, why = rated.rate[row], rated.why[row]
    priced = rate >= 0
    excluded = np.isin(why, [REASONS.index(reason) for reason in EXCLUDING])
    state = np.where(priced, STATES.index(State.PRICED), STATES.index(State.UNPRICED))
    state[excluded] = STATES.index(State.EXCLUDED)
    cost = np.where(
        service,
        rated.service_cost_micros[row],
        rated.access_cost_micros[row] + np.where(rated.has_service[row], 0, rated.service_cost_micros[row]),
    )
    talk_s = usage[USAGE.talk_s].to_numpy()[row]
    part_span = span[row]
    columns: dict[str, pl.Series] = {
        name: usage[name].gather(row) if len(row) > len(span) else usage[name] for name in COPIED
    }
    columns |= {
        CHARGES.origin_id: usage[USAGE.usage_id].gather(row),
        CHARGES.at: usage[USAGE.answered_at].gather(row),
        CHARGES.part: _labels([part.value for part in (PartName.ACCESS, PartName.SERVICE)], service.astype(np.int64)),
        CHARGES.issuer_id: pl.Series(spans.issuer_id[part_span]),
        CHARGES.root_id: pl.Series(spans.root_id[part_span]),
        CHARGES.account_id: pl.Series(spans.account_id[part_span]),
        CHARGES.line_id: pl.Series(spans.line_id[part_span]),
        CHARGES.state: _labels([state.value for state in STATES], state),
        CHARGES.why: _labels([reason.value for reason in REASONS], why),
        CHARGES.billable: pl.Series(spans.billable[part_span]),
        CHARGES.section: _labels(
            [section.value for section in SECTIONS],
            np.where(service, SECTIONS.index(Section.THIRD_PARTY), rated.section[row]),
        ),
        CHARGES.identifier_rule: spans.rule.gather(part_span),
        CHARGES.billed_s: pl.Series(np.where(service, talk_s, rated.billed_s[row])),
        CHARGES.band: _labels(catalogue.band_names, np.where(priced, rated.band[row], 0)),
        CHARGES.allowance_id: _optional(rated.allowance_id[row], (rated.allowance_id[row] >= 0) & ~service),
        CHARGES.covered_s: pl.Series(np.where(service, 0, rated.covered_s[row])),
        CHARGES.amount_micros: _optional(
            np.where(service, rated.service_micros[row], rated.amount_micros[row]), priced
        ),
        CHARGES.cost_micros: _optional(cost, rated.has_cost[row]),
        CHARGES.printed_micros: usage[USAGE.operator_micros].gather(row).zip_with(
            pl.Series(~service), pl.Series([None], dtype=pl.Int64).new_from_index(0, len(row))
        ),
        **catalogue.labels(rate),
    }  # fmt: skip
    return _filled(columns, rows=len(row), month=month)


EXCLUDING = (Why.INTERNAL, Why.NO_DETAIL, Why.UNANSWERED, Why.INCOMING)


def _filled(columns: dict[str, pl.Series], *, rows: int, month: str) -> pl.DataFrame:
    """All columns of the table in order; what a call has not is empty."""
    fixed = {
        CHARGES.origin_kind: "usage",
        CHARGES.level: "retail",
        CHARGES.month: month,
        CHARGES.vat_nature: "services",
    }
    complete = []
    for name, kind in CHARGES_SCHEMA.items():
        if name in columns:
            complete.append(columns[name].cast(kind).alias(name))
        else:
            empty = None if CHARGES.columns()[name].optional else 0 if kind == pl.Int64 else fixed.get(name, "")
            complete.append(pl.Series(name, [empty], dtype=kind).new_from_index(0, rows))
    return pl.DataFrame(complete)


def _labels(names: Sequence[str], codes: npt.NDArray[np.integer]) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(codes)


def _optional(values: Ints, present: Flags) -> pl.Series:
    return pl.Series(values).zip_with(
        pl.Series(present), pl.Series([None], dtype=pl.Int64).new_from_index(0, len(values))
    )
