"""Usage billed before its period is over: the payers whose usage of the running period reaches a threshold.

Only usage is billed early; what is sold keeps the dates of its cycle. What was billed so is frozen, so that the invoice
of the period has the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from ardoise.bill import charges as tables
from ardoise.bill import cycles, wording
from ardoise.bill.adjustments import months_between
from ardoise.bill.bases import Bases
from ardoise.bill.models import Document
from ardoise.bill.usage_days import UsageDay, usage_days
from ardoise.core.commitments import Thresholds, parse_thresholds, progressive_minor
from ardoise.core.money import amount_text, micros_to_minor, minor_to_decimal
from ardoise.core.periods import Period
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.directory.models import Account, Issuer


def reached(closes_date: date) -> dict[int, int]:
    """By payer, the threshold in cents for which a run that closes a day bills its usage early.

    The threshold of a customer holds for each payer of its tree, on its own usage, in the basis of its documents. A
    function of the usage computed and of what *other* runs billed: after the run was issued the answer is the same.
    """
    known = _thresholds()
    grids = cycles.payers_cycles() if known else {}
    running = {pk: Period(grids[pk].last_until(closes_date), closes_date) for pk in known}
    running = {pk: period for pk, period in running.items() if period.days}
    if not running:
        return {}
    own = list(Document.objects.filter(run__closes_date=closes_date).values_list("id", flat=True))
    months = months_between(min(period.start for period in running.values()), closes_date)
    due = _by_payer(usage_days(running, months), running)
    rest = _by_payer(usage_days(running, months, billed_by_others_than=own), running)
    found = {}
    for payer_id, (root_id, due_minor) in due.items():
        open_minor = rest.get(payer_id, (root_id, 0))[1]
        if progressive_minor(known[root_id], due_minor=due_minor, invoiced_minor=due_minor - open_minor):
            found[payer_id] = known[root_id].last_reached_minor(due_minor)
    return found


def dues(issuer: Issuer, closes_date: date, *, anew: Document | None = None) -> dict[int, cycles.Due]:
    """Every payer that takes part in a run (`cycles.dues`), those that reached a threshold too, with what they read."""
    early = reached(closes_date)
    found = cycles.dues(issuer, closes_date, anew=anew, early=early)
    before = _billed_early(issuer, found)
    basis = dict(Account.objects.filter(id__in=[*early]).values_list("id", "basis"))
    for pk, due in found.items():
        if pk in early and due.bound == closes_date:
            found[pk] = replace(due, notes=(_reached_note(issuer, early[pk], basis[pk]),))
        elif pk in before:
            found[pk] = replace(due, notes=(_billed_note(issuer, due, before[pk]),))
    return found


def _thresholds() -> dict[int, Thresholds]:
    rows = Account.objects.filter(parent=None, issuer__documents=Issuer.Documents.INVOICES).exclude(threshold="")
    return {pk: parse_thresholds(text) for pk, text in rows.values_list("id", "threshold")}


def _by_payer(usage: Iterable[UsageDay], running: Mapping[int, Period]) -> dict[int, tuple[int, int]]:
    """By payer, its customer and the cents of its usage in the running period, in the basis of its documents."""
    inside = [one for one in usage if one.day in running[one.root_id]]
    bases = Bases({one.account_id: one.root_id for one in inside})
    sums: dict[int, tuple[int, int]] = {}
    for one in bases.days(inside):
        payer_id = bases.payer_of(one.account_id)
        sums[payer_id] = (one.root_id, sums.get(payer_id, (0, 0))[1] + one.amount_micros)
    return {pk: (root_id, micros_to_minor(micros)) for pk, (root_id, micros) in sums.items()}


def _reached_note(issuer: Issuer, minor: int, basis: str) -> str:
    language = issuer.language
    amount = amount_text(minor_to_decimal(minor), currency=issuer.currency, french=language == "fr", decimals=2)
    return wording.word(language, "threshold").format(amount, wording.word(language, f"threshold.{basis}"))


def _billed_note(issuer: Issuer, due: cycles.Due, before: Sequence[Document]) -> str:
    last = max(row.bound_date for row in before if row.bound_date is not None) - timedelta(days=1)
    when = wording.from_to(issuer.language, due.period.start, last)
    return wording.word(issuer.language, "billed_early").format(when, ", ".join(row.number for row in before))


def _billed_early(issuer: Issuer, dues: Mapping[int, cycles.Due]) -> dict[int, list[Document]]:
    """By payer, the documents that billed usage of its period before it was over, and still bill it."""
    if not dues or not _thresholds():
        return {}
    first, last = min(due.period.start for due in dues.values()), max(due.bound for due in dues.values())
    rows = Document.objects.filter(issuer=issuer, bound_date__gt=first, bound_date__lt=last)
    inside = [
        pk
        for pk, payer_id, bound_date in rows.values_list("pk", "account_id", "bound_date")
        if bound_date and payer_id in dues and dues[payer_id].period.start < bound_date < dues[payer_id].bound
    ]
    found = list(Document.objects.filter(pk__in=inside).order_by("pk"))
    usage = tables.frozen_of(found, standing=True).filter(pl.col(CHARGES.origin_kind) == tables.USAGE)
    still = set(usage.select(FROZEN.document_id).unique().collect()[FROZEN.document_id])
    early: dict[int, list[Document]] = defaultdict(list)
    for row in found:
        if row.pk in still:
            early[row.account_id].append(row)
    return early
