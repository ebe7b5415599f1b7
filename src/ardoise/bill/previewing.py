"""What a preview shows of the documents to be, and how many of them are kept until all are made."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import IO

from ardoise.bill.drafts import Drafted, Drafts, Late
from ardoise.bill.models import BillRun, Draft
from ardoise.bill.registration import PLACEHOLDER, Validator
from ardoise.core import documents as core
from ardoise.core.checks import Problem, validate
from ardoise.directory.models import Issuer

BATCH = 100
AHEAD = 8  # batches drafted before the rules have said of them


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a preview made; by account, what would keep its document from being issued, who is held, what came late.

    `late` stands on the drafts; `waiting` on none: its source has the invoice of its period made anew.
    """

    issuer: str
    drafts: int
    net_minor: int
    faulty: dict[str, list[Problem]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)
    late: dict[str, Late] = field(default_factory=dict)
    waiting: dict[str, Late] = field(default_factory=dict)


class Seen:
    """The drafts of a preview as they are made, part by part: their charges are not kept, and what they say waits in a
    file until all are made, so that a hundred thousand take no more memory than a thousand.
    """

    def __init__(self, issuer: Issuer, closes_date: date, validator: Validator | None, kept: IO[bytes]) -> None:
        self.issuer, self.validator, self._kept = issuer, validator, kept
        self.faulty: dict[str, list[Problem]] = {}
        self.carried: dict[str, int] = {}
        self.late: dict[str, Late] = {}
        self.waiting: dict[str, Late] = {}
        self._codes: dict[str, str] = {}  # fingerprint -> customer
        self._net_minor = 0
        known = Draft.objects.filter(run__issuer=issuer, run__closes_date=closes_date, verdict__isnull=False)
        self._verdicts: dict[str, list[list[str]]] = {
            fingerprint: verdict
            for fingerprint, verdict in known.values_list("fingerprint", "verdict")
            if verdict is not None
        }
        self._asked: list[tuple[list[str], Future[Sequence[Sequence[Problem]]]]] = []

    def add(self, drafts: Drafts, rules: Executor) -> None:
        """Keep the drafts of a part; the rules are asked by another thread, while the next part is drafted."""
        self.faulty |= drafts.refused
        self.waiting |= drafts.waiting
        for made in batched(drafts.made, BATCH):
            self._ask(made, rules)
            for one in made:
                if found := problems_of(one):
                    self.faulty[one.account.code] = found
                if one.late is not None:
                    self.late[one.account.code] = one.late
                self._codes[one.fingerprint] = one.account.code
                self._net_minor += one.net_minor
            pickle.dump([_fields(one) for one in made], self._kept)
        self.carried |= drafts.carried

    def _ask(self, made: Sequence[Drafted], rules: Executor) -> None:
        """The verdict of the official rules on the drafts that have none yet."""
        legal = [one for one in made if one.document.kind is not core.DocumentKind.STATEMENT]
        new = [one for one in legal if one.fingerprint not in self._verdicts]
        if self.validator is not None and new:
            documents = [replace(one.document, number=PLACEHOLDER) for one in new]
            asked = rules.submit(self.validator, documents)
            self._asked.append(([one.fingerprint for one in new], asked))
            if len(self._asked) > AHEAD:
                self._asked[-AHEAD][1].result()  # what waits for the rules is held in memory

    def finish(self) -> None:
        """Wait for the verdicts."""
        for fingerprints, asked in self._asked:
            for fingerprint, verdict in zip(fingerprints, asked.result(), strict=True):
                self._verdicts[fingerprint] = [[found.code, found.message, found.remedy] for found in verdict]
        for fingerprint, code in self._codes.items():
            if found := self._verdicts.get(fingerprint):
                self.faulty[code] = [*self.faulty.get(code, ()), *said(found)]

    def drafts(self, run: BillRun) -> Iterator[list[Draft]]:
        """The rows of the drafts, a batch at a time, with their verdicts."""
        end = self._kept.tell()
        self._kept.seek(0)
        while self._kept.tell() < end:
            batch = pickle.load(self._kept)
            yield [Draft(run=run, verdict=self._verdicts.get(one["fingerprint"]), **one) for one in batch]

    def previewed(self, held: dict[str, str]) -> Previewed:
        count = len(self._codes)
        return Previewed(
            self.issuer.code, count, self._net_minor, self.faulty, held, self.carried, self.late, self.waiting
        )


def _fields(made: Drafted) -> dict[str, object]:
    """The columns of a draft."""
    return {
        "account_id": made.account.pk,
        "content": made.content,
        "charges": made.rows.height,
        "net_minor": made.net_minor,
        "usage_minor": made.usage_minor,
        "subscription_minor": made.subscription_minor,
        "fingerprint": made.fingerprint,
    }


def said(verdict: Iterable[Sequence[str]] | None) -> list[Problem]:
    return [Problem(code, message, remedy) for code, message, remedy in verdict or ()]


def problems_of(made: Drafted) -> list[Problem]:
    """What the arithmetic and the legal mentions of a document to be leave to mend."""
    return validate(replace(made.document, number=PLACEHOLDER))


def batched(items: Iterable[Drafted], size: int) -> Iterator[list[Drafted]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
