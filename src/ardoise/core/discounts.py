"""Discounts of an invoice: a percentage or an amount off some of its charges, for so many billing periods; free trials.

A discount is spread over the charges it targets, in proportion to what the discounts before it left, and never takes
more than that. Each share keeps the VAT of its charge, so that VAT is computed on what is really paid (article 267 II
1° of the CGI; EN 16931 BR-S-08). A share's key comes from the discount and the charge, and what a period was given
before is an argument: a rerun adds nothing. docs/algorithms/discounts.md has the worked tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from ardoise.core.invoices import spread
from ardoise.core.money import MICROS_PER_MINOR, fraction_to_minor, round_fraction
from ardoise.core.periods import Cycle, Length, Period, Proration, add_length
from ardoise.core.recurring import share_of_days


class DiscountError(ValueError):
    """A discount that means nothing; the message says what to write."""


class SharePrecision(StrEnum):
    """What a share of a discount is rounded to before the next discount looks at what is left."""

    CENT = "cent"  # shares are lines of the invoice: whole cents that sum to the discount. The default
    EXACT = "exact"  # nothing is rounded before VAT: peers that keep one discounted amount a line


@dataclass(frozen=True, slots=True)
class Discount:
    """So much off the charges of some products (none named: of all), in the tax basis of the document.

    Give `percentage` (0 to 100) or `amount` (units of currency, once a billing period), not both. It begins in the
    billing period of `valid_from_date` and lasts `cycles` periods (None: for ever), never past `valid_to_date`
    (excluded). `limit`: the most it gives in all, a voucher that is used up. The lowest `priority` goes first.
    """

    discount_id: int
    code: str
    label: str
    valid_from_date: date
    percentage: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    products: frozenset[str] = frozenset()
    cycles: int | None = None
    valid_to_date: date | None = None
    limit: Decimal | None = None
    priority: int = 100

    def __post_init__(self) -> None:
        if (self.percentage > 0) == (self.amount > 0) or self.percentage < 0 or self.amount < 0:
            raise DiscountError(f"discount « {self.code} »: give a percentage or an amount above 0, not both")
        if self.percentage > 100:
            raise DiscountError(
                f"discount « {self.code} »: {self.percentage} % is more than the price; write 100 at most"
            )
        if self.cycles is not None and self.cycles < 1:
            raise DiscountError(f"discount « {self.code} »: {self.cycles} periods; write 1 or more, nothing for ever")
        if self.limit is not None and self.limit <= 0:
            raise DiscountError(f"discount « {self.code} »: a limit of {self.limit}; write more than 0, or nothing")
        if self.valid_to_date is not None and self.valid_to_date <= self.valid_from_date:
            raise DiscountError(
                f"discount « {self.code} » ends on {self.valid_to_date}, before it starts ({self.valid_from_date})"
            )


@dataclass(frozen=True, slots=True)
class Target:
    """A charge that discounts may apply to: its key, its product, its cents, the first day of what it bills.

    `amount_minor` is in the tax basis of the document, negative for a credit.
    """

    key: str
    product_code: str
    amount_minor: int
    day: date


@dataclass(frozen=True, slots=True)
class Share:
    """What a discount takes off a charge; negative where it takes its part of a credit back."""

    discount: Discount
    target: Target
    cycle_start: date  # the billing period that it counts in
    exact_minor: Fraction  # cents; a whole number under SharePrecision.CENT

    @property
    def origin_id(self) -> str:
        return f"discount:{self.discount.discount_id}:{self.target.key}"

    @property
    def amount_minor(self) -> int:
        """The cents taken off; exact under SharePrecision.CENT."""
        return round_fraction(self.exact_minor)

    @property
    def charge_micros(self) -> int:
        """The amount of the charge that gives the discount: what it takes off, negated."""
        return -round_fraction(self.exact_minor * MICROS_PER_MINOR)


GivenMinor = Mapping[tuple[int, date], int]
"""Cents that each discount gave before, by (discount_id, first day of the billing period)."""


def covers(discount: Discount, cycle: Cycle, target: Target) -> bool:
    """Whether a discount applies to a charge: its product, and the billing period of its first day."""
    if discount.products and target.product_code not in discount.products:
        return False
    if discount.valid_to_date is not None and target.day >= discount.valid_to_date:
        return False
    number = cycle.index_at(target.day) - cycle.index_at(discount.valid_from_date)
    return number >= 0 and (discount.cycles is None or number < discount.cycles)


def shares(
    discounts: Iterable[Discount],
    targets: Sequence[Target],
    *,
    cycle: Cycle,
    given_minor: GivenMinor | None = None,
    precision: SharePrecision = SharePrecision.CENT,
) -> list[Share]:
    """What each discount takes off each charge, discounts in order of priority, then of id.

    A percentage is taken of what is left of every charge it covers, credits included. An amount is given once a billing
    period, over what is left to pay of the charges of that period; what they cannot take is lost, or stays in the
    voucher (`limit`). What a credit takes back of a discount given before is `back_of_days`.
    """
    given: dict[tuple[int, date], int] = dict(given_minor or {})
    left: list[Fraction] = [Fraction(target.amount_minor) for target in targets]
    found: list[Share] = []
    for discount in sorted(discounts, key=lambda known: (known.priority, known.discount_id)):
        periods: dict[date, list[int]] = {}
        for index, target in enumerate(targets):
            if covers(discount, cycle, target):
                periods.setdefault(cycle.containing(target.day).start, []).append(index)
        for start, members in sorted(periods.items()):
            open_minor = _open_minor(discount, start, given)
            exact = _exact(discount, [left[index] for index in members], open_minor)
            parts = _rounded(exact) if precision is SharePrecision.CENT else exact
            for index, part in zip(members, parts, strict=True):
                if part:
                    left[index] -= part
                    found.append(Share(discount, targets[index], start, part))
            taken = round_fraction(sum(parts, Fraction(0)))
            given[discount.discount_id, start] = given.get((discount.discount_id, start), 0) + taken
    return found


# --- taken back by credits ------------------------------------------------------------------------------------------

BACK = (
    "|"  # "discount:3:sub:7:2026-10-01|sub:7:2026-10-16:credit": the share of a charge that a credit of it takes back
)


def given_on(origin_id: str) -> str:
    """The key of the charge that a share of a discount stands beside: what it was taken off, or the credit of that."""
    share, _, credit = origin_id.partition(BACK)
    return credit or share.split(":", 2)[2]


def back_of_days(share_minor: int, *, days: Period, of: Period, proration: Proration) -> int:
    """The cents of a share that go with credited days of a charge: days that make up the whole charge take it all."""
    return share_of_days(Fraction(share_minor), days, of, proration)


@dataclass(frozen=True, slots=True)
class Given:
    """A share of a discount on an invoice: its line, its micros (negative), and the lines of what it was taken off."""

    line_no: int
    amount_micros: int
    off: frozenset[int]


def back_of_lines(
    given: Iterable[Given], *, whole: Mapping[int, int], left: Mapping[int, int], portions: Mapping[int, int]
) -> dict[int, int]:
    """What crediting `portions` takes back of discounts, by their lines: cents of the sign of the line.

    `whole` and `left` are what each line has, and still has to credit. The part of a discount that is taken back is the
    part credited of the lines it was taken off, earlier credits included: with their last cent, all of it.
    """
    of_line: dict[int, list[Given]] = {}
    for one in given:
        of_line.setdefault(one.line_no, []).append(one)
    back: dict[int, int] = {}
    for line_no, shares_of in of_line.items():
        total = sum(one.amount_micros for one in shares_of)
        if line_no in portions or line_no not in whole or not total:
            continue
        credited = sum(
            (Fraction(one.amount_micros, total) * _credited(one.off, whole, left, portions) for one in shares_of),
            Fraction(0),
        )
        taken = whole[line_no] - left[line_no]
        minor = round_fraction(whole[line_no] * credited) - taken
        if minor * left[line_no] > 0:
            back[line_no] = minor
    return back


def _credited(
    lines: frozenset[int], whole: Mapping[int, int], left: Mapping[int, int], portions: Mapping[int, int]
) -> Fraction:
    """Which part of some lines is credited, with these portions."""
    known = lines & whole.keys()
    billed = sum(whole[line_no] for line_no in known)
    credited = sum(whole[line_no] - left[line_no] + portions.get(line_no, 0) for line_no in known)
    return Fraction(credited, billed) if billed else Fraction(0)


def _open_minor(discount: Discount, start: date, given: Mapping[tuple[int, date], int]) -> int | None:
    """What a discount may still give to a billing period; None: no bound."""
    bounds = []
    if discount.amount:
        bounds.append(_minor(discount.amount) - given.get((discount.discount_id, start), 0))
    if discount.limit is not None:
        before = sum(amount for (discount_id, _), amount in given.items() if discount_id == discount.discount_id)
        bounds.append(_minor(discount.limit) - before)
    return max(0, min(bounds)) if bounds else None


def _exact(discount: Discount, left: Sequence[Fraction], open_minor: int | None) -> list[Fraction]:
    """The exact shares of one discount in one billing period."""
    if discount.percentage:
        parts = [amount * Fraction(discount.percentage) / 100 for amount in left]
        asked = sum(parts, Fraction(0))
        if open_minor is None or asked <= open_minor:
            return parts
        return [part * open_minor / asked for part in parts]
    assert open_minor is not None, "an amount bounds what it gives"
    bases = [max(amount, Fraction(0)) for amount in left]
    whole = sum(bases, Fraction(0))
    taken = min(Fraction(open_minor), whole)
    return [base * taken / whole if whole else Fraction(0) for base in bases]


def _rounded(exact: Sequence[Fraction]) -> list[Fraction]:
    """Whole cents that sum to the discount, itself rounded once."""
    return [Fraction(part) for part in spread(round_fraction(sum(exact, Fraction(0))), exact)]


def _minor(amount: Decimal) -> int:
    return fraction_to_minor(Fraction(amount))


def paid_from(start: date, trial: Length | None) -> date:
    """The first day that is billed of a subscription whose first days are free: the trial is moved over, not billed at
    zero, so that an anniversary cycle begins on it.
    """
    return start if trial is None else add_length(start, trial)
