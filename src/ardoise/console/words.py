"""Stable codes of the house to the words people read. A code nobody translated is shown as it is, never hidden."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = Mapping[str, Promise]

STATES: Words = {"priced": _("Priced"), "unpriced": _("Unpriced"), "excluded": _("Not charged")}
WHYS: Words = {
    "unknown_number": _("unknown number"),
    "no_tariff": _("no tariff"),
    "no_version": _("no tariff in force"),
    "no_rate": _("no rate for this number"),
    "no_cost": _("cost not known"),
    "no_identifier": _("call that names nobody"),
    "internal": _("internal call"),
    "no_detail": _("line without detail"),
    "unanswered": _("no conversation"),
    "incoming": _("incoming call"),
}
DIRECTIONS: Words = {
    "in": _("Incoming"),
    "out": _("Outgoing"),
    "internal": _("Internal"),
    "transferred": _("Transferred"),
    "unknown": _("Unknown"),
}
STATUSES: Words = {
    "answered": _("Answered"),
    "unanswered": _("Unanswered"),
    "abandoned": _("Abandoned"),
    "busy": _("Busy"),
    "voicemail": _("Voicemail"),
    "failed": _("Failed"),
}
KINDS: Words = {"invoice": _("Invoice"), "credit_note": _("Credit note"), "statement": _("Statement")}
SECTIONS: Words = {
    "subscription": _("Subscriptions, plans and options"),
    "included": _("Communications included in the plan"),
    "beyond": _("Communications beyond the plan"),
    "outside": _("Communications outside the plan"),
    "one_off": _("One-off purchases"),
    "third_party": _("Premium numbers and third-party purchases"),
}
QUARANTINE: Words = {
    "duplicate": _("Duplicate"),
    "replayed": _("Sent again after a reconnection"),
    "superseded": _("Replaced by a later line"),
    "garbage": _("Unreadable"),
    "column_count": _("Wrong number of columns"),
    "impossible_date": _("Impossible date"),
    "bad_start": _("Unreadable date and time"),
    "bad_price": _("Unreadable price"),
    "bad_number": _("Unreadable number"),
    "bad_duration": _("Unreadable duration"),
    "unknown_direction": _("Unknown direction"),
    "bad_direction": _("Unknown direction"),
    "bad_call_id": _("Unreadable call id"),
    "cut": _("Cut line"),
    "endless": _("Line without an end"),
    "header_mismatch": _("Unexpected header"),
}
BASES: Words = {"ht": _("excl. VAT"), "ttc": _("incl. VAT")}
TRANSPORTS: Words = {
    "tcp_server": _("The PBX connects to us"),
    "tcp_client": _("We connect to the PBX"),
    "files": _("Files dropped"),
}
RENDERINGS: Words = {"pdf": _("PDF"), "xml": _("XML (Factur-X)"), "annex": _("Itemised calls (PDF)")}


def _word(known: Words, code: str) -> str:
    return str(known.get(code, code.replace("_", " ")))


def state(code: str) -> str:
    return _word(STATES, code)


def why(code: str) -> str:
    return _word(WHYS, code)


def direction(code: str) -> str:
    return _word(DIRECTIONS, code)


def status(code: str) -> str:
    return _word(STATUSES, code)


def kind(code: str) -> str:
    return _word(KINDS, code)


def section(code: str) -> str:
    return _word(SECTIONS, code)


def quarantine(code: str) -> str:
    return _word(QUARANTINE, code)


def basis(code: str) -> str:
    return _word(BASES, code)


def transport(code: str) -> str:
    return _word(TRANSPORTS, code)


def rendering(code: str) -> str:
    return _word(RENDERINGS, code)
