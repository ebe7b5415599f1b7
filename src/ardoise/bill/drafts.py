"""Open charges -> canonical documents without a number: what a run would issue, account by account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl
from django.db import connection, connections

from ardoise.bill import charges as tables
from ardoise.bill import cycles, lines, negatives, parties, thresholds
from ardoise.bill.balances import credits_minor, paid_before
from ardoise.bill.lines import EARLIER, GROUP, LINE_NO, PAYER, SUPPLY_DATE, VAT_INDEX, Wording
from ardoise.bill.models import Document as IssuedDocument
from ardoise.bill.models import Hold, PastTotal
from ardoise.bill.payers import payer_of_charge
from ardoise.bill.regimes import Regimes, dated_rates
from ardoise.catalog.models import Product, Zone
from ardoise.collect.models import Source
from ardoise.core import canonical
from ardoise.core.checks import Problem
from ardoise.core.documents import Document, DocumentKind, Section
from ardoise.core.invoices import build_body, build_statement
from ardoise.core.periods import month_of, month_period
from ardoise.core.phone import hidden_on_bills
from ardoise.core.recaps import Part, by_user
from ardoise.core.schema import CHARGES
from ardoise.core.terms import parse_terms
from ardoise.core.vat import DatedRate, Nature, RegimeKind, VatError, VatTreatment, operation_category, treatment
from ardoise.directory.models import Account, Issuer, Line
from ardoise.directory.payers import invoiced

HISTORY_MONTHS = 12
IN_ONE_PART = 1_000_000  # rows of open charges that a run reads at once; more are read bucket by bucket
TRANSFER, DIRECT_DEBIT = "30", "59"  # BT-81
ROW = "row"  # where a charge stands in the part that was read


@dataclass(frozen=True, slots=True)
class Late:
    """Usage of an account that came after the invoice of its period."""

    calls: int
    micros: int  # in the basis it was priced in
    oldest_date: date

    @classmethod
    def of(cls, charges: pl.DataFrame) -> Late:
        """Charges with their date of supply, one or more."""
        oldest = charges[SUPPLY_DATE].min()
        assert isinstance(oldest, date)
        return cls(charges[CHARGES.origin_id].n_unique(), int(charges[CHARGES.amount_micros].sum()), oldest)


@dataclass(frozen=True)
class Drafted:
    """One payer's document to be; `rows` says on which line each of its charges is, for `Drafts.bound`."""

    account: Account
    document: Document
    rows: pl.DataFrame
    usage_minor: int
    subscription_minor: int
    bound_date: date
    first_month: str  # of its oldest charge
    late: Late | None  # what of its usage came after the invoice of its period

    @property
    def net_minor(self) -> int:
        """Without tax; negative for a credit note."""
        net_minor = self.document.totals.net_minor
        return -net_minor if self.document.kind is DocumentKind.CREDIT_NOTE else net_minor

    @cached_property
    def content(self) -> canonical.Json:
        return canonical.to_json(self.document)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of what would be issued, its date apart: a preview made yesterday is still what is issued today."""
        dated = ("issue_date", "due_date")
        return canonical.digest({name: value for name, value in self.content.items() if name not in dated})


@dataclass(slots=True)
class Drafts:
    """What a run would issue, and the customers for whom nothing can be drafted, with the reason, or who are held.

    `made` is drafted as it is read, in the order of the customers' codes: while the charges of some documents are
    written, the next ones are drafted. `carried` is whole when `made` was read to its end.
    """

    refused: dict[str, list[Problem]]
    held: dict[str, str]  # customer code -> why it is held
    waiting: dict[str, Late]  # late usage of sources that have the invoice of its period made anew
    made: Iterable[Drafted] = ()
    carried: dict[str, int] = field(default_factory=dict)  # cents with tax, negative: what waits for the next invoice
    whole: pl.DataFrame | None = None  # the charges of the part with all their columns, when they are to be frozen

    def bound(self, made: Sequence[Drafted]) -> pl.DataFrame:
        """The whole charges of some documents, each with its payer and line."""
        assert self.whole is not None
        rows = pl.concat([one.rows for one in made]).sort(ROW)  # the order of the table: taken faster, and kept
        return self.whole[rows[ROW]].with_columns(rows[PAYER], rows[LINE_NO], section=_section())


def _section() -> pl.Expr:
    """What the included seconds covered in part is paid beyond them: « inclus » never has a price on a bill."""
    section = pl.col(CHARGES.section).cast(pl.String)
    in_part = (section == Section.INCLUDED.value) & (pl.col(CHARGES.amount_micros) != 0)
    return pl.when(in_part).then(pl.lit(Section.BEYOND.value)).otherwise(section).cast(pl.Categorical)


class Run:
    """A run as drafts see it: its scope, who is billed up to when, what is held; read once, then part by part.

    A part is some buckets of the charges: every document has all of its charges in one. A run that fits in memory is
    one part, so that its documents are numbered in the order of the customers' codes. `only` those accounts are billed;
    `anew`: as if that document, and what followed it, had not been issued.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        closes_date: date,
        only: Collection[int] | None = None,
        anew: IssuedDocument | None = None,
    ) -> None:
        self.issuer, self.closes_date = issuer, closes_date
        self.month = cycles.month_closed(closes_date)
        since = cycles.earliest_month(closes_date, first_month=issuer.first_month)
        self.scope = tables.scope_of(issuer, month=self.month, since=since)
        # Before the charges are read: what is issued meanwhile shows as a generation that moved.
        self.before = tables.generations(self.scope)
        self.left_open = dict.fromkeys(self.scope.earlier, False)
        self._states = {month: tables.state_of(issuer, month) for month in self.scope.earlier}
        self._held_keys = tables.held(self.scope)
        self._dues = thresholds.dues(issuer, closes_date, anew=anew)
        if only is not None:
            self._dues = {pk: due for pk, due in self._dues.items() if pk in only}
        self._began = cycles.payers_began()
        self._holds = holds_of(self.month)
        self._rebilled = list(Source.objects.filter(late_usage=Source.LateUsage.REBILL).values_list("code", flat=True))
        self._statement = issuer.documents == Issuer.Documents.STATEMENTS
        self._names = dict(Account.objects.filter(issuer=issuer).values_list("id", "name"))
        self._words = _words(issuer, by_line=self._statement)
        self._rates = dated_rates()
        self._credits = credits_minor(issuer)
        self._bounds = pl.DataFrame(
            [(pk, due.bound, due.period.start, due.billed_until) for pk, due in self._dues.items()],
            schema={PAYER: pl.Int64, "bound": pl.Date, "start": pl.Date, "billed_until": pl.Date},
            orient="row",
        )

    def parts(self) -> list[tuple[str, ...]]:
        return tables.parts(in_one=tables.rows_open(self.scope) <= IN_ONE_PART)

    def settled(self) -> dict[str, str]:
        """The earlier months in which the parts read left nothing open, with the state that was read."""
        return {month: self._states[month] for month, some in self.left_open.items() if not some}

    def drafts(self, *, issue_date: date, whole: bool) -> Iterator[Drafts]:
        """The documents of the run, part by part; the charges of the next part are read while the last is worked on."""
        parts = self.parts()
        if len(parts) == 1 or _seen_here_alone():
            yield from (self.draft(buckets, issue_date=issue_date, whole=whole) for buckets in parts)
            return

        def apart(buckets: Sequence[str]) -> Drafts:
            try:
                return self.draft(buckets, issue_date=issue_date, whole=whole)
            finally:
                connections.close_all()  # this thread's

        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = reader.submit(apart, parts[0])
            for following in [*parts[1:], None]:
                drafts = ahead.result()
                if following is not None:
                    ahead = reader.submit(apart, following)
                yield drafts
                del drafts  # before the one after it is read: two parts in memory, not three

    def draft(self, buckets: Sequence[str], *, issue_date: date, whole: bool) -> Drafts:
        """The documents of one part; an account whose VAT cannot be told stops no other one.

        `whole` keeps every column of the charges, to freeze them; else only what a document needs is read.
        """
        columns = None if whole else lines.READ
        kept = tables.billable(self.scope, buckets, self._held_keys, columns=columns)
        found = kept.select(lines.READ) if whole else kept
        usage = pl.col(CHARGES.origin_kind) == tables.USAGE
        for month in found.select(pl.col(CHARGES.month).filter(usage).unique()).to_series():
            self.left_open[month] = True
        found, waiting = self._apart(self._due(found.with_row_index(ROW)))
        if found.is_empty():
            return Drafts({}, {}, waiting)
        payers = invoiced(found[PAYER].unique().to_list())
        held = {account.code: self._holds[pk] for pk, account in payers.items() if pk in self._holds}
        treatments = Treatments(payers, self.issuer, self._rates)
        found = found.filter(~pl.col(PAYER).is_in(list(self._holds)))
        if found.is_empty():
            return Drafts({}, held, waiting)
        found = found.with_columns(treatments.index_of(found))
        found = found.filter(~pl.col(PAYER).is_in(list(treatments.refused)))
        refused = {payers[pk].code: [problem] for pk, problem in treatments.refused.items()} | self._moved(payers)
        drafts = Drafts(refused, held, waiting, whole=kept if whole else None)
        contents = self._contents(found, payers, users=self.issuer.user_totals)
        made = self._made(contents, payers, treatments, issue_date)
        drafts.made = self._as_issued((one for one in made if one.account.code not in refused), drafts.carried)
        return drafts

    def _moved(self, payers: Mapping[int, Account]) -> dict[str, list[Problem]]:
        """The payers that another issuer bills since the usage was priced, by code."""
        what = "le client est passé chez l'émetteur {} depuis la valorisation du mois"
        remedy = f"relancer ardoise rate --month {self.month}"
        return {
            account.code: [Problem("ISSUER", what.format(account.issuer.code), remedy)]
            for account in payers.values()
            if account.issuer_id != self.issuer.id
        }

    def _as_issued(self, made: Iterable[Drafted], carried: dict[str, int]) -> Iterator[Drafted]:
        """What is issued of drafts, with what was paid before; what comes to less than nothing may be carried."""
        for one in made:
            document = negatives.as_issued(self.issuer, one.account.pk, one.document)
            if document is None:
                carried[one.account.code] = negatives.due_of(one.document)
            else:
                yield replace(one, document=paid_before(document, self._credits.get(one.account.code, 0)))

    def _apart(self, found: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Late]]:
        """What is billed now, and what waits until the invoice of its period is made anew, by customer code."""
        late = pl.col("billed_until").is_not_null() & (pl.col(SUPPLY_DATE) < pl.col("billed_until"))
        anew = (pl.col(CHARGES.origin_kind) == tables.USAGE) & late & pl.col(CHARGES.source).is_in(self._rebilled)
        if not self._rebilled or not (waiting := found.filter(anew)).height:
            return found.drop("billed_until"), {}
        codes = dict(Account.objects.filter(pk__in=waiting[PAYER].unique()).values_list("pk", "code"))
        apart = {codes[pk]: Late.of(rows) for (pk,), rows in waiting.partition_by(PAYER, as_dict=True).items()}
        return found.filter(~anew).drop("billed_until"), apart

    def _due(self, found: pl.DataFrame) -> pl.DataFrame:
        """What the run bills of open charges, with payer, branch, date of supply, and what is of an earlier period."""
        branch = pl.col(CHARGES.account_id).replace_strict(self._names, default="", return_dtype=pl.String)
        own = pl.col(CHARGES.account_id) == payer_of_charge()
        found = found.with_columns(
            payer_of_charge().alias(PAYER),
            pl.when(own).then(pl.lit("")).otherwise(branch).alias(GROUP),
            pl.col(CHARGES.at).dt.convert_time_zone(self.issuer.zone).dt.date().alias(SUPPLY_DATE),
            _section().alias(CHARGES.section),
        )
        due = _beside(found, [PAYER], self._bounds)
        usage = pl.col(CHARGES.origin_kind) == tables.USAGE
        found = found.with_columns(due["bound", "start", "billed_until"])
        found = found.filter(~usage | (pl.col(SUPPLY_DATE) < pl.col("bound")), pl.col("bound").is_not_null())
        early = usage & (pl.col(SUPPLY_DATE) < pl.col("start"))
        days = found.lazy().filter(early).select(PAYER, SUPPLY_DATE).unique().collect()
        marks = [self._earlier(pk, day) for pk, day in days.iter_rows()]
        marked = _beside(found, [PAYER, SUPPLY_DATE], days.with_columns(pl.Series("mark", marks, pl.String)))["mark"]
        mark = pl.when(early).then(marked).otherwise(pl.lit("")).alias(EARLIER)
        return found.with_columns(mark).drop("bound", "start")

    def _earlier(self, payer_id: int, day: date) -> str:
        """The period of a day that the document's own period does not have."""
        due = self._dues[payer_id]
        period = due.cycle.containing(day)
        said = f"{period.start}/{period.last_date}"
        late = due.billed_until is not None and day < due.billed_until
        return f"{said}/{lines.LATE_MARK}" if late else said

    def _contents(self, found: pl.DataFrame, payers: Mapping[int, Account], *, users: bool) -> dict[int, _Content]:
        """By payer, what its document is made from."""
        keyed = lines.keyed(found, words=self._words)
        shown = keyed.filter(~_kept_off_bills(found))
        grouped = lines.number_lines(lines.group_charges(shown, words=self._words))
        bound = lines.bind(keyed, grouped)
        rows = _by_payer(bound.select(PAYER, ROW, LINE_NO))
        told, past = _told(bound), past_totals(payers, self.month)
        parts = lines.user_parts(bound) if users else {}
        return {
            pk: _Content(list(of_payer), rows[pk], told[pk], past[pk], parts.get(pk, ()))
            for pk, of_payer in groupby(grouped.iter_rows(named=True), key=itemgetter(PAYER))
        }

    def _made(
        self, contents: Mapping[int, _Content], payers: Mapping[int, Account], treatments: Treatments, issue_date: date
    ) -> Iterator[Drafted]:
        for pk in sorted(contents, key=lambda pk: payers[pk].code):
            content = contents[pk]
            document = self._document(payers[pk], content, treatments, issue_date)
            sections = lines.sections_minor([(line.section, line.net_minor) for line in document.lines])
            told = content.told
            yield Drafted(
                payers[pk], document, content.rows, *sections, self._dues[pk].bound, told.first_month, told.late
            )

    def _document(self, account: Account, content: _Content, treatments: Treatments, issue_date: date) -> Document:
        issuer, due = account.issuer, self._dues[account.pk]
        period = cycles.printed_period(due, began=self._began.get(account.pk), first_date=content.told.first_date)
        with_tax = account.basis == Account.Basis.TTC and not treatments.statement
        inputs = [
            lines.to_input(row, vat=treatments.made[row[VAT_INDEX]], with_tax=with_tax, words=self._words)
            for row in content.lines
        ]
        body = build_statement(inputs) if treatments.statement else build_body(inputs, with_tax=with_tax)
        private = account.audience == Account.Audience.B2C
        terms = parse_terms(account.payment_terms or issuer.payment_terms)
        return Document(
            kind=DocumentKind.STATEMENT if treatments.statement else DocumentKind.INVOICE,
            number="",
            issue_date=issue_date,
            due_date=None if treatments.statement else terms.due_date(issue_date),
            period_from=min([period.start, *content.told.caught_up]),
            period_to=period.last_date,
            currency=issuer.currency,
            seller=parties.seller(issuer),
            buyer=parties.buyer(account),
            brand=parties.brand(issuer),
            lines=body.lines,
            vat=body.vat,
            totals=body.totals,
            sections=body.sections,
            with_tax=with_tax,
            operation_category=operation_category(row[CHARGES.vat_nature] for row in content.lines),
            audience=parties.audience(account, treatments.last_regime(account.id)),
            vat_on_debits=issuer.vat_on_debits,
            payment_terms=terms.wording(issuer.language),
            payment_means=DIRECT_DEBIT if terms.is_debit else TRANSFER,
            iban=issuer.iban,
            bic=issuer.bic,
            # Between businesses only (C. com. L441-10, D441-5): a private customer owes neither without formal notice.
            penalty_note="" if private else issuer.penalty_note,
            indemnity_note="" if private else issuer.indemnity_note,
            discount_note=issuer.discount_note,
            purchase_order=account.purchase_order,
            history_minor=_history(content.past, self.month, body.totals.net_minor),
            notes=due.notes,
            users=by_user(body.lines, content.users, names=self._words.lines, with_tax=with_tax)
            if issuer.user_totals
            else (),
        )


@dataclass(frozen=True, slots=True)
class _Content:
    """What a document is made from: its lines before rounding, what its charges say beside them, the months before."""

    lines: Sequence[Mapping[str, Any]]
    rows: pl.DataFrame  # where its charges stand, with their lines
    told: _Told
    past: Mapping[str, int]
    users: Sequence[Part]


def _seen_here_alone() -> bool:
    """Whether another thread would not see, or would lock, what this one reads: inside a transaction, or in memory."""
    return connection.in_atomic_block or "mode=memory" in str(connection.settings_dict["NAME"])


def _beside(charges: pl.DataFrame, keys: list[str], known: pl.DataFrame) -> pl.DataFrame:
    """What is known of the keys of each charge, in their order; null where nothing is. The keys alone are joined: the
    charges, which may be many and wide, are not copied.
    """
    return charges.select(keys).join(known, on=keys, how="left", maintain_order="left")


def _by_payer(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Slices of one sorted frame: to part it payer by payer would copy it."""
    rows = rows.sort(PAYER, maintain_order=True)
    counts = rows.group_by(PAYER, maintain_order=True).len()
    found, start = {}, 0
    for pk, count in counts.iter_rows():
        found[pk] = rows.slice(start, count)
        start += count
    return found


def holds_of(month: str) -> dict[int, str]:
    """By account, why its documents of a month wait."""
    return dict(Hold.objects.filter(month=month, released_at=None).values_list("account_id", "reason"))


def _kept_off_bills(charges: pl.DataFrame) -> pl.Series:
    """Free calls that may not appear on a bill (emergency, helplines): frozen with the document, on no line of it."""
    hidden = [category for category in charges[CHARGES.number_category].unique() if hidden_on_bills(category)]
    free = charges[CHARGES.amount_micros] == 0
    return charges[CHARGES.number_category].is_in(hidden) & free


class Treatments:
    """VAT of (payer, nature, date of supply), each computed once and known by a small index.

    `refused` holds the payers for whom the catalogue or the directory does not say, and what to add.
    """

    def __init__(self, payers: Mapping[int, Account], issuer: Issuer, rates: tuple[DatedRate, ...]) -> None:
        self.statement = issuer.documents == Issuer.Documents.STATEMENTS
        self.payers = payers
        self.rates = rates
        self.regimes = Regimes(payers)
        dated = {day for rate in rates for day in (rate.valid_from_date, rate.valid_to_date) if day is not None}
        self._borders = sorted(dated | self.regimes.borders())
        self.latest: dict[int, tuple[date, RegimeKind]] = {}  # payer -> regime of its last day of supply
        self.made: list[VatTreatment] = []
        self.refused: dict[int, Problem] = {}

    def index_of(self, charges: pl.DataFrame) -> pl.Series:
        """For each charge the index of its treatment: the same for all days between two changes of rate or regime."""
        first, last = charges[SUPPLY_DATE].min(), charges[SUPPLY_DATE].max()
        borders = [day for day in self._borders if first < day <= last]  # type: ignore[operator]
        since = pl.sum_horizontal(pl.lit(0), *((pl.col(SUPPLY_DATE) >= day).cast(pl.Int32) for day in borders))
        keys = charges.select(PAYER, CHARGES.vat_nature, since.alias("since"), SUPPLY_DATE)
        same = [PAYER, CHARGES.vat_nature, "since"]
        # Sorted: lines stand in the order of their treatments, whatever the order of the charges.
        in_order = [PAYER, pl.col(CHARGES.vat_nature).cast(pl.String), "since"]
        distinct = keys.group_by(same).agg(pl.col(SUPPLY_DATE).max()).sort(in_order)
        rows = distinct.select(PAYER, CHARGES.vat_nature, SUPPLY_DATE).iter_rows()
        indexes = [self._index(payer, nature, day) for payer, nature, day in rows]
        known = distinct.select(*same, pl.Series(VAT_INDEX, indexes, pl.Int64))
        return keys.join(known, on=same, how="left", maintain_order="left")[VAT_INDEX]

    def _index(self, payer_id: int, nature: str, day: date) -> int:
        if self.statement:
            made = VatTreatment("O", parties.NO_VAT)
        else:
            account = self.payers[payer_id]
            try:
                regime = self.regimes.on(payer_id, day)
                made = treatment(regime, nature=Nature(nature), supply_date=day, account=account.code, rates=self.rates)
            except VatError as error:
                what, _, remedy = str(error).partition("; ")
                self.refused[payer_id] = Problem("VAT", what, remedy)
                return -1
            self.latest[payer_id] = max(self.latest.get(payer_id, (day, regime.kind)), (day, regime.kind))
        if made not in self.made:
            self.made.append(made)
        return self.made.index(made)

    def last_regime(self, payer_id: int) -> RegimeKind | None:
        """The regime of a payer on its last day of supply; None on statements."""
        return self.latest[payer_id][1] if payer_id in self.latest else None


@dataclass(frozen=True, slots=True)
class _Told:
    """What the charges of a payer say beside their lines."""

    first_month: str
    first_date: date
    caught_up: list[date]  # first days of earlier periods that no document billed
    late: Late | None


def _told(bound: pl.DataFrame) -> dict[int, _Told]:
    """By payer; asked of all charges at once, since a question to each payer's takes longer than its answer."""
    marked = bound.select(PAYER, CHARGES.month, EARLIER).unique().cast({CHARGES.month: pl.String, EARLIER: pl.String})
    came_late = pl.col(EARLIER).cast(pl.String).str.ends_with(lines.LATE_MARK)
    late = {}
    if marked.select(came_late.any()).item():
        late = {pk: Late.of(rows) for (pk,), rows in bound.filter(came_late).partition_by(PAYER, as_dict=True).items()}
    months: dict[int, list[str]] = defaultdict(list)
    caught_up: dict[int, list[date]] = defaultdict(list)
    for pk, month, mark in marked.iter_rows():
        months[pk].append(month)
        first, _, after = lines.earlier_period(mark)
        if first is not None and not after:
            caught_up[pk].append(first)
    oldest: dict[int, date] = dict(bound.group_by(PAYER).agg(pl.col(SUPPLY_DATE).min()).iter_rows())
    return {pk: _Told(min(found), oldest[pk], caught_up[pk], late.get(pk)) for pk, found in months.items()}


def past_totals(account_ids: Iterable[int], month: str) -> dict[int, dict[str, int]]:
    """Per account and month before this one, the total without tax: what was taken over, plus what was issued here."""
    totals: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ids = list(account_ids)
    taken_over = PastTotal.objects.filter(account_id__in=ids, month__lt=month)
    for account_id, past, total_minor in taken_over.values_list("account_id", "month", "total_minor"):
        totals[account_id][past] += total_minor
    issued = IssuedDocument.objects.filter(account_id__in=ids, month__lt=month)
    for account_id, past, kind, net_minor in issued.values_list("account_id", "month", "kind", "net_minor"):
        totals[account_id][past] += -net_minor if kind == DocumentKind.CREDIT_NOTE else net_minor
    return totals


def _history(past: Mapping[str, int], month: str, net_minor: int) -> tuple[tuple[str, int], ...]:
    """The last twelve months up to this one, for the chart of the document."""
    wanted = [name for name in sorted(past) if name > months_before(month, HISTORY_MONTHS)]
    return (*((name, past[name]) for name in wanted), (month, net_minor))


def months_before(month: str, count: int) -> str:
    """The month `count` months earlier ("2026-01", 2 -> "2025-11"); a negative count goes forward."""
    first = month_period(month).start
    index = first.year * 12 + first.month - 1 - count
    return month_of(date(index // 12, index % 12 + 1, 1))


def _words(issuer: Issuer, *, by_line: bool) -> Wording:
    label = "label_en" if issuer.language == "en" else "label_fr"
    names = {
        pk: f"{code.rsplit(':', 1)[-1]} – {name}" if name else code
        for pk, code, name in Line.objects.values_list("id", "code", "name")
    }
    families = dict(Product.objects.exclude(family="").values_list("code", "family"))
    return Wording(issuer.language, dict(Zone.objects.values_list("code", label)), names, by_line, families)
