"""What a run adds: metered usage, discounts, minimum commitments. Charges of kind `adjustment`, each under a key that
is a function of what it is and of its period, so that computing again makes the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Min

from ardoise.bill.taken_back import TakenBack
from ardoise.bill.usage_days import UsageDay
from ardoise.catalog import models as catalog
from ardoise.catalog.values import discount_of
from ardoise.core.commitments import Commitment, TrueUp, true_up
from ardoise.core.coverage import Billed
from ardoise.core.discounts import Discount, Share, Target, shares
from ardoise.core.documents import Section
from ardoise.core.money import micros_to_minor
from ardoise.core.periods import Cycle, Period
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Account

Row = dict[str, object]

CATCH_UP_PERIODS = 24
LATE_PERIODS = 2  # periods already billed that a run looks at again, for usage that came late


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What was adjusted before, on other documents: by origin id, the first day, the day after the last, the micros and
    the customer."""

    rows: Mapping[str, tuple[date, date, int, int]]

    def of(self, prefix: str, *, root_id: int | None = None) -> list[Billed]:
        return [
            Billed(origin_id, first, last, micros)
            for origin_id, (first, last, micros, customer) in self.rows.items()
            if origin_id.startswith(prefix) and root_id in (None, customer)
        ]

    @property
    def shares(self) -> dict[str, int]:
        """The micros of discounts, by origin id."""
        return {key: micros for key, (_, _, micros, _) in self.rows.items() if key.startswith("discount:")}


class Tree:
    """Accounts, and which of them stand below which."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        for account in accounts:
            if account.parent_id is not None:
                self._children[account.parent_id].append(account.id)

    def below(self, account_id: int) -> frozenset[int]:
        found = [account_id]
        for one in found:
            found += self._children.get(one, ())
        return frozenset(found)


# --- discounts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Aim:
    """A discount granted, and what it may be taken off: the accounts, and the subscription (None: all)."""

    discount: Discount
    accounts: frozenset[int] | None
    issuer_id: int | None
    subscription_id: int | None
    products: frozenset[str]
    section: str

    def meets(self, row: Row) -> bool:
        if _is_deposit(row):
            return False
        if self.accounts is not None and row[CHARGES.account_id] not in self.accounts:
            return False
        if self.issuer_id is not None and row[CHARGES.issuer_id] != self.issuer_id:
            return False
        if self.products and row.get(CHARGES.product) not in self.products:
            return False
        if self.section and row[CHARGES.section] != self.section:
            return False
        return self.subscription_id is None or _subscription(row) == self.subscription_id

    @property
    def looks_at_usage(self) -> bool:
        return not self.products and self.subscription_id is None and self.section in ("", *_USAGE_SECTIONS)


_USAGE_SECTIONS = (Section.INCLUDED, Section.BEYOND, Section.OUTSIDE, Section.THIRD_PARTY)


def _is_deposit(row: Row) -> bool:
    """A deposit comes back: it is no price, which a discount lowers or a minimum counts."""
    return str(row[CHARGES.origin_id]).startswith("deposit:")


def _subscription(row: Row) -> int | None:
    """The subscription that a charge is of: "sub:7.1:2026-10-01", "setup:7", "meter:7:2026-10-01"."""
    kind, number, *_ = str(row[CHARGES.origin_id]).split(":")
    return int(number.partition(".")[0]) if kind in ("sub", "setup", "deposit", "exit", "meter") else None


def aims(tree: Tree) -> list[Aim]:
    """Every discount that is granted."""
    grants = catalog.DiscountGrant.objects.filter(superseded_at=None).select_related("discount").order_by("id")
    if not grants:
        return []
    owner = ("account_id", "issuer_id", "reference", "discount_id", "valid_from_date")
    known = catalog.DiscountGrant.objects.values_list(*owner).annotate(Min("id"))
    first_ids = {tuple(key): number for *key, number in known}  # a corrected grant is the same one
    subscriptions = dict(catalog.Subscription.objects.values_list("reference").annotate(Min("id")))
    products: dict[int, set[str]] = defaultdict(set)
    for pk, code in catalog.Discount.objects.values_list("id", "products__code"):
        products[pk] |= {code} if code else set()
    return [
        Aim(
            discount=discount_of(
                {field.name: getattr(grant.discount, field.name) for field in grant.discount._meta.concrete_fields},
                first_ids[tuple(getattr(grant, name) for name in owner)],
                grant.valid_from_date,
                grant.valid_to_date,
            ),
            accounts=None if grant.account_id is None else tree.below(grant.account_id),
            issuer_id=grant.issuer_id,
            subscription_id=subscriptions.get(grant.reference, 0) if grant.reference else None,
            products=frozenset(products[grant.discount_id]),
            section=grant.discount.section,
        )
        for grant in grants
    ]


def discounts(
    granted: Sequence[Aim],
    rows: Sequence[Row],
    cycles: Mapping[int, Cycle],
    adjusted: Adjusted,
    taken_back: Sequence[TakenBack] = (),
) -> Iterator[Row]:
    """The discounts of the charges of a run, customer by customer, each on the section and at the VAT of its charge.

    What the run takes back of earlier ones is there to be given again.
    """
    by_root: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_root[int(str(row[CHARGES.root_id]))].append(row)
    for root_id, charged in by_root.items():
        met = {aim: [str(row[CHARGES.origin_id]) for row in charged if aim.meets(row)] for aim in granted}
        wanted = [_aimed(aim.discount, keys) for aim, keys in met.items() if keys]
        if not wanted:
            continue
        found = {str(row[CHARGES.origin_id]): row for row in charged}
        given = _given(wanted, cycles[root_id], adjusted, root_id)
        for one in taken_back:
            if one.root_id == root_id:
                given[one.discount_id, cycles[root_id].containing(one.day).start] -= one.minor
        for rank in sorted({_rank(row) for row in charged}):  # what the first document was given stays as it was
            targets = [_target(row) for row in charged if _rank(row) == rank]
            for share in shares(wanted, targets, cycle=cycles[root_id], given_minor=given):
                given[share.discount.discount_id, share.cycle_start] += share.amount_minor
                yield _discount_row(share, found[share.target.key])


def _aimed(discount: Discount, keys: Iterable[str]) -> Discount:
    """The discount as the arithmetic wants it: what it is aimed at are charges, not products."""
    return Discount(
        **{name: getattr(discount, name) for name in Discount.__slots__ if name != "products"},
        products=frozenset(keys),
    )


def _target(row: Row) -> Target:
    key = str(row[CHARGES.origin_id])
    minor = micros_to_minor(int(str(row[CHARGES.amount_micros])))
    return Target(key, key, minor, date.fromisoformat(str(row[CHARGES.period_from])))


def _given(wanted: Sequence[Discount], cycle: Cycle, adjusted: Adjusted, root_id: int) -> dict[tuple[int, date], int]:
    """Cents that each discount gave before, by billing period."""
    given: dict[tuple[int, date], int] = defaultdict(int)
    for discount in wanted:
        for line in adjusted.of(f"discount:{discount.discount_id}:", root_id=root_id):
            period = cycle.containing(line.period_from)
            given[discount.discount_id, period.start] -= micros_to_minor(line.amount_micros)
    return given


def _discount_row(share: Share, of: Row) -> Row:
    return {
        **of,
        CHARGES.origin_kind: "adjustment",
        CHARGES.origin_id: share.origin_id,
        CHARGES.label: f"{share.discount.label} – {of[CHARGES.label]}" if of[CHARGES.label] else share.discount.label,
        CHARGES.amount_micros: share.charge_micros,
        CHARGES.quantity: "1",
    }


def usage_rows(
    days: Sequence[UsageDay], cycles: Mapping[int, Cycle], template: Callable[[int, date], Row], closes: str
) -> list[Row]:
    """The usage of a run as charges that a discount may look at: one an account, section, nature and billing period.

    `template`: what every charge of an account says on a day; `closes` names the run, for what comes late has its own
    discount. Where the run made several documents, each has the discount of its own usage: the second one's charge is
    of rank 2, while it is open as when it was issued.
    """
    made: dict[int, list[int]] = defaultdict(list)
    for account_id, document_id in sorted({(one.account_id, one.billed_by or 0) for one in days}):
        made[account_id] += [document_id] if document_id else []
    sums: dict[tuple[int, str, str, str, date, str], list[UsageDay]] = defaultdict(list)
    for one in days:
        start, own = cycles[one.root_id].containing(one.day).start, made[one.account_id]
        rank = 1 + (len(own) if one.billed_by is None else own.index(one.billed_by))
        run = closes if rank == 1 else f"{closes}:{rank}"
        sums[one.account_id, one.section, one.vat_nature, one.tax_basis, start, run].append(one)
    return [
        {
            **template(account_id, of[0].day),
            CHARGES.origin_id: f"usage:{account_id}:{section}:{nature}:{start}:{run}",
            CHARGES.section: section,
            CHARGES.vat_nature: nature,
            CHARGES.tax_basis: basis,
            CHARGES.amount_micros: sum(one.amount_micros for one in of),
            CHARGES.period_from: start.isoformat(),
            CHARGES.period_to: cycles[of[0].root_id].containing(start).end.isoformat(),
        }
        for (account_id, section, nature, basis, start, run), of in sums.items()
    ]


def _rank(row: Row) -> int:
    """Of which document of a run the usage is, as its key tells: 1 for the first one, and for what is sold."""
    kind, *parts = str(row[CHARGES.origin_id]).split(":")
    return int(parts[5]) if kind == "usage" and len(parts) > _PARTS_OF_USAGE else 1


_PARTS_OF_USAGE = 5  # account, section, nature, first day of the period, run


# --- commitments ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Committed:
    commitment: Commitment
    account: Account
    accounts: frozenset[int]
    nature: str


def commitments(tree: Tree, accounts: Mapping[int, Account]) -> list[Committed]:
    """Every minimum commitment that is believed."""
    first_ids = dict(catalog.Commitment.objects.values_list("code").annotate(Min("id")))
    rows = catalog.Commitment.objects.filter(superseded_at=None).select_related("product").order_by("code")
    return [
        Committed(
            Commitment(
                first_ids[row.code],
                row.code,
                row.name,
                row.amount,
                row.valid_from_date,
                row.valid_to_date,
                frozenset([row.product.code]) if row.product else frozenset(),
            ),
            accounts[row.account_id],
            tree.below(row.account_id),
            row.nature,
        )
        for row in rows
    ]


def closed_periods(cycle: Cycle, *, since: date, bound: date, billed_until: date | None) -> list[Period]:
    """The periods that a run closes: those over at the bound that no document billed, and the last ones before them."""
    end = cycle.index_at(bound)
    oldest = end - CATCH_UP_PERIODS if billed_until is None else cycle.index_at(billed_until) - LATE_PERIODS
    return [cycle.period(index) for index in range(max(oldest, cycle.index_at(since)), end)]


def true_ups(
    committed: Committed,
    *,
    cycle: Cycle,
    periods: Sequence[Period],
    charged: Iterable[Row],
    usage: Sequence[UsageDay],
    adjusted: Adjusted,
) -> Iterator[TrueUp]:
    """What each closed period lacks of a minimum. `charged`: what was and is sold, `usage`: all of it, late too."""
    commitment = committed.commitment
    already = adjusted.of(f"commitment:{commitment.commitment_id}:")
    sold = [row for row in charged if row[CHARGES.account_id] in committed.accounts and _counts(commitment, row)]
    calls = [one for one in usage if one.account_id in committed.accounts] if not commitment.products else []
    for period in periods:
        micros = [int(str(row[CHARGES.amount_micros])) for row in sold if _day(row) in period]
        by_section: dict[tuple[int, str], int] = defaultdict(int)
        for one in calls:
            if one.day in period:
                by_section[one.account_id, one.section] += one.amount_micros
        found = true_up(
            commitment, period=period, cycle=cycle, counted_micros=[*micros, *by_section.values()], already=already
        )
        if found is not None:
            yield found


def _counts(commitment: Commitment, row: Row) -> bool:
    if str(row[CHARGES.origin_id]).startswith("commitment:") or _is_deposit(row):
        return False
    return commitment.counts(str(row.get(CHARGES.product) or ""))


def _day(row: Row) -> date:
    return date.fromisoformat(str(row[CHARGES.period_from]))


def true_up_row(found: TrueUp, committed: Committed, template: Row) -> Row:
    return {
        **template,
        CHARGES.origin_kind: "adjustment",
        CHARGES.origin_id: found.origin_id,
        CHARGES.section: Section.SUBSCRIPTION.value,
        CHARGES.label: committed.commitment.label,
        CHARGES.vat_nature: committed.nature,
        CHARGES.amount_micros: found.amount_micros,
        CHARGES.quantity: "1",
        CHARGES.period_from: found.period_from.isoformat(),
        CHARGES.period_to: found.period_to.isoformat(),
    }


def months_between(first: date, end: date) -> list[str]:
    """The months of local days, and those beside, in which their UTC instants may lie."""
    months = []
    day = date(first.year, first.month, 1)
    while day < end:
        months.append(f"{day:%Y-%m}")
        day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return months
