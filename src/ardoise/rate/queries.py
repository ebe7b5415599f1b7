"""Reads of rating: when a month was rated, and the price of one call asked by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from ardoise.catalog.queries import take_snapshot
from ardoise.core.candidates import under_tariff
from ardoise.core.money import Rounding, to_micros
from ardoise.core.phone import DialPlan, identify
from ardoise.core.pricer import Pricer
from ardoise.core.rating import CompiledSnapshot, Quote, Why, payer_of, price_number
from ardoise.core.snapshot import Snapshot, SnapshotSource
from ardoise.directory.models import Account, Line
from ardoise.rate.models import MonthRating
from ardoise.rate.usage import fingerprint, usage_files


def rated_at(month: str) -> datetime | None:
    """When a month was last rated; None when it never was."""
    return MonthRating.objects.filter(month=month).values_list("rated_at", flat=True).first()


def is_current(month: str, *, sources: Sequence[SnapshotSource]) -> bool:
    """Whether a month was rated with what directory and catalogue say now; True too for a month never rated."""
    rated = MonthRating.objects.filter(month=month).values_list("snapshot_sha256", flat=True).first()
    return rated is None or rated == take_snapshot(sources=sources, month=month).content_hash()


def moved_since(*, since: str, until: str) -> list[str]:
    """The months of [since, until) whose usage files are others than those they were rated from, in order.

    Files also change when calls of a neighbour month come: count the calls before you say that some are new.
    """
    rated = MonthRating.objects.filter(month__gte=since, month__lt=until).order_by("month")
    known = rated.values_list("month", "usage_sha256")
    return [month for month, sha256 in known if fingerprint(usage_files(month)) != sha256]


class UnknownPayer(LookupError):
    """No account or line has this code; the message says how to list them."""


class UnknownSource(LookupError):
    """No source has this code; the message says how to list them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that nobody made: `number` as dialled in France, paid by an account or a line, given by code.

    `cost` is what the operator asks for it, without tax, where that is known; `source` (and `trunk`, ""=any), given by
    code, is where it would go out: the operator's tariff gives its cost.
    """

    number: str
    at: datetime
    duration_s: int
    account: str = ""
    line: str = ""
    cost: Decimal | None = None
    source: str = ""
    trunk: str = ""


def quote(asked: Asked, *, sources: Sequence[SnapshotSource], known_at: datetime | None = None) -> Quote:
    """The price of a call for its payer. Raises UnknownPayer, UnknownSource, NoPayer.

    `known_at`: with the tariffs and the directory as they were believed at that instant (None = now).
    """
    return _quote(asked, take_snapshot(sources=sources, known_at=known_at))


def compare(
    asked: Asked, tariffs: Sequence[str], *, sources: Sequence[SnapshotSource], known_at: datetime | None = None
) -> dict[str, Quote]:
    """The price of a call under each tariff, by code, if its payer had no other. Raises NoSuchTariff too."""
    snapshot = take_snapshot(sources=sources, known_at=known_at)
    return {code: _quote(asked, under_tariff(snapshot, code)) for code in tariffs}


def lasting(
    asked: Asked, balance: Decimal, *, sources: Sequence[SnapshotSource], known_at: datetime | None = None
) -> int | Why:
    """The longest call, `asked.duration_s` at most, that a balance pays for without allowances or promotions, or why it
    has no price. Raises UnknownPayer, NoPayer.
    """
    compiled = CompiledSnapshot(take_snapshot(sources=sources, known_at=known_at))
    account_id, line_id = _payer_ids(asked)
    dialled = identify(asked.number, DialPlan(), outgoing=True)
    pricer = Pricer(compiled, payer_of(compiled, account_id=account_id, line_id=line_id, at=asked.at))
    balance_micros = to_micros(Fraction(balance), mode=Rounding.DOWN)
    return pricer.longest(
        dialled.key, asked.at, balance_micros, asked=asked.duration_s, category=dialled.category
    )  # fmt: skip


def _payer_ids(asked: Asked) -> tuple[int | None, int | None]:
    """The account and the line that codes name."""
    account_id = Account.objects.filter(code=asked.account).values_list("id", flat=True).first()
    line_id = Line.objects.filter(code=asked.line).values_list("id", flat=True).first()
    if asked.account and account_id is None:
        raise UnknownPayer(
            f"no account has the code « {asked.account} »; the codes are those of accounts.csv (ardoise dump)"
        )
    if asked.line and line_id is None:
        raise UnknownPayer(f"no line has the code « {asked.line} »; the codes are those of lines.csv (ardoise dump)")
    return account_id, line_id


def _quote(asked: Asked, snapshot: Snapshot) -> Quote:
    account_id, line_id = _payer_ids(asked)
    if asked.source and asked.source not in {source.code for source in snapshot.sources}:
        raise UnknownSource(f"no source has the code « {asked.source} »; see: ardoise collect status")
    dialled = identify(asked.number, DialPlan(), outgoing=True)
    return price_number(
        CompiledSnapshot(snapshot),
        number_key=dialled.key,
        number_category=dialled.category,
        at=asked.at,
        duration_s=asked.duration_s,
        account_id=account_id,
        line_id=line_id,
        source=asked.source,
        trunk=asked.trunk,
        operator_micros=None if asked.cost is None else to_micros(Fraction(asked.cost)),
    )
