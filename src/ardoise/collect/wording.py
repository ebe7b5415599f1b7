"""What is wrong with a source, in words: a stable code with its parameters, and the English of the terminal.

The console translates the code (`console.words`). A `Said` is that English text, so that whatever handles a text
handles it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

RECEPTION = "reception"  # what has no code of its own

# What receiving noticed: over as soon as the source is received again.
_RECEPTION: Mapping[str, str] = {
    RECEPTION: "%(text)s",
    "port_taken": "Port %(port)s is already used by another program on this machine: stop it, or give this source "
    "another port",
    "port_rights": "Port %(port)s needs administrator rights: choose one above 1023, in the PBX too",
    "not_our_address": "%(host)s is not an address of this machine: leave the host of this source empty to listen on "
    "all",
    "cannot_listen": "Cannot listen on %(host)s, port %(port)s: %(why)s",
    "port_refused": "%(host)s refuses port %(port)s: is SMDR switched on in the PBX, and the port right?",
    "no_answer": "%(host)s does not answer on port %(port)s: check the address, the network and the firewalls",
    "unknown_name": "%(host)s is not a known name: check the host of this source",
    "unreachable": "%(host)s port %(port)s cannot be reached: %(why)s",
    "only_place_taken": "%(host)s accepts on port %(port)s and hangs up at once: this PBX serves a single collector, "
    "another program holds its place; stop that one",
    "hung_up": "%(host)s accepts on port %(port)s and hangs up at once: are its places taken by other collectors?",
    "wrong_token": "%(peer)s is no agent of this source: it has another token",
    "agent": "The agent at %(peer)s says what nobody understands: %(why)s",
    "too_many_clients": "%(peer)s was refused: %(most)s clients are already connected",
    "disk": "Reception stopped, the PBX keeps its tickets: %(why)s",
    "unreadable_journal": "Tickets cannot be read into calls, they wait in the journal: %(why)s",
    "sftp_key": "The key of %(host)s is not the one this source knows: nothing was read and no password was sent. "
    "%(why)s",
    "sftp_login": "%(host)s does not let %(user)s in: %(why)s",
    "sftp_folder": "%(host)s, %(folder)s: %(why)s; check the path and the rights",
    "sftp_down": "%(host)s cannot be reached by SSH: %(why)s",
    "sftp_left": "%(file)s was left on %(host)s: %(why)s",
    "service_login": "%(service)s does not take our login (%(status)s), even a new one: check user, password and the "
    "rights given to them",
    "service_refuses": "%(service)s refuses %(path)s: %(status)s %(why)s",
    "service_elsewhere": "%(service)s sends us on to another server (%(host)s): its pages are not followed",
    "service_too_long": "%(service)s sends more than %(most)s bytes in one answer",
    "service_down": "%(service)s cannot be read, it is tried again: %(why)s",
    "service_clear": "%(url)s: only https is used (http for this machine alone), or the password would be readable",
    "radius_client": "%(peer)s is not among the clients of this source",
    "radius_packet": "%(peer)s sends what is no RADIUS packet (%(why)s)",
    "radius_code": "%(peer)s sends packets of code %(number)s: only accounting is answered here",
    "radius_secret": "%(peer)s signs its packets with another secret: they stay without an answer",
    "webhook_proof": "%(peer)s posted without a good %(proof)s: refused",
    "receiver": "Reception failed (%(why)s): it starts again by itself",
}
RECEPTION_CODES = frozenset(_RECEPTION)

ENGLISH: Mapping[str, str] = {
    **_RECEPTION,
    # what the stream tells (`signs`)
    "gap": "%(missing)s missing: %(numbers)s",
    "clock": "The clock of the PBX is wrong by %(offset)s: set it, its calls are dated by it",
    "layout": "%(percent)s %% of the lines cannot be read (%(reason)s): was an option of the PBX changed? They wait in "
    "quarantine; mend the options or the profile, then read them again: ardoise collect replay",
    "buffer_full": "The PBX says that its buffer is full, tickets are being lost: %(text)s",
    "time_change": "The clock of the PBX was set: %(text)s",
    "pbx": "The PBX says: %(text)s",
    # what only the clock on the wall tells (`alarms`)
    "silence": "No ticket since %(since)s, longer than is usual for this source: look at the PBX and at the network",
    "no_delivery": "No file since %(since)s, longer than is usual for this source: look at what sends them",
    # what we noticed ourselves
    "journal": "Journal: %(text)s",
    "file_refused": "%(file)s was refused: %(text)s",
}


class Said(str):
    """A sentence that keeps its code and parameters."""

    code: str
    params: Mapping[str, Any]

    def __new__(cls, code: str, **params: Any) -> Said:
        """Raises KeyError on a code or a parameter that has no words."""
        said = super().__new__(cls, english(code, params))
        said.code, said.params = code, params
        return said


def said_by(error: Exception) -> Said:
    """What an error of a way in says: its own sentence with its code, else its text."""
    told = error.args[0] if error.args else ""
    return told if isinstance(told, Said) else Said(RECEPTION, text=str(error))


def english(code: str, params: Mapping[str, Any]) -> str:
    """The sentence of a code. Raises KeyError."""
    return ENGLISH[code] % shown(params)


def shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as people read them: an instant without its zone's digits, an offset of seconds as a duration."""
    readable = dict(params)
    if "since" in params:
        readable["since"] = f"{datetime.fromisoformat(params['since']):%Y-%m-%d %H:%M} UTC"
    if "offset_s" in params:
        readable["offset"] = offset_text(params["offset_s"])
    return readable


def offset_text(seconds: int) -> str:
    """-3605 is "-1 h 00 min 05 s": ahead, tickets print an end that is still to come."""
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    if hours >= 48:
        return f"{sign}{hours // 24} d"
    if hours:
        return f"{sign}{hours} h {minutes:02d} min"
    return f"{sign}{minutes} min {seconds:02d} s"
