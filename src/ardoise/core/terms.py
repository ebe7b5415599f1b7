"""Terms of payment: what people write, the date they give, and whether French law allows them.

Terms are at most four steps from the issue date: some days, then the end of the month, then some days more; or a direct
debit on a day of the month. Written `receipt`, `30d`, `30d eom`, `eom 45d`, `30d eom 10d`, `debit 10`; French and
English phrases are read too (« 30 jours fin de mois »). Worked tables: docs/algorithms/terms.md.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from ardoise.core.periods import clamped

MOST_DAYS = 365
DEBIT_NOTICE_DAYS = 14  # the pre-notification of a SEPA direct debit, unless the parties agreed otherwise


class TermsError(ValueError):
    """A text that is no terms of payment; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`days` from the issue date, then the end of that month if `end_of_month`, then `days_after`; or, when
    `debit_day` is set, the first such day of a month (clamped to short months) at least `notice_days` after the issue.
    """

    days: int = 0
    end_of_month: bool = False
    days_after: int = 0
    debit_day: int = 0  # 1 to 31, 0 = the customer pays
    notice_days: int = DEBIT_NOTICE_DAYS

    def __post_init__(self) -> None:
        most = max(self.days, self.days_after, self.notice_days)
        if min(self.days, self.days_after, self.notice_days) < 0 or most > MOST_DAYS:
            raise TermsError(f"terms of payment count 0 to {MOST_DAYS} days, not {most}")
        if self.days_after and not self.end_of_month:
            raise TermsError("days after the end of a month need that end of month; add the days up instead")
        if not 0 <= self.debit_day <= 31:
            raise TermsError(f"a debit is on a day of the month from 1 to 31, not {self.debit_day}")

    @property
    def is_debit(self) -> bool:
        return self.debit_day > 0

    def due_date(self, issue_date: date) -> date:
        """The day by which an invoice of that date is to be paid (BT-9), never before it."""
        if self.is_debit:
            earliest = issue_date + timedelta(days=self.notice_days)
            due = clamped(earliest.year, earliest.month, self.debit_day)
            return due if due >= earliest else clamped(earliest.year, earliest.month + 1, self.debit_day)
        due = issue_date + timedelta(days=self.days)
        if self.end_of_month:
            due = clamped(due.year, due.month, 31)
        return due + timedelta(days=self.days_after)

    def __str__(self) -> str:
        """The canonical text: `parse_terms` reads it back."""
        if self.is_debit:
            notice = f" notice {self.notice_days}d" if self.notice_days != DEBIT_NOTICE_DAYS else ""
            return f"debit {self.debit_day}{notice}"
        steps = [f"{self.days}d" if self.days else "", "eom" if self.end_of_month else ""]
        steps.append(f"{self.days_after}d" if self.days_after else "")
        return " ".join(step for step in steps if step) or "receipt"

    def wording(self, language: str) -> str:
        """What a document prints (BT-20), in French ("fr") or English."""
        words = _WORDS["fr" if language == "fr" else "en"]
        if self.is_debit:
            return words["debit"].format(_ordinal(self.debit_day, language))
        steps = ("days" if self.days else "", "eom" if self.end_of_month else "", "days" if self.days_after else "")
        name = "_".join(step for step in steps if step) or "receipt"
        return words[name].format(_days(self.days, language), _days(self.days_after, language))


_WORDS = {
    "fr": {
        "receipt": "Payable à réception",
        "days": "Payable à {0}",
        "eom": "Payable en fin de mois",
        "days_eom": "Payable à {0} fin de mois",
        "eom_days": "Payable {1} après la fin du mois",
        "days_eom_days": "Payable à {0} fin de mois, plus {1}",
        "debit": "Prélèvement le {0} du mois",
    },
    "en": {
        "receipt": "Payable on receipt",
        "days": "Payable within {0}",
        "eom": "Payable at the end of the month",
        "days_eom": "Payable within {0}, end of month",
        "eom_days": "Payable {1} after the end of the month",
        "days_eom_days": "Payable within {0}, end of month, plus {1}",
        "debit": "Direct debit on the {0} of the month",
    },
}


def _days(count: int, language: str) -> str:
    if language == "fr":
        return f"{count} jour{'s' if count > 1 else ''}"
    return f"{count} day{'' if count == 1 else 's'}"


def _ordinal(day: int, language: str) -> str:
    if language == "fr":
        return "1er" if day == 1 else str(day)
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


# --- reading ----------------------------------------------------------------------------------------------------------

_RECEIPT = re.compile(r"(?:receipt|on receipt|upon receipt|(?:comptant )?a reception(?: de (?:la )?facture)?|comptant)")
_DEBIT = re.compile(
    r"(?:direct )?(?:debit|prelevement(?: automatique)?)(?: (?:on|le|au|the|day|jour))* (\d+)(?:st|nd|rd|th|er)?"
    r"(?: (?:du|of the) (?:mois|month))?(?: (?:notice|preavis)(?: de)? (\d+) ?(?:d|j|days?|jours?)?)?"
)
_END = r"(?:eom|fdm|fin de mois|fin du mois|end of(?: the)? month)"
_COUNT = r"(\d+) ?(?:d|j|days?|jours?)?(?: nets?)?"
_STEPS = re.compile(rf"(?:a )?(?:{_COUNT})?(?: ?({_END}))?(?: ?(?:le |plus )?{_COUNT})?(?: (?:date de )?facture)?")
_AFTER = re.compile(rf"{_COUNT} (?:apres (?:la )?|after (?:the )?){_END}")


def parse_terms(text: str) -> Terms:
    """Read terms of payment: `30d eom`, a bare number of days, or a French or English phrase. Raises TermsError."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = " ".join(re.sub(r"[,;.+]|\b(?:payable|within|puis|then)\b", " ", plain).split())
    if _RECEIPT.fullmatch(plain):
        return Terms()
    if found := _DEBIT.fullmatch(plain):
        if found[1] == "0":
            raise TermsError("a debit is on a day of the month from 1 to 31, not 0")
        return Terms(debit_day=int(found[1]), notice_days=int(found[2] or DEBIT_NOTICE_DAYS))
    if found := _AFTER.fullmatch(plain):
        return Terms(end_of_month=True, days_after=int(found[1]))
    found = _STEPS.fullmatch(plain)
    if not found or not plain or (found[3] and not found[2]):
        raise TermsError(
            f"« {text} » is no terms of payment; write receipt, 30d (30 days), 30d eom (30 days, end of month), "
            "eom 45d (end of month, then 45 days) or debit 10 (direct debit on the 10th)"
        )
    return Terms(days=int(found[1] or 0), end_of_month=bool(found[2]), days_after=int(found[3] or 0))


# --- the law ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """The longest terms between businesses: days from the issue, or days to an end of month by either reading
    (0 = not allowed)."""

    article: str
    days: int
    days_end_of_month: int = 0

    def latest(self, issue_date: date) -> date:
        """The last due date that an invoice of that date may have."""
        latest = issue_date + timedelta(days=self.days)
        if self.days_end_of_month:
            for reading in (Terms(self.days_end_of_month, True), Terms(0, True, self.days_end_of_month)):
                latest = max(latest, reading.due_date(issue_date))
        return latest


# C. com. L441-10, I: what the parties may agree on. A summary invoice (CGI 289, I, 3: several distinct supplies of one
# calendar month) has less. L441-11 has other limits for named goods and for road transport: none is a telecom service,
# and a private customer has none.
AGREED = Limit("C. com. L441-10, I", 60, 45)
SUMMARY = Limit("C. com. L441-10, I, dernier alinéa", 45)


@dataclass(frozen=True, slots=True)
class Excess:
    """The issue date on which terms go furthest beyond a limit."""

    limit: Limit
    issue_date: date
    due_date: date
    latest_date: date

    @property
    def days(self) -> int:
        return (self.due_date - self.latest_date).days


@cache
def excess(terms: Terms, limit: Limit = AGREED) -> Excess | None:
    """Where terms are longer than the law allows, None when no issue date makes them so (every day of a leap cycle)."""
    worst = None
    for offset in range(1461):
        day = date(2026, 1, 1) + timedelta(days=offset)
        due, latest = terms.due_date(day), limit.latest(day)
        if due > latest and (worst is None or (due - latest).days > worst.days):
            worst = Excess(limit, day, due, latest)
    return worst
