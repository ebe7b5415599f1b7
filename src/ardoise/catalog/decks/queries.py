"""Reads for decks: the tariffs and their versions, and the preview of what a deck would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db.models import Count, TextField
from django.db.models.functions import Cast

from ardoise.catalog.decks.changes import VersionPlan, missing_keys, plan_versions
from ardoise.catalog.decks.deck import Deck, Key, Priced, Terms
from ardoise.catalog.decks.increments import FilledIncrements, UnknownIncrements, filled
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.problems import DeckProblem, DeckRefused
from ardoise.catalog.decks.zones import KnownZone, place
from ardoise.catalog.models import Calendar, DeckLayout, Rate, Tariff, TariffVersion, Zone
from ardoise.core.schema import FROZEN
from ardoise.store import queries as store
from ardoise.store.fields import ExactDecimalField, OptionalExactDecimalField
from ardoise.store.models import TableName


class NoSuchTariff(LookupError):
    """There is no tariff of that code, or no version of that day; the message says what there is."""


@dataclass(frozen=True, slots=True)
class VersionShown:
    """A version of a tariff that is believed now. `valid_to_date` None: open."""

    version_id: int
    valid_from_date: date
    valid_to_date: date | None
    rows: int


@dataclass(frozen=True, slots=True)
class TariffShown:
    """A tariff with its versions, the oldest first."""

    code: str
    name: str
    currency: str
    tax_basis: str
    bands: frozenset[str]
    versions: tuple[VersionShown, ...]

    def in_force(self, day: date) -> VersionShown | None:
        """The version in force on a day: the last that began, unless it has ended."""
        begun = [version for version in self.versions if version.valid_from_date <= day]
        if not begun or (begun[-1].valid_to_date is not None and begun[-1].valid_to_date <= day):
            return None
        return begun[-1]

    def version_from(self, day: date) -> VersionShown:
        """The version that starts on that day. Raises NoSuchTariff."""
        found = next((version for version in self.versions if version.valid_from_date == day), None)
        if found is None:
            days = ", ".join(str(version.valid_from_date) for version in self.versions) or "none"
            raise NoSuchTariff(f"tariff {self.code} has no version from {day}; its versions start on: {days}")
        return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What a deck would change. `base` is the version it is compared with, None when there is none.

    `missing` counts the rows in force that the deck does not speak of; `later` are the versions that start after the
    last day of the deck, and stay. `increments` tells what rows took that say none.
    """

    tariff: TariffShown
    deck: Deck
    base: VersionShown | None
    plans: tuple[VersionPlan, ...]
    missing: int
    new_zones: tuple[KnownZone, ...]
    later: tuple[date, ...]
    increments: FilledIncrements

    @property
    def changes_nothing(self) -> bool:
        return not any(plan.changes for plan in self.plans)


def tariffs() -> list[TariffShown]:
    """Every tariff by code."""
    versions: dict[int, list[VersionShown]] = {}
    believed = TariffVersion.objects.filter(superseded_at=None).annotate(rows=Count("rates"))
    for row in believed.order_by("valid_from_date", "id"):
        shown = VersionShown(row.pk, row.valid_from_date, row.valid_to_date, row.rows)
        versions.setdefault(row.tariff_id, []).append(shown)
    bands = {
        calendar.pk: frozenset(rule.band for rule in calendar.rules.all()) - {""}
        for calendar in Calendar.objects.prefetch_related("rules")
    }
    return [
        TariffShown(
            code=tariff.code,
            name=tariff.name,
            currency=tariff.currency,
            tax_basis=tariff.tax_basis,
            bands=bands.get(tariff.calendar_id, frozenset()) if tariff.calendar_id else frozenset(),
            versions=tuple(versions.get(tariff.pk, ())),
        )
        for tariff in Tariff.objects.order_by("code")
    ]


def tariff_named(code: str) -> TariffShown:
    """One tariff. Raises NoSuchTariff."""
    found = tariffs()
    for tariff in found:
        if tariff.code == code:
            return tariff
    codes = ", ".join(tariff.code for tariff in found) or "none yet"
    raise NoSuchTariff(
        f"there is no tariff « {code} » (there is: {codes}); create it in tariffs/{code}.toml and load it"
    )


def rows_of(version_id: int) -> dict[Key, Priced]:
    """The rows of a version, by prefix. Amounts come as text: a price list has few different terms, each read once."""
    names = Terms._fields
    written = {f"{name}_text": Cast(name, TextField()) for name in _AMOUNTS}
    columns = [f"{name}_text" if name in _AMOUNTS else name for name in names]
    found = Rate.objects.filter(version_id=version_id).order_by("prefix", "exact", "kind", "origin", "band")
    width = len(Key._fields)
    known: dict[tuple[object, ...], Terms] = {}
    rows = {}
    for values in found.annotate(**written).values_list(*Key._fields, "zone__code", *columns).iterator(chunk_size=5000):
        said = values[width + 1 :]
        if said not in known:
            pairs = zip(names, said, strict=True)
            exact = (Decimal(one) if name in _AMOUNTS and one is not None else one for name, one in pairs)
            known[said] = Terms._make(exact)
        rows[Key(*values[:width])] = Priced(values[width], known[said])
    return rows


_AMOUNTS: Final = frozenset(
    field.name
    for field in Rate._meta.concrete_fields
    if isinstance(field, ExactDecimalField | OptionalExactDecimalField)
)


def known_zones() -> list[KnownZone]:
    return [KnownZone(*row) for row in Zone.objects.order_by("code").values_list("code", "label_fr", "label_en")]


def layout_of(supplier: str) -> Layout | None:
    """How the decks of a supplier were read the last time; None for one that is new."""
    known = DeckLayout.objects.filter(supplier=supplier).first()
    return Layout.of(columns=known.columns, settings=known.settings) if known else None


def issued_version_ids(tariff: str) -> frozenset[int]:
    """The versions of a tariff that priced issued documents, those that corrections superseded included."""
    mine = set(TariffVersion.objects.filter(tariff__code=tariff).values_list("pk", flat=True))
    used = store.scan(TableName.FROZEN, columns=[FROZEN.version_id]).unique().collect()
    return frozenset(mine & set(used[FROZEN.version_id].drop_nulls().to_list()))


def preview(deck: Deck, *, tariff: str, keep_missing: bool, against: date | None = None) -> Preview:
    """What loading a deck would change in a tariff, beside the version in force on the deck's first day.

    `against` names another version by its first day. Raises NoSuchTariff, DeckRefused.
    """
    shown = tariff_named(tariff)
    first = min(entry.from_date for entry in deck.entries)
    base = shown.version_from(against) if against else shown.in_force(first)
    rows: Mapping[Key, Priced] = rows_of(base.version_id) if base else {}
    zones, new_zones = place((entry.destination for entry in deck.entries), known_zones())
    try:
        entries, increments = filled(deck.entries, rows)
    except UnknownIncrements as error:
        raise DeckRefused([DeckProblem(deck.file, deck.sheet, error.line, "", "", str(error))]) from error
    plans = plan_versions(rows, entries, zones, keep_missing=keep_missing)
    _refuse_versions_between(shown, deck, plans)
    last = plans[-1].valid_from_date
    return Preview(
        tariff=shown,
        deck=deck,
        base=base,
        plans=tuple(plans),
        missing=len(missing_keys(rows, deck.entries)),
        new_zones=tuple(new_zones),
        later=tuple(version.valid_from_date for version in shown.versions if version.valid_from_date > last),
        increments=increments,
    )


def _refuse_versions_between(tariff: TariffShown, deck: Deck, plans: list[VersionPlan]) -> None:
    """A version that starts between two days of the deck would be skipped over: nobody can say which one is meant."""
    days = {plan.valid_from_date for plan in plans}
    between = [
        version.valid_from_date for version in tariff.versions if min(days) < version.valid_from_date < max(days)
    ]
    if strangers := [day for day in between if day not in days]:
        message = (
            f"tariff {tariff.code} has a version from {strangers[0]}, between the first and the last day of the deck "
            f"({min(days)}, {max(days)}); load the rows before and after that day as two decks"
        )
        raise DeckRefused([DeckProblem(deck.file, deck.sheet, 0, "", "", message)])
