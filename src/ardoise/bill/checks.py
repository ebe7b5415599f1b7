"""The readiness check before a month is issued: what a careful biller looks at, as findings with stable names.

A finding is *green* when it does not exist, *waived* when somebody accepted it by name for that month. Source of the
list: the controls that users of call accounting make by hand each month (sources complete to the last day, twelve-month
coherence, customers without usage or subscription, unassigned lines, unpriced calls, the equation).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median_low

import polars as pl
from django.db.models import Min, Q, QuerySet, Sum

from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import RETAIL, frozen_twice
from ardoise.bill.cycles import earliest_month
from ardoise.bill.equation import call_balance, charge_balance, nameless_calls, rounding_balance
from ardoise.bill.models import Document, Draft, PastTotal, Waiver
from ardoise.bill.payers import payer_of_charge
from ardoise.bill.sold import billed_subscriptions
from ardoise.catalog.models import Subscription
from ardoise.collect import queries as collect
from ardoise.collect.handover import snapshot_sources
from ardoise.collect.models import FreshUsage, Source
from ardoise.core.documents import DocumentKind
from ardoise.core.money import euros, micros_to_minor
from ardoise.core.periods import Period, instants_of, month_period
from ardoise.core.schema import CHARGES
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import DOMESTIC
from ardoise.core.wording import counted
from ardoise.directory.models import Account, Issuer, Line
from ardoise.rate import queries as rating
from ardoise.store import queries as store
from ardoise.store.models import TableName

FAR_ABOVE, FAR_BELOW = Fraction(5, 2), Fraction(2, 5)  # times the median of the account's own months
USAGE_FLOOR_MINOR = 1000  # a habit below 10 € of communications says nothing about the next month
MONTHS_NEEDED = 3
PREFIX_DIGITS = 4


@dataclass(frozen=True, slots=True)
class SourceDays:
    """What the check needs of a source: its company's issuer and its calls per local day."""

    code: str
    name: str
    issuer_id: int
    calls: Mapping[date, int]
    tickets_missing: int  # received - (in calls + events + quarantined + waiting): must be 0


@dataclass(frozen=True, slots=True)
class Finding:
    name: str  # stable: "source-silent:lyon"
    company: str
    french: str
    english: str
    waived: str = ""  # the reason given, "" = not waived


def find(month: str) -> list[Finding]:
    """Every finding of a month, in a stable order; run it after the preview, whose drafts it reads."""
    sources = _sources(month)
    waived = dict(Waiver.objects.filter(month=month).values_list("finding", "reason"))
    issuers = {issuer.id: issuer for issuer in Issuer.objects.all()}
    found = [
        *_silent_sources(month, sources, issuers),
        *_accounts(month, issuers),
        *_unassigned(month, issuers),
        *_too_old(month, issuers),
        *_nameless(month, sources, issuers),
        *_unpriced(month, issuers),
        *_below_cost(month, issuers),
        *_not_rated(month, issuers),
        *_late(month, issuers),
        *_outdated(month, issuers),
        *_equation(month, sources, issuers),
    ]
    return [
        Finding(item.name, item.company, item.french, item.english, waived.get(item.name, ""))
        for item in sorted(found, key=lambda item: (item.company, item.name))
    ]


def _sources(month: str) -> list[SourceDays]:
    coverage = collect.coverage(EVERYTHING, month=month)
    missing = {counts.source: counts.missing for counts in collect.ticket_counts(EVERYTHING)}
    return [
        SourceDays(source.code, source.name, source.issuer_id, coverage.get(source.code, {}), missing[source.code])
        for source in Source.objects.filter(active=True).order_by("code")
    ]


def _silent_sources(month: str, sources: Sequence[SourceDays], issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """A source without calls on the last days of the month, on weekdays on which it usually has some."""
    period = month_period(month)
    for source in sources:
        last = max((day for day in source.calls if day in period and source.calls[day]), default=None)
        missing = [day for day in _days_after(last, period) if _usual(day, source.calls, period)]
        if last is None or missing:
            since = missing[0] if last is not None else period.start
            yield Finding(
                f"source-silent:{source.code}",
                issuers[source.issuer_id].company,
                f"La source « {source.name} » est muette depuis le {since:%d/%m/%Y}",
                f"The source “{source.name}” has been silent since {since:%d/%m/%Y}",
            )


def _days_after(last: date | None, period: Period) -> Iterator[date]:
    day = period.start if last is None else last + timedelta(days=1)
    while day < period.end:
        yield day
        day += timedelta(days=1)


def _usual(day: date, calls: Mapping[date, int], period: Period) -> bool:
    """Whether the source had calls on at least half of the earlier same weekdays of the month."""
    earlier = [day - timedelta(weeks=week) for week in range(1, 5) if day - timedelta(weeks=week) >= period.start]
    return sum(bool(calls.get(past)) for past in earlier) * 2 >= max(len(earlier), 1)


def _accounts(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Payers without usage or subscription, and payers far from their own past months."""
    documents = Document.objects.filter(month=month).exclude(kind=DocumentKind.CREDIT_NOTE)
    made = _billed(Draft.objects.filter(run__month=month)) | _billed(documents)
    payers = _payers(issuers, set(made))
    habits = _habits(payers, month)
    with_usage = _accounts_with(month, "usage")
    with_subscription = _accounts_with(month, "recurring") | _subscribed(month)
    for account in sorted(payers.values(), key=lambda account: account.code):
        company = issuers[account.issuer_id].company
        if account.id not in with_usage:
            yield Finding(
                f"no-usage:{account.code}",
                company,
                f"{account.name} n'a aucune communication ce mois-ci",
                f"{account.name} has no usage this month",
            )
        if account.id not in with_subscription:
            yield Finding(
                f"no-subscription:{account.code}",
                company,
                f"{account.name} n'a aucun abonnement",
                f"{account.name} has no subscription",
            )
        if issuers[account.issuer_id].documents == Issuer.Documents.INVOICES and not _identified(account):
            yield Finding(
                f"no-siren:{account.code}",
                company,
                f"{account.name} est une entreprise sans SIREN : sa facture sera refusée",
                f"{account.name} is a business without a SIREN: its invoice will be refused",
            )
        yield from _far(account, company, made.get(account.id, (0, 0)), habits.get(account.id))


def _identified(account: Account) -> bool:
    """Whether an invoice can say who buys: a French business by its SIREN, or by that of the account above it."""
    if account.audience != Account.Audience.B2B or account.country not in DOMESTIC:
        return True
    return bool(account.siren) or (account.parent is not None and _identified(account.parent))


def _billed(rows: QuerySet[Draft] | QuerySet[Document]) -> dict[int, tuple[int, int]]:
    """By account, what its documents of a month sum to: (communications, subscriptions) without tax."""
    sums = rows.order_by().values_list("account_id").annotate(Sum("usage_minor"), Sum("subscription_minor"))
    return {account_id: (usage, subscription) for account_id, usage, subscription in sums}


def _payers(issuers: Mapping[int, Issuer], made: Collection[int]) -> dict[int, Account]:
    """Billable customers; for statements the departments that have something."""
    accounts = Account.objects.filter(billable=True, provisional=False)
    return {
        account.id: account
        for account in accounts
        if account.id in made
        or (
            (account.parent_id is None or account.own_invoice)
            and issuers[account.issuer_id].documents == Issuer.Documents.INVOICES
        )
    }


def _accounts_with(month: str, origin_kind: str) -> set[int]:
    """Accounts, those who pay for them and their customers, that have a charge of a kind this month."""
    found = (
        store.scan(TableName.OPEN, [month])
        .filter((pl.col(CHARGES.origin_kind) == origin_kind) & (pl.col(CHARGES.state) == "priced"))
        .select(CHARGES.account_id, CHARGES.root_id, payer_of_charge().alias("payer"))
        .unique()
        .collect()
    )
    return set(found[CHARGES.account_id]) | set(found[CHARGES.root_id]) | set(found["payer"])


def _subscribed(month: str) -> set[int]:
    """Accounts that have a subscription this month, billed in it or not (a quarter, a year), and those above them."""
    period = month_period(month)
    begun = Q(valid_from_date=None) | Q(valid_from_date__lt=period.end)
    goes_on = Q(valid_to_date=None) | Q(valid_to_date__gt=period.start)
    sold = Subscription.objects.filter(begun, goes_on, superseded_at=None)
    ahead = set(sold.values_list("account_id", flat=True))
    parents = dict(Account.objects.exclude(parent=None).values_list("id", "parent_id"))
    found: set[int] = set()
    while ahead:
        found |= ahead
        ahead = {parents[pk] for pk in ahead if pk in parents} - found
    return found


def _habits(accounts: Collection[int], month: str) -> dict[int, tuple[int, int]]:
    """Per account with enough past months: medians without tax of (communications, communications + subscriptions)."""
    months: dict[int, dict[str, tuple[int, int]]] = defaultdict(lambda: defaultdict(lambda: (0, 0)))
    columns = ("account_id", "month", "usage_minor", "subscription_minor")
    taken_over = PastTotal.objects.filter(account_id__in=list(accounts), month__lt=month)
    issued = Document.objects.filter(account_id__in=list(accounts), month__lt=month)
    for rows in (taken_over, issued.exclude(kind=DocumentKind.CREDIT_NOTE)):
        for account_id, past, usage_minor, subscription_minor in rows.values_list(*columns):
            usage, both = months[account_id][past]
            months[account_id][past] = (usage + usage_minor, both + usage_minor + subscription_minor)
    return {
        account_id: (median_low(usage for usage, _ in of.values()), median_low(both for _, both in of.values()))
        for account_id, of in months.items()
        if len(of) >= MONTHS_NEEDED
    }


def _far(account: Account, company: str, billed: tuple[int, int], habit: tuple[int, int] | None) -> Iterator[Finding]:
    """Communications, or the whole without one-off sales, out of proportion with the account's habit."""
    if habit is None:
        return
    usage_minor, total_minor = billed[0], sum(billed)
    if habit[0] >= USAGE_FLOOR_MINOR and _out_of_proportion(usage_minor, habit[0]):
        now, usual, fr, en = usage_minor, habit[0], "de communications", "of calls"
    elif habit[1] > 0 and _out_of_proportion(total_minor, habit[1]):
        now, usual, fr, en = total_minor, habit[1], "au total", "in all"
    else:
        return
    yield Finding(
        f"amount-far:{account.code}",
        company,
        f"{account.name} : {euros(now)} HT {fr}, au lieu de {euros(usual)} d'habitude",
        f"{account.name}: {euros(now)} {en} without tax, usually {euros(usual)}",
    )


def _out_of_proportion(now_minor: int, usual_minor: int) -> bool:
    return not FAR_BELOW * usual_minor <= now_minor <= FAR_ABOVE * usual_minor


def _unassigned(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Provisional lines that were used: identifiers that the directory does not know."""
    provisional = dict(Account.objects.filter(provisional=True).values_list("id", "issuer_id"))
    used = (
        store.scan(TableName.OPEN, [month])
        .filter(pl.col(CHARGES.account_id).is_in(list(provisional)))
        .group_by(CHARGES.account_id, CHARGES.line_id)
        .agg(pl.col(CHARGES.origin_id).n_unique())
        .collect()
    )
    codes = dict(Line.objects.filter(id__in=used[CHARGES.line_id].to_list()).values_list("id", "code"))
    for account_id, line_id, calls in used.sort(CHARGES.line_id).iter_rows():
        yield Finding(
            f"unassigned:{codes[line_id].removeprefix('unassigned:')}",
            issuers[provisional[account_id]].company,
            f"Le poste {codes[line_id]} n'est affecté à personne ({_appels(calls)})",
            f"The line {codes[line_id]} is assigned to nobody ({counted(calls, 'call')})",
        )


def _too_old(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Subscriptions that began before what a run catches up, at an issuer that does not say from when it bills here,
    and that were never billed: their older days would be left out without a word.
    """
    since = month_period(earliest_month(month_period(month).end)).start
    dateless = [issuer.id for issuer in issuers.values() if not issuer.first_month]
    older = Subscription.objects.filter(
        superseded_at=None, valid_from_date__lt=since, account__issuer__in=dateless, account__provisional=False
    )
    if not (found := dict(older.values_list("reference", "account__issuer"))):
        return
    firsts = Subscription.objects.filter(reference__in=found).values_list("reference").annotate(Min("id"))
    billed = billed_subscriptions()
    left = Counter(found[reference] for reference, number in firsts if number not in billed)
    for issuer_id, count in left.items():
        issuer = issuers[issuer_id]
        yield Finding(
            f"too-old:{issuer.code}",
            issuer.company,
            f"{_abonnements(count)} d’avant le {since:%d/%m/%Y} : leurs jours plus anciens ne seront jamais facturés ; "
            f"donner à l’émetteur {issuer.code} son premier mois (first_month) s’ils l’ont été ailleurs",
            f"{counted(count, 'subscription')} from before {since}: their older days will never be billed; give issuer "
            f"{issuer.code} its first month (first_month) if they were billed elsewhere",
        )


def _abonnements(number: int) -> str:
    return f"{number} abonnements jamais facturés" if number > 1 else "1 abonnement jamais facturé"


def _nameless(month: str, sources: Sequence[SourceDays], issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Calls that hold neither an extension nor a number of ours: the source, or its profile, leaves them out."""
    for source in sources:
        issuer = issuers[source.issuer_id]
        for calls in nameless_calls(month, issuer.zone, [source.code]).values():
            yield Finding(
                f"nameless:{source.code}",
                issuer.company,
                f"{_appels(calls)} de la source « {source.name} » sans poste ni numéro : personne ne paie",
                f"{counted(calls, 'call')} of the source “{source.name}” without extension or number: nobody pays",
            )


def _not_rated(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Calls of the month, or of earlier ones, that arrived since it was last rated: they are in no charge yet."""
    for source in Source.objects.order_by("code"):
        _, to_at = instants_of(month_period(month), issuers[source.issuer_id].zone)
        calls = FreshUsage.objects.filter(source=source, answered_at__lt=to_at).count()
        if calls:
            yield Finding(
                f"not-rated:{source.code}",
                issuers[source.issuer_id].company,
                f"{_appels(calls)} de la source « {source.name} » depuis la valorisation : relancer ardoise rate",
                f"{counted(calls, 'call')} of the source “{source.name}” arrived since: run ardoise rate again",
            )


def _late(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Calls of earlier months that came after these were rated: only rating them again bills them."""
    companies: dict[str, list[Issuer]] = defaultdict(list)
    for issuer in issuers.values():
        companies[issuer.company].append(issuer)
    for past in rating.moved_since(since=earliest_month(month_period(month).end), until=month):
        for company, group in companies.items():
            codes = list(Source.objects.filter(issuer__in=group).values_list("code", flat=True))
            calls = call_balance(past, group, codes).missing
            if calls > 0 and any(issuer.first_month <= past for issuer in group):
                yield Finding(
                    f"not-rated:{past}",
                    company,
                    f"{_appels(calls)} de {past} depuis sa valorisation : relancer ardoise rate --month {past}",
                    f"{counted(calls, 'call')} of {past} arrived since it was rated: run ardoise rate --month {past}",
                )


def _outdated(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Prices of before: a tariff, a plan, a line or its account changed since the month was rated."""
    if rating.is_current(month, sources=snapshot_sources()):
        return
    for issuer in issuers.values():
        yield Finding(
            f"outdated:{issuer.code}",
            issuer.company,
            "Les tarifs ou l'annuaire ont changé depuis la valorisation : relancer ardoise rate",
            "Tariffs or directory changed since the month was rated: run ardoise rate again",
        )


def _unpriced(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Calls without a price, by reason and by the first digits of the number."""
    unpriced = (
        store.scan(TableName.OPEN, [month])
        .filter(pl.col(CHARGES.state) == "unpriced")
        .select(CHARGES.issuer_id, CHARGES.why, pl.col(CHARGES.number_key).str.slice(0, PREFIX_DIGITS))
        .collect()
    )
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for issuer_id, why, prefix in unpriced.iter_rows():
        counts[issuers[issuer_id].company, why, prefix] += 1
    for (company, why, prefix), calls in sorted(counts.items()):
        yield Finding(
            f"unpriced:{why}:{prefix or 'none'}",
            company,
            f"{_appels(calls)} sans prix ({_WHY_FR.get(why, why)}) vers {_beginning(prefix) or 'un numéro absent'}",
            f"{counted(calls, 'call')} without a price ({why}) to {_beginning(prefix) or 'no number'}",
        )


def _appels(number: int) -> str:
    return counted(number, "appel", french=True)


def _beginning(prefix: str) -> str:
    """« 3361… »: the first digits of keys, without the mark of a short number."""
    return f"{prefix.lstrip('!?')}…" if prefix else ""


_WHY_FR = {
    "no_rate": "aucun tarif pour ce préfixe",
    "no_cost": "coût inconnu",
    "no_tariff": "aucune grille tarifaire",
    "no_version": "grille tarifaire périmée",
    "unknown_number": "numéro inconnu",
}


def _below_cost(month: str, issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Zones whose calls, those that are paid for, were sold below what the operators ask. Without tax on both sides."""
    paid = (pl.col(CHARGES.amount_micros) > 0) & (pl.col(CHARGES.tax_basis) == TaxBasis.HT.value)
    sums = (
        store.scan(TableName.OPEN, [month], filter=paid & (pl.col(CHARGES.origin_kind) == "usage"))
        .filter(
            pl.col(CHARGES.cost_micros).is_not_null() & pl.col(CHARGES.billable) & (pl.col(CHARGES.level) == RETAIL)
        )
        .group_by(CHARGES.issuer_id, CHARGES.zone)
        .agg(pl.col(CHARGES.amount_micros).sum(), pl.col(CHARGES.cost_micros).sum())
        .filter(pl.col(CHARGES.amount_micros) < pl.col(CHARGES.cost_micros))
        .sort(CHARGES.issuer_id, CHARGES.zone)
        .collect()
    )
    for issuer_id, zone, sold_micros, cost_micros in sums.iter_rows():
        lost = euros(micros_to_minor(cost_micros - sold_micros))
        yield Finding(
            f"below-cost:{issuers[issuer_id].code}:{zone}",
            issuers[issuer_id].company,
            f"Les appels vers {zone} sont vendus à perte : {lost} de moins que leur coût",
            f"Calls to {zone} are sold below cost: {lost} less than the operators ask",
        )


def _equation(month: str, sources: Sequence[SourceDays], issuers: Mapping[int, Issuer]) -> Iterator[Finding]:
    """Where the proof of completeness does not hold: the gravest finding, nobody can waive it."""
    twice = frozen_twice()
    companies: dict[str, list[Issuer]] = defaultdict(list)
    for issuer in sorted(issuers.values(), key=lambda issuer: issuer.code):
        companies[issuer.company].append(issuer)
    for company, group in sorted(companies.items()):
        ids = {issuer.id for issuer in group}
        mine = [source for source in sources if source.issuer_id in ids]
        charges, micros = charge_balance(month, group)
        gaps = {
            "tickets": sum(abs(source.tickets_missing) for source in mine),
            "calls": call_balance(month, group, [source.code for source in mine]).missing,
            "charges": charges.missing,
            "micros": micros.missing,
            "lines": rounding_balance(month, group).lines_off,
            "twice": sum(count for issuer_id, count in twice.items() if issuer_id in ids),
        }
        for what, gap in gaps.items():
            if gap:
                yield Finding(
                    f"equation:{what}:{group[0].code}",
                    company,
                    f"L'équation de complétude est fausse de {gap} ({what})",
                    f"The completeness equation is off by {gap} ({what})",
                )
