"""Stable codes of the house to the words people read. A code nobody translated is shown as it is, never hidden."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ardoise.collect.wording import english

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
    "layout_changed": _("Other columns than expected"),
    "no_date": _("No date"),
    "no_header": _("Without its header"),
    "option": _("Needs an option"),
}
# With the parameters of `ardoise.collect.wording`; dates and durations are put in by `alarm`.
ALARMS: Words = {
    "gap": _("%(missing)s missing: %(numbers)s"),
    "clock": _("The clock of the PBX is wrong by %(offset)s: set it, its calls are dated by it."),
    "layout": _(
        "%(percent)s %% of the lines cannot be read: was an option of the PBX changed? They wait in quarantine; "
        "mend the options or the profile of the source, then read them again."
    ),
    "buffer_full": _("The PBX says that its buffer is full, tickets are being lost: %(text)s"),
    "time_change": _("The clock of the PBX was set: %(text)s"),
    "pbx": _("The PBX says: %(text)s"),
    "silence": _("No ticket since %(since)s, longer than is usual: look at the PBX and at the network."),
    "no_delivery": _("No file since %(since)s, longer than is usual: look at what sends them."),
    "journal": _("Journal: %(text)s"),
    "file_refused": _("%(file)s was refused: %(text)s"),
    "reception": _("Reception: %(text)s"),
    "port_taken": _("Port %(port)s is already used by another program on this machine."),
    "port_rights": _("Port %(port)s needs administrator rights: choose one above 1023, in the PBX too."),
    "not_our_address": _("%(host)s is not an address of this machine: leave the host empty to listen on all."),
    "cannot_listen": _("Cannot listen on %(host)s, port %(port)s: %(why)s"),
    "port_refused": _("%(host)s refuses port %(port)s: is SMDR switched on in the PBX, and the port right?"),
    "no_answer": _("%(host)s does not answer on port %(port)s: check the address, the network and the firewalls."),
    "unknown_name": _("%(host)s is not a known name: check the host of this source."),
    "unreachable": _("%(host)s port %(port)s cannot be reached: %(why)s"),
    "only_place_taken": _(
        "%(host)s, port %(port)s: this PBX serves a single collector, another program holds its place."
    ),
    "hung_up": _("%(host)s accepts on port %(port)s and hangs up at once: are its places taken by other collectors?"),
    "wrong_token": _("%(peer)s is no agent of this source: it has another token."),
    "agent": _("The agent at %(peer)s says what nobody understands: %(why)s"),
    "too_many_clients": _("%(peer)s was refused: %(most)s clients are already connected."),
    "disk": _("Reception stopped, the PBX keeps its tickets: %(why)s"),
    "unreadable_journal": _("Tickets cannot be read into calls, they wait in the journal: %(why)s"),
    "sftp_key": _(
        "The key of %(host)s is not the one this source knows: nothing was read and no password was sent. %(why)s"
    ),
    "sftp_login": _("%(host)s does not let %(user)s in: %(why)s"),
    "sftp_folder": _("%(host)s, %(folder)s: %(why)s; check the path and the rights."),
    "sftp_down": _("%(host)s cannot be reached by SSH: %(why)s"),
    "sftp_left": _("%(file)s was left on %(host)s: %(why)s"),
    "service_login": _(
        "%(service)s does not take our login (%(status)s), even a new one: check user, password and the rights given "
        "to them."
    ),
    "service_refuses": _("%(service)s refuses %(path)s: %(status)s %(why)s"),
    "service_elsewhere": _("%(service)s sends us on to another server (%(host)s): its pages are not followed."),
    "service_too_long": _("%(service)s sends more than %(most)s bytes in one answer."),
    "service_down": _("%(service)s cannot be read, it is tried again: %(why)s"),
    "service_clear": _("%(url)s: only https is used (http for this machine alone), or the password would be readable."),
    "radius_client": _("%(peer)s is not among the clients of this source."),
    "radius_packet": _("%(peer)s sends what is no RADIUS packet (%(why)s)."),
    "radius_code": _("%(peer)s sends packets of code %(number)s: only accounting is answered here."),
    "radius_secret": _("%(peer)s signs its packets with another secret: they stay without an answer."),
    "webhook_proof": _("%(peer)s posted without a good %(proof)s: refused."),
    "receiver": _("Reception failed (%(why)s): it starts again by itself."),
}
BASES: Words = {"ht": _("excl. VAT"), "ttc": _("incl. VAT")}
TRANSPORTS: Words = {
    "tcp_server": _("The PBX connects to us"),
    "tcp_client": _("We connect to the PBX"),
    "files": _("Files dropped"),
    "tail": _("File followed as it grows"),
    "sftp": _("Files fetched by SFTP"),
    "https": _("Asked of a service (HTTPS)"),
    "webhook": _("Posted by a service (webhook)"),
    "radius": _("RADIUS accounting"),
    "agent": _("Agent of another site"),
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


def alarm(code: str, params: Mapping[str, object]) -> str:
    """The sentence of an alarm of a source. `params` are as people read them."""
    try:
        return str(ALARMS[code]) % params
    except KeyError:
        return english(code, params)


def basis(code: str) -> str:
    return _word(BASES, code)


def transport(code: str) -> str:
    return _word(TRANSPORTS, code)


def rendering(code: str) -> str:
    return _word(RENDERINGS, code)
