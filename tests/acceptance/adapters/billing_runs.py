"""Billing cases about runs: a small operator on a database, billed through the rooms as a user bills it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill import corrections
from ardoise.bill import operations as billing
from ardoise.bill.cycles import ClosingRefused
from ardoise.bill.models import Document, Draft, Series
from ardoise.core import canonical, periods
from ardoise.core import documents as core
from ardoise.core.credit_notes import CreditRefused, left_to_credit
from ardoise.core.credits import in_favour_minor, taken_minor
from ardoise.core.invoices import (
    vat_minor,
)
from ardoise.core.money import MICROS_PER_MINOR, minor_to_decimal
from ardoise.core.periods import MONTHLY, Cycle
from ardoise.core.postings import Posting, Transaction
from ardoise.core.recurring import charges_due
from ardoise.core.schema import CHARGES
from ardoise.deliver.annex import by_destination, by_line
from ardoise.deliver.itemised import annex_of
from ardoise.directory.models import Issuer
from ardoise.ledger.operations import post
from ardoise.ledger.queries import balances_micros
from stage.company import ISSUER, TERMS, Company, draft_of, issued

from .billing_world import Case, Unsupported, day, document, money, subscription, total

MONTH = "2026-10"
CUSTOMER = "C1"
HIGH, LOW = Decimal(20), Decimal("2.1")
OVERSEAS = {"vat_regime": "overseas_dom", "postal_code": "97110", "city": "Pointe-à-Pitre"}


def standard_rate(company: Company, rate: str = "20") -> None:
    """One rate of VAT, of the standard regime."""
    company.files["vat_rates.csv"] = f"regime,nature,rate,valid_from_date\nstandard,,{rate},2000-01-01\n"


def opened(company: Company, *, rate: str = "20") -> None:
    """A customer, at a rate of VAT."""
    standard_rate(company, rate)
    company.customer(CUSTOMER, "Groupe Client")


def bill(company: Company, month: str = MONTH, *, on: date | None = None) -> list[billing.Issued]:
    on = on or periods.month_period(month).end
    company.now = max(company.now, datetime.combine(on, time(8), UTC))
    return company.bill(month, on=on)


def issue(company: Company, issuer: str = "voxa") -> billing.Issued:
    """Issue what was previewed of one issuer."""
    return billing.issue(
        issuer=Issuer.objects.get(code=issuer),
        closes_date=periods.month_period(MONTH).end,
        issue_date=date(2026, 11, 5),
        now=company.now,
        validator=flow.delivery.official_verdicts,
    )


def document_of(month: str = MONTH) -> core.Document:
    return canonical.from_json(Document.objects.get(kind="invoice", month=month).content)


# --- runs ---------------------------------------------------------------------------------------------------------


def batch(case: Case, company: Company) -> Case:
    """A customer at a rate of VAT that nobody gave, among others."""
    inputs = case["inputs"]
    company.files["vat_rates.csv"] = "regime,nature,rate,valid_from_date,valid_to_date\n" + "".join(
        f"{row},2000-01-01,{ended}\n" for row, ended in (("standard,,20", ""), ("overseas_dom,,8.5", "2026-10-01"))
    )
    company.product("P", "10.00")
    for number in range(inputs["services"]):
        code = f"C{number}"
        faulty = OVERSEAS if number < inputs["failing"] else {}
        company.customer(code, **faulty)
        company.subscribe(f"S{number}", code, product="P", valid_from_date="2026-11-01")
    company.load()
    (done,) = bill(company)
    return {"invoiced": len(done.numbers), "reported_errors": len(done.faulty)}


def preview(case: Case, company: Company) -> Case:
    """A preview and the invoice that follows it take the same of a credit.

    No rate of France gives the tax of the case: a part of the price is taxed at one rate, the rest at another.
    """
    inputs = case["inputs"]
    price, tax = (int(Decimal(inputs[name]).scaleb(2)) for name in ("price", "tax"))
    opened(company)
    company.files["vat_rates.csv"] += f"standard,goods,{LOW},2000-01-01\n"
    high = next(part for part in range(price) if vat_minor(part, HIGH) + vat_minor(price - part, LOW) == tax)
    for code, part, nature in (("H", high, "services"), ("L", price - high, "goods")):
        company.product(code, money(part), nature=nature)
        company.subscribe(code, CUSTOMER, product=code, valid_from_date="2026-11-01")
    company.load()
    paid_before(company, int(Decimal(inputs["credit"]).scaleb(2)))
    company.rate(MONTH)
    company.preview(MONTH, on=date(2026, 11, 5))
    seen = draft_of(CUSTOMER, month=MONTH)
    issue(company)
    used = [money(-document.totals.prepaid_minor) for document in (seen, document_of())]
    return dict(zip(("preview_credit_used", "real_credit_used"), used, strict=True))


def paid_before(company: Company, minor: int) -> None:
    """What the customer has to its credit: a transfer that pays for nothing yet."""
    postings = tuple(Posting(code, sign * minor * MICROS_PER_MINOR) for code, sign in (("512000", 1), ("411000", -1)))
    transfer = Transaction("payment", "payment:1", date(2026, 10, 1), postings)
    post(issuer_id=Issuer.objects.get().pk, posted=transfer, auxiliary=CUSTOMER, recorded_at=company.now)


def invoice_layout(case: Case, company: Company) -> Case:
    """One invoice: the month in advance, the usage of the month before, what was bought; then its annexes."""
    run = day(case["inputs"]["run"])
    month = periods.month_of(run - timedelta(days=1))
    opened(company)
    since_2000(company)
    company.product("P", "10.00")
    company.product("F", "5.00", kind="one_off")
    company.line("0472000001", CUSTOMER)
    company.subscribe("S", CUSTOMER, product="P", valid_from_date=run.isoformat())
    company.buy("A", CUSTOMER, "F", f"{month}-15")
    company.call(f"{month}-10 10:00:00", "0472000001", "0612345678", 60)
    company.load()
    bill(company, month, on=run)
    document = document_of(month)
    lines = {SECTION_NAMES[line.section]: line for line in document.lines}
    annex = annex_of(Document.objects.get(kind="invoice"), document)
    annexed = []
    if annex is not None and all(by_destination(rows) for rows in by_line(annex).values()):
        annexed.append("summary_per_line_and_class")
    if annex is not None and annex.rows:
        annexed.append("call_detail")
    return {
        "subscriptions_period": periods.month_of(lines["recurring"].period_from or run),
        "usage_period": document.period_from and periods.month_of(document.period_from),
        "sections": [*dict.fromkeys(SECTION_NAMES[line.section] for line in document.lines), *annexed],
    }


SECTION_NAMES = {
    core.Section.SUBSCRIPTION: "recurring",
    core.Section.INCLUDED: "usage",
    core.Section.BEYOND: "usage",
    core.Section.OUTSIDE: "usage",
    core.Section.ONE_OFF: "one_off",
    core.Section.THIRD_PARTY: "usage",
}


# --- numbers ------------------------------------------------------------------------------------------------------


def numbering(case: Case, company: Company) -> Case:
    inputs = case["inputs"]
    return _draft_without_number(case, company) if "customers" in inputs else _after_a_last_number(inputs, company)


def _draft_without_number(case: Case, company: Company) -> Case:
    """A series a customer is an issuer a customer here; the one with days of grace is previewed and issued later.

    A series has the year in its numbers here: it is left out of the answer.
    """
    customers = case["inputs"]["customers"]
    codes = [f"i{number}" for number in range(1, len(customers) + 1)]
    company.files["issuers.toml"] = "".join(
        ISSUER.replace('"voxa"', f'"{code}"').replace(
            "siren =", f'invoice_number = "BENT-1-{{year}}-{number:03d}-{{seq:03d}}"\nsiren ='
        )
        + TERMS
        for number, code in enumerate(codes, start=1)
    )
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', f'"{codes[0]}"')
    company.files["tariff_links.csv"] = company.files["tariff_links.csv"].replace("voxa", codes[0])
    company.product("P", "10.00")
    for number, code in enumerate(codes, start=1):
        company.customer(f"C{number}", issuer=code)
        company.subscribe(f"S{number}", f"C{number}", product="P", valid_from_date="2026-11-01")
    company.load()
    company.rate(MONTH)
    company.preview(MONTH)

    def number_of(number: int) -> str:
        found = Document.objects.filter(account__code=f"C{number}").values_list("number", flat=True)
        drafted = Draft.objects.filter(account__code=f"C{number}").exists()
        return found[0].replace("2026-", "") if found else f"BENT-1-{'DRAFT' if drafted else 'NOTHING'}"

    late = [number for number, row in enumerate(customers, start=1) if row["grace"] != 0]
    for number, code in enumerate(codes, start=1):
        if number not in late:
            issue(company, code)
    at_billing = [number_of(number) for number in range(1, len(codes) + 1)]
    for number in late:
        issue(company, codes[number - 1])
    return {"at_billing": at_billing, "after_finalisation": number_of(late[0])}


def _after_a_last_number(inputs: Case, company: Company) -> Case:
    """However documents were numbered before, the series goes on after its last number."""
    last = inputs["last_entity_number"].rpartition("-")[2]
    company.files["issuers.toml"] = (
        ISSUER.replace("siren =", 'invoice_number = "BENT-{year}-{seq:03d}"\nsiren =') + TERMS
    )
    company.product("P", "10.00")
    for number in range(inputs["new"]):
        company.customer(f"C{number}")
        company.subscribe(f"S{number}", f"C{number}", product="P", valid_from_date="2026-11-01")
    company.load()
    Series.objects.create(issuer=Issuer.objects.get(), kind="invoice", year=2026, last_number=int(last))
    (done,) = bill(company)
    return {"required_here": [f"...-{number.rpartition('-')[2]}" for number in done.numbers]}


# --- a parent pays ------------------------------------------------------------------------------------------------


def children(company: Company, prices: list[str]) -> list[str]:
    """Branches with a subscription each, in advance from 1 November; their names."""
    opened(company)
    names = [f"Fils {number}" for number in range(1, len(prices) + 1)]
    for number, (name, price) in enumerate(zip(names, prices, strict=True), start=1):
        company.branch(f"C1-{number}", name, parent=CUSTOMER)
        company.product(f"P{number}", price)
        company.subscribe(f"S{number}", f"C1-{number}", product=f"P{number}", valid_from_date="2026-11-01")
    company.load()
    company.rate(MONTH)
    company.preview(MONTH, on=date(2026, 11, 1))
    return names


def by_child(document: core.Document) -> dict[str, int]:
    """What the document of the payer says of each child: the sum of its lines, without tax."""
    sums: Counter[str] = Counter()
    for line in document.lines:
        sums[line.group] += line.net_minor
    return dict(sums)


def owed(issuer: str = "voxa") -> str:
    """What customers owe, by the ledger."""
    micros = sum(amount for (_, account), amount in balances_micros(EVERYTHING).items() if account.startswith("411"))
    return str((Decimal(micros) / 10**6).quantize(Decimal("0.01")))


def parent_pays(case: Case, company: Company) -> Case:
    inputs = case["inputs"]
    if "runs" in inputs or "concurrent" in inputs:
        return _many_children(inputs, company)
    if "cancel" in inputs:
        return _child_cancels(inputs, company)
    if isinstance(inputs.get("children"), list):
        return _consolidated(inputs, company)
    return _child_credited(inputs, company)


def _many_children(inputs: Case, company: Company) -> Case:
    names = children(company, ["10.00"] * inputs["children"])
    seen = by_child(draft_of(CUSTOMER, month=MONTH))
    answer: Case = {"linked": len(seen.keys() & set(names))}
    if "runs" in inputs:  # the first document is a draft still when the second month is previewed
        before = Draft.objects.get(account__code=CUSTOMER, run__month=MONTH).content
        company.rate("2026-11")
        company.preview("2026-11", on=date(2026, 12, 1))
        second = by_child(draft_of(CUSTOMER, month="2026-11"))
        answer["entries"] = [len(seen), len(second)]
        kept = Draft.objects.filter(account__code=CUSTOMER, run__month=MONTH).values_list("content", flat=True)
        answer["merged_into_old_draft"] = list(kept) != [before]
    return answer


def _consolidated(inputs: Case, company: Company) -> Case:
    children(company, inputs["children"])
    draft = draft_of(CUSTOMER, month=MONTH)
    answer: Case = {
        "parent_status_same_day": "DRAFT" if not Document.objects.exists() else "COMMITTED",
        "parent_balance_while_draft": owed(),
        "parent_lines": [money(amount) for amount in by_child(draft).values()],
    }
    company.issue(MONTH, on=date(2026, 11, 2))
    answer["parent_status_next_day"] = "COMMITTED" if Document.objects.exists() else "DRAFT"
    own = Document.objects.exclude(account__code=CUSTOMER)
    answer["child_balance_after"] = money(sum(document.payable_minor for document in own))  # none has a document
    return answer


def _child_credited(inputs: Case, company: Company) -> Case:
    """Before the issue a gesture is a line of the document; after it, a credit note of the payer's invoice."""
    (name,) = children(company, [inputs["child_charge"]])
    given_amounts = inputs.get("adjustments") or [inputs["credit"]]
    before_issue = inputs.get("when") == "draft"
    if before_issue:
        for number, amount in enumerate(given_amounts):
            company.product(f"G{number}", f"-{amount}", kind="one_off")
            company.buy(f"A{number}", "C1-1", f"G{number}", "2026-10-31")
        company.load()
        company.preview(MONTH, on=date(2026, 11, 1))
    company.issue(MONTH, on=date(2026, 11, 1))
    invoice = Document.objects.get(kind="invoice")
    first = issued(invoice.number)
    for amount in () if before_issue else given_amounts:
        corrections.issue_credit_note(
            invoice=invoice,
            issue_date=date(2026, 11, 1),
            now=company.now,
            validator=flow.delivery.official_verdicts,
            portions={1: int(Decimal(amount).scaleb(2))},
            reason="Geste commercial",
        )
    given = corrections.credit_notes_of(invoice)
    left = left_to_credit(first, given)
    of_child = sum(left[line.line_no] for line in first.lines if line.group == name)
    return {
        "child_balance": money(of_child),
        "parent_balance": money(sum(left.values())),
        "parent_total": money(first.totals.net_minor),
        "payment": money(first.totals.net_minor),
        "child_credit": money(sum(by_child(note).get(name, 0) for note in given)),
    }


def _child_cancels(inputs: Case, company: Company) -> Case:
    """Of a document that is a draft still, the line changes; of one that was issued, the days left are credited."""
    price, (start, _), end = inputs["price"], map(day, inputs["period"]), day(inputs["cancel"])
    cycle, whole = Cycle.anniversary(MONTHLY.length, start), subscription(price, start)
    before = charges_due(whole, cycle=cycle, as_of_date=start)
    instead = charges_due(replace(whole, valid_to_date=end), cycle=cycle, as_of_date=start)
    credits = charges_due(
        replace(whole, valid_to_date=end), cycle=cycle, as_of_date=end, already=[charge.billed for charge in before]
    )
    drafted = document([("Fils", minor_to_decimal(total(instead)), 0)])
    return {
        "child_repair": money(total(credits)),
        "parent_line": money(drafted.lines[0].net_minor),
        "child_credit": money(-total(credits)),
        "parent_charged": money(total(before)),
    }


# --- voided -------------------------------------------------------------------------------------------------------


def void(case: Case, company: Company) -> Case:
    inputs = case["inputs"]
    if "points" in inputs:
        return _usage_billed_again(inputs, company)
    if "void" in inputs:
        return _paid_and_credited(inputs, company)
    return _repaired_then_voided(inputs, company)


def _usage_billed_again(inputs: Case, company: Company) -> Case:
    """An invoice of usage credited in full, its charges given back, then billed again."""
    points, month = inputs["points"], periods.month_of(day(inputs["points"][0][0]))
    company.now = datetime.combine(periods.month_period(month).end, time(8), UTC)  # runs do not go back to 2012
    opened(company)
    each = Decimal(inputs["amount_before"]) / len(points)
    since_2000(company, f"prefix,zone,price_per_min,connection_fee\n+33,fixe,0,{each}\n")
    company.line("0472000001", CUSTOMER)
    for on, seconds, _ in points:
        company.call(f"{on} 10:00:00", "0472000001", "0140000000", seconds)
    company.load()
    bill(company, month)
    invoice = Document.objects.get()
    again = flow.reissue(
        invoice=invoice, issue_date=periods.month_period(month).end, now=company.now, reason="Annulation"
    ).invoice
    assert again is not None
    named = {on: key for on, _, key in points}
    rows = corrections.standing_of(again).sort(CHARGES.at)[CHARGES.at].to_list()
    return {
        "amount_after": str(minor_to_decimal(again.net_minor).to_integral_value()),
        "usage_ids": [named[at.date().isoformat()] for at in rows],
    }


def since_2000(company: Company, rates: str = "") -> None:
    """The tariff of the operator, or another one, for usage of any year."""
    text = company.files.pop("tariffs/public-2026-01-01.csv")
    company.files["tariffs/public.toml"] = company.files["tariffs/public.toml"].replace("2026-01-01", "2000-01-01")
    company.files["tariffs/public-2000-01-01.csv"] = rates or text


def _paid_and_credited(inputs: Case, company: Company) -> Case:
    total = inputs["invoice_total"]
    opened(company)
    company.product("P", str(minor_to_decimal(total) / Decimal("1.2")))
    company.subscribe("S", CUSTOMER, product="P", valid_from_date="2026-11-01")
    company.load()
    bill(company)
    invoice = Document.objects.get()
    note = flow.credit(invoice=invoice, issue_date=date(2026, 11, 5), now=company.now, reason="Annulation")
    refund = in_favour_minor(invoice.payable_minor - note.payable_minor - inputs["paid"])
    left = left_to_credit(issued(invoice.number), corrections.credit_notes_of(invoice))
    return {
        "invoice_status": "voided" if not any(left.values()) else "open",
        "credit_notes": [{"total": note.payable_minor, "credit": note.payable_minor - refund, "refund": refund}],
    }


def _repaired_then_voided(inputs: Case, company: Company) -> Case:
    """An invoice whose days a later one credits is refused alone; the later one first, then both, then what is due.

    A purchase makes the second document an invoice: alone, its credit would wait for the next one.
    """
    start, end, cancelled = *map(day, inputs["period"]), day(inputs["cancel"])
    opened(company)
    company.row("accounts", code=CUSTOMER).update({"cycle": "P1M", "cycle_start_date": start.isoformat()})
    company.product("P", inputs["price"], alignment="anniversary")
    company.product("F", "20.00", kind="one_off")
    company.subscribe("S", CUSTOMER, product="P", valid_from_date=start.isoformat())
    first = _closed(company, start)
    company.row("subscriptions", reference="S")["valid_to_date"] = cancelled.isoformat()
    company.buy("A", CUSTOMER, "F", cancelled.isoformat())
    second = _closed(company, end)
    repair = next(line for line in issued(second.number).lines if line.net_minor < 0)
    try:
        flow.cancel(invoice=first, issue_date=end, now=company.now, reason="Annulation")
        alone = "accepted"
    except CreditRefused:
        alone = "refused"
    for invoice in (second, first):
        flow.cancel(invoice=invoice, issue_date=end, now=company.now, reason="Annulation")
    again = issued(_closed(company, end).number)
    lines = [line for line in again.lines if line.section is core.Section.SUBSCRIPTION]
    due = sum(line.net_minor for line in lines)
    credit = int(Decimal(inputs["credit"]).scaleb(2))
    used = taken_minor(credit, due_minor=due)
    return {
        "repair": money(repair.net_minor),
        "void_first_while_repaired": alone,
        "regenerated": [
            {
                "start": line.period_from and line.period_from.isoformat(),
                "end": line.period_to and (line.period_to + timedelta(days=1)).isoformat(),
                "type": "recurring",
                "amount": money(line.net_minor),
            }
            for line in lines
        ],
        "account_credit_after": money(credit - used),
    }


def _closed(company: Company, on: date) -> Document:
    """The invoice of a run that closes a day, made that day."""
    company.now = datetime.combine(on, time(8), UTC)
    company.load()
    company.rate(periods.month_of(on - timedelta(days=1)))
    company.preview(closes_date=on, on=on)
    company.issue(closes_date=on, on=on)
    return Document.objects.filter(kind="invoice").latest("pk")


def guard(case: Case, company: Company) -> Case:
    """A run that would close a day of the far future."""
    offset = case["inputs"]["target_offset"]
    opened(company)
    company.load()
    today = company.now.date()
    try:
        company.preview(closes_date=periods.add_length(today, periods.parse_length(offset)), on=today)
    except ClosingRefused:
        return {"error": True}
    return {"error": False}


HANDLERS: dict[str, Callable[[Case, Company], Case]] = {
    "batch": batch,
    "guard": guard,
    "preview": preview,
    "numbering": numbering,
    "parent_pays": parent_pays,
    "void": void,
    "invoice_layout": invoice_layout,
}


def produced(case: Case, company: Company) -> Case:
    """The product's answer to a case about runs; Unsupported when it has none."""
    try:
        return HANDLERS[case["kind"]](case, company)
    except KeyError as missing:
        raise Unsupported(f"a case that does not say its {missing}") from missing
