"""Reading FreeSWITCH records: lines of mod_cdr_csv, documents of mod_json_cdr and mod_xml_cdr.

All three hold channel variables; a template lists some of them, a document holds them all under `variables`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as Xml

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading
from ardoise.formats.asterisk.channels import is_extension
from ardoise.formats.cells import BadCell, epoch_time, iso, printed_time, seconds
from ardoise.formats.columns import Grid, Row, RowReader, names
from ardoise.formats.json_records import text_at

EXAMPLE = names(
    "caller_id_name,caller_id_number,destination_number,context,start_stamp,answer_stamp,end_stamp,duration,billsec,"
    "hangup_cause,uuid,bleg_uuid,accountcode,read_codec,write_codec"
)
NEEDS = frozenset({"caller_id_number", "destination_number", "billsec"})

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_COUNT = re.compile(r"-?\d+", re.ASCII)
_MOMENTS = ("start", "answer", "end", "progress", "progress_media", "bridge", "profile_start", "last_hold", "resurrect")
_CAUSES = {"USER_BUSY": "busy", "NORMAL_TEMPORARY_FAILURE": "failed", "NO_ROUTE_DESTINATION": "failed"}
_VOICEMAIL = re.compile(r"voicemail", re.IGNORECASE)

_ALL = Grid(
    layouts=(),
    numbers=frozenset(
        names(
            "caller_id_number,destination_number,effective_caller_id_number,sip_from_user,sip_to_user,sip_req_user,"
            "ani,aniii,rdnis,callee_id_number,origination_caller_id_number,dialed_extension,last_sent_callee_id_number"
        )
    ),
    parties=frozenset({"chan_name", "channel_name", "presence_id", "caller_id_name"}),
    kept=frozenset(
        (
            *names("context,duration,billsec,billmsec,mduration,progressmsec,hangup_cause,hangup_cause_q850,uuid"),
            *names("bleg_uuid,call_uuid,bridge_uuid,originating_leg_uuid,last_bridge_to,core-uuid,accountcode"),
            *names("read_codec,write_codec,direction,profile_index,created_time,answered_time,hangup_time"),
            *(f"{moment}_{kind}" for moment in _MOMENTS for kind in ("stamp", "epoch", "uepoch")),
        )
    ),
    keep=(_UUID,),
    shapes={
        "start_stamp": _STAMP,
        "start_epoch": re.compile(r"\d+", re.ASCII),
        "end_stamp": _STAMP,
        "duration": _COUNT,
        "billsec": _COUNT,
        "uuid": _UUID,
    },
)
GRID = replace(_ALL, layouts=(_ALL.learned(EXAMPLE),))


def row_reader(incoming_contexts: Sequence[str]) -> RowReader:
    """`incoming_contexts`: dialplan contexts that calls from outside arrive in."""

    def read(row: Row) -> Reading:
        if missing := row.lacks(NEEDS):
            raise BadCell("missing_field", f"the record has no {', '.join(missing)}: is it a call detail record?")
        if _is_other_leg(row):
            return Event("event", row.line)
        return _leg(row, incoming_contexts)

    return read


def _is_other_leg(row: Row) -> bool:
    """The called side of a call whose record comes with the calling side, or a set that lost the race to answer."""
    originated = row["direction"] == "outbound" and row.text("originating_leg_uuid", "originator") is not None
    return originated or row["hangup_cause"] == "LOSE_RACE"


def _leg(row: Row, incoming_contexts: Sequence[str]) -> Leg:
    talk_s = seconds(row["billsec"], "billsec")
    total_s = seconds(row["duration"], "duration") if row["duration"] else None
    calling, called = row.number("caller_id_number"), row.number("destination_number")
    direction = _direction(row, incoming_contexts)
    reached = row.number("reached_number") or ""
    # A set may present another number: who it logged in as says more.
    ours = (reached, called) if direction is Direction.IN else (row["user_name"], row["sip_auth_username"], calling)
    extension = next((number for number in ours if number and is_extension(number)), None)
    answered = talk_s > 0
    return Leg(
        start=_start(row),
        duration_s=talk_s,
        ring_s=total_s - talk_s if total_s is not None and total_s >= talk_s else None,
        calling=calling,
        called=called,
        direction=direction,
        extension=extension,
        trunk=row.text("sip_gateway_name", "sip_gateway"),
        answered=answered,
        account_code=row.text("accountcode"),
        call_id=row.text("uuid"),
        record_id=row.text("uuid"),
        voicemail=answered and _VOICEMAIL.search(row["last_app"]) is not None,
        extras=_extras(row, total_s, reached if reached != row["destination_number"] else ""),
    )


def _direction(row: Row, incoming_contexts: Sequence[str]) -> Direction:
    """The dialplan's context tells what came from outside; FreeSWITCH's own `direction` is that of a leg."""
    if row["context"] in incoming_contexts:
        return Direction.IN
    from_us, to_us = is_extension(row["caller_id_number"]), is_extension(row["destination_number"])
    if to_us:
        return Direction.INTERNAL if from_us else Direction.IN
    return Direction.OUT


def _start(row: Row) -> datetime | PrintedTime:
    start = _moment(row, "start")
    if start is None:
        raise BadCell("bad_start", "the record has neither start_epoch nor start_stamp")
    return start


def _moment(row: Row, name: str) -> datetime | PrintedTime | None:
    """An instant where the record has its epoch, else the local time printed."""
    epoch, stamp = row[f"{name}_epoch"], row[f"{name}_stamp"]
    if epoch not in ("", "0"):
        return epoch_time(epoch, f"{name}_epoch")
    return printed_time(stamp, f"{name}_stamp") if stamp else None


def _extras(row: Row, total_s: int | None, called_real: str) -> dict[str, object]:
    answer, end = _moment(row, "answer"), _moment(row, "end")
    known: dict[str, object] = {
        "answer": iso(answer) if answer else None,
        "end": iso(end) if end else None,
        "total_s": total_s,
        "context": row["context"],
        "disposition": row["hangup_cause"],
        "status": _CAUSES.get(row["hangup_cause"]),
        "uuid": row["uuid"],
        "other_leg": row.text("bleg_uuid", "bridge_uuid"),
        "called_real": called_real,
        "sip_end": row.text("sip_hangup_disposition"),
        "no_detail": row.no_detail or None,
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


# --- documents -------------------------------------------------------------------------------------------------------


def values_of_json(document: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a mod_json_cdr document, and its call flow."""
    variables = document.get("variables")
    flows = document.get("callflow")
    flows = [flows] if isinstance(flows, dict) else flows  # older versions print one
    profiles = [
        (text_at(flow, "profile_index") or "", {name: text_at(profile, name) or "" for name in profile})
        for flow in (flows if isinstance(flows, list) else [])
        if isinstance(flow, dict) and isinstance(profile := flow.get("caller_profile"), dict)
    ]
    found = variables if isinstance(variables, dict) else {}
    return _values({name: text_at(found, name) or "" for name in found}, profiles)


def values_of_xml(root: Xml.Element) -> dict[str, str]:
    """The variables of a mod_xml_cdr document, and its call flow."""
    variables = {element.tag: element.text or "" for element in root.iterfind("variables/*")}
    profiles = [
        (
            flow.get("profile_index", ""),
            {element.tag: element.text or "" for element in flow.iterfind("caller_profile/*")},
        )
        for flow in root.iterfind("callflow")
    ]
    return _values(variables, profiles)


def _values(variables: Mapping[str, str], profiles: Sequence[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """Values are URL-encoded. The flow is printed last profile first: profile 1 is what was dialled."""
    found = {name: unquote(text).strip() for name, text in variables.items()}
    ordered = sorted(profiles, key=lambda profile: int(profile[0]) if profile[0].isdecimal() else 0)
    if ordered:
        first, last = ordered[0][1], ordered[-1][1]
        for name in ("caller_id_name", "caller_id_number", "destination_number", "context"):
            found[name] = unquote(first.get(name, "")).strip() or found.get(name, "")
        found["reached_number"] = unquote(last.get("destination_number", "")).strip()
    found.setdefault("caller_id_number", found.get("sip_from_user", ""))
    found.setdefault("destination_number", found.get("sip_req_user") or found.get("sip_to_user", ""))
    return found
