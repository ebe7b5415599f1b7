"""Rated calls as rows of `core.schema.CHARGES`. Labels become categories by their codes: no text is built for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.rating import PartName, Section, State
from ardoise.core.schema import CHARGES, USAGE
from ardoise.rate.columns.frames import CHARGES_SCHEMA, LABELS
from ardoise.rate.columns.frozen import Month
from ardoise.rate.columns.kernel import Flags, Ints
from ardoise.rate.columns.rated import EXCLUDING, REASONS, SECTIONS, STATES, Calls, Rated, positions

LARGEST_ENUM = 16_384  # a file repeats the values of an Enum in each row group, those of a Categorical only as used
PARTS = tuple(PartName)
FIXED = {CHARGES.origin_kind: "usage", CHARGES.vat_nature: "services"}
HIDDEN = (USAGE.calling, USAGE.called, USAGE.number_key, USAGE.number_category, USAGE.account_code, USAGE.origin)
"""What goes no further than the attribution, of lines whose numbers must not be kept: see `rating.without_numbers`."""


_NO_TEXT = pl.Series([""], dtype=pl.Categorical)  # as short to write as a label: a column of empty texts is not

_Kind = TypeVar("_Kind", bound=np.generic)


class Labels:
    """The distinct values of a label column, ready to become a column by their positions."""

    def __init__(self, names: Iterable[str]) -> None:
        distinct = list(dict.fromkeys(names))
        self._enum = len(distinct) <= LARGEST_ENUM
        self._dtype = pl.Enum(distinct)
        self._place = np.uint8 if len(distinct) < 2**8 else np.uint16 if len(distinct) < 2**16 else np.uint32
        self._values = pl.Series(distinct, dtype=pl.String) if self._enum else pl.Series(distinct, dtype=pl.Categorical)
        self._of: dict[str, int] = {name: number for number, name in enumerate(distinct)}

    def place(self, names: Iterable[str]) -> npt.NDArray[np.unsignedinteger]:
        """The positions of names."""
        return np.array([self._of[name] for name in names], self._place)

    def column(self, places: npt.NDArray[np.integer]) -> pl.Series:
        """A column of the values at these positions."""
        if not self._enum:
            return self._values.gather(pl.Series(places.astype(np.uint32, copy=False)))
        return pl.Series(places.astype(self._place, copy=False)).cat.to(self._dtype)


@dataclass(frozen=True, slots=True)
class _Of:
    """A label that depends on a code of the call: its values, and the position of each code among them."""

    labels: Labels
    of_code: npt.NDArray[np.unsignedinteger]

    @classmethod
    def of(cls, texts: Sequence[str]) -> _Of:
        labels = Labels(sorted({*texts, ""}))  # whatever the order in which threads met them: the same bytes
        return cls(labels, labels.place([*texts, ""]))

    def column(self, codes: npt.NDArray[np.integer]) -> pl.Series:
        """`codes` of -1 are empty: the last entry."""
        return self.labels.column(self.of_code[codes])


class ChargeColumns:
    """Writes the charges of each part of one month."""

    def __init__(self, month: Month) -> None:
        self._month = month
        catalogue, spans = month.catalogue, month.spans
        self._fixed = {**FIXED, CHARGES.month: month.month}
        self._of_profile = {name: _Of.of(month.profiles.texts(name)) for name in LABELS if name != USAGE.flags}
        self._parts = _Of.of([part.value for part in PARTS])
        self._states = _Of.of([state.value for state in STATES])
        self._reasons = _Of.of([reason.value for reason in REASONS])
        self._sections = _Of.of([section.value for section in SECTIONS])
        self._rules = _Of.of(spans.rules)
        self._levels = _Of.of(spans.levels)
        self._bands = _Of.of(catalogue.band_names)
        self._zones = _Of.of(catalogue.zone_names)
        self._prefixes = _Of.of(catalogue.prefix_names.to_list())
        self._version_of_row = _entries(catalogue.row_version)
        self._zone_of_row, self._prefix_of_row = _entries(catalogue.row_zone), _entries(catalogue.row_prefix)
        self._tariff_ids, self._version_ids = _entries(catalogue.tariff_ids), _entries(catalogue.version_ids)
        self._currencies = _Of.of(catalogue.currency_of)
        self._bases = _Of.of(catalogue.tax_basis_of)
        told = {CHARGES.draws: month.included.draws_several, CHARGES.residue: catalogue.rates.any_by_line}
        self._told = [name for name, may_be in told.items() if may_be]
        self._excluded = np.zeros(len(REASONS), np.bool_)
        self._excluded[positions(EXCLUDING)] = True

    def of(self, calls: Calls, rated: Rated) -> pl.DataFrame:
        """One row a part: the access part of each call, then its service part if it has one."""
        call, service = _parts(rated.has_service)
        columns = self._of_calls(calls, call) | self._of_spans(calls.span if call is None else calls.span[call])
        columns |= self._of_rates(rated.row if call is None else rated.row[call])
        columns |= self._of_prices(calls, rated, call, service)
        return self._filled(columns, rows=len(service))

    def empty(self) -> pl.DataFrame:
        """A part without calls."""
        none = np.zeros(0, np.int64)
        columns = self._of_spans(none) | self._of_rates(none)
        columns |= {name: of.column(none) for name, of in self._of_profile.items() if name in CHARGES_SCHEMA}
        columns |= {CHARGES.part: self._parts.column(none), CHARGES.state: self._states.column(none)}
        columns |= {CHARGES.why: self._reasons.column(none), CHARGES.section: self._sections.column(none)}
        columns[CHARGES.band] = self._bands.column(none)
        texts = (CHARGES.origin_id, CHARGES.calling, CHARGES.called, CHARGES.number_key)
        columns |= {name: pl.Series(dtype=pl.String) for name in texts}
        columns |= {name: pl.Series(dtype=pl.Categorical) for name in self._told}
        return self._filled(columns, rows=0)

    def _of_calls(self, calls: Calls, call: Ints | None) -> dict[str, pl.Series]:
        order = pl.Series(calls.order if call is None else calls.order[call])
        texts = calls.texts.select(
            pl.col(USAGE.usage_id, USAGE.calling, USAGE.called, USAGE.number_key, USAGE.units).gather(order)
        )
        profile = calls.profile if call is None else calls.profile[call]
        columns = {name: texts[name] for name in (CHARGES.calling, CHARGES.called, CHARGES.number_key, CHARGES.units)}
        columns[CHARGES.origin_id] = texts[USAGE.usage_id]
        columns |= {name: of.column(profile) for name, of in self._of_profile.items() if name in CHARGES_SCHEMA}
        hidden = calls.no_detail if call is None else calls.no_detail[call]
        if hidden.any():
            mask = pl.Series(hidden)
            columns |= {name: columns[name].zip_with(~mask, _nothing(columns[name])) for name in HIDDEN}
        at_us = calls.at_us if call is None else calls.at_us[call]
        columns[CHARGES.at] = pl.Series(at_us).cast(CHARGES_SCHEMA[CHARGES.at])
        columns[CHARGES.talk_s] = pl.Series(calls.talk_s if call is None else calls.talk_s[call])
        return columns

    def _of_spans(self, span: Ints) -> dict[str, pl.Series]:
        spans = self._month.spans
        return {
            CHARGES.issuer_id: pl.Series(spans.issuer_id[span]),
            CHARGES.root_id: pl.Series(spans.root_id[span]),
            CHARGES.account_id: pl.Series(spans.account_id[span]),
            CHARGES.line_id: _optional(spans.line_id[span], spans.line_id[span] >= 0),
            CHARGES.billable: pl.Series(spans.billable[span]),
            CHARGES.identifier_rule: self._rules.column(spans.rule[span]),
            CHARGES.level: self._levels.column(spans.level[span]),
        }

    def _of_rates(self, row: npt.NDArray[np.integer]) -> dict[str, pl.Series]:
        """What a charge copies from its row; empty where there is none (-1)."""
        found, version = row >= 0, self._version_of_row[row]
        return {
            CHARGES.zone: self._zones.column(self._zone_of_row[row]),
            CHARGES.prefix: self._prefixes.column(self._prefix_of_row[row]),
            CHARGES.currency: self._currencies.column(version),
            CHARGES.tax_basis: self._bases.column(version),
            CHARGES.tariff_id: _optional(self._tariff_ids[version], found),
            CHARGES.version_id: _optional(self._version_ids[version], found),
        }

    def _of_prices(self, calls: Calls, rated: Rated, call: Ints | None, service: Flags) -> dict[str, pl.Series]:
        def of(values: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
            return values if call is None else values[call]

        priced, why = of(rated.row) >= 0, of(rated.why)
        state = np.where(priced, np.int8(STATES.index(State.PRICED)), np.int8(STATES.index(State.UNPRICED)))
        state[self._excluded[why]] = STATES.index(State.EXCLUDED)
        section, billed_s, covered_s = of(rated.section), of(rated.billed_s), of(rated.covered_s)
        amount, cost = of(rated.amount_micros), of(rated.access_cost_micros)
        printed = calls.texts[USAGE.operator_micros].cast(pl.Int64).gather(pl.Series(of(calls.order)))
        if call is not None:
            section[service] = SECTIONS.index(Section.THIRD_PARTY)
            billed_s[service], covered_s[service] = calls.quantity[call[service]], 0
            amount[service] = rated.service_micros[call[service]]
            cost[service] = rated.service_cost_micros[call[service]]
            printed = printed.set(pl.Series(service), None)
        allowance, promotion = of(rated.allowance_id), of(rated.promotion_id)
        return {
            CHARGES.part: self._parts.column(service.astype(np.uint8)),
            CHARGES.state: self._states.column(state),
            CHARGES.why: self._reasons.column(why),
            CHARGES.section: self._sections.column(section),
            CHARGES.billed_s: pl.Series(billed_s),
            CHARGES.band: self._bands.column(np.where(priced, of(rated.band), 0)),
            CHARGES.allowance_id: _optional(allowance, (allowance >= 0) & ~service),
            CHARGES.covered_s: pl.Series(covered_s),
            CHARGES.amount_micros: _optional(amount, priced),
            CHARGES.cost_micros: _optional(cost, of(rated.has_cost)),
            CHARGES.printed_micros: printed,
            CHARGES.promotion_id: _optional(promotion, (promotion >= 0) & ~service),
            CHARGES.promoted: pl.Series(np.where(service, 0, of(rated.promoted))),
            **self._texts(rated, call, service),
        }

    def _texts(self, rated: Rated, call: Ints | None, service: Flags) -> dict[str, pl.Series]:
        """Texts that few calls have, in a month where some may have one."""
        parts = {CHARGES.draws: (rated.draws, None), CHARGES.residue: (rated.residue, rated.service_residue)}
        found = {}
        for name in self._told:
            if all(texts is None for texts in parts[name]):
                found[name] = _NO_TEXT.new_from_index(0, len(service))
                continue
            empty = pl.Series([""], dtype=pl.String).new_from_index(0, len(rated.why))
            access, other = (empty if texts is None else texts for texts in parts[name])
            if call is not None:
                access = other.gather(call).zip_with(pl.Series(service), access.gather(call))
            found[name] = access.cast(pl.Categorical)
        return found

    def _filled(self, columns: dict[str, pl.Series], *, rows: int) -> pl.DataFrame:
        """All columns of the table in order; what a call has not is empty."""
        complete = []
        for name, kind in CHARGES_SCHEMA.items():
            column, known = columns.get(name), CHARGES.columns()[name]
            if column is None and kind == pl.String:
                text = self._fixed.get(name, "")
                column = pl.Series([text], dtype=pl.Enum([text])).new_from_index(0, rows)
            elif column is None:
                column = pl.Series([None if known.optional else 0], dtype=kind).new_from_index(0, rows)
            elif kind != pl.String and column.dtype != kind:
                column = column.cast(kind)
            complete.append(column.alias(name))
        return pl.DataFrame(complete)


def _parts(has_service: Flags) -> tuple[Ints | None, Flags]:
    """The call of each row, and whether the row is its service part. None: one row a call."""
    if not has_service.any():
        return None, np.zeros(len(has_service), np.bool_)
    call = np.repeat(np.arange(len(has_service)), 1 + has_service.astype(np.int64))
    service = np.zeros(len(call), np.bool_)
    service[1:] = call[1:] == call[:-1]
    return call, service


def _entries(values: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
    """With one more entry, for -1."""
    return np.concatenate([values, np.full(1, -1, values.dtype)])


def _nothing(column: pl.Series) -> pl.Series:
    return pl.Series([""], dtype=column.dtype).new_from_index(0, len(column))


def _optional(values: Ints, present: Flags) -> pl.Series:
    column = pl.Series(values)
    return column if present.all() else column.zip_with(pl.Series(present), pl.Series([None], dtype=column.dtype))
