"""Reading Asterisk call detail records: Master.csv, exports with a header (FreePBX), columns of an administrator.

Columns: Asterisk CDR Specification; `peeraccount, linkedid, sequence` follow when cdr.conf says `newcdrcolumns`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading
from ardoise.formats.asterisk.channels import Channel, Sides, channel_of, is_extension, looks_outside
from ardoise.formats.cells import BadCell, iso, printed_time, seconds, utc_time
from ardoise.formats.columns import Grid, Row, RowReader, names

_MASTER = names(
    "accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,"
    "disposition,amaflags"
)
_NEW = names("peeraccount,linkedid,sequence")
FREEPBX = names(
    "calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,amaflags,"
    "accountcode,uniqueid,userfield,did,recordingfile,cnum,cnam,outbound_cnum,outbound_cnam,dst_cnam,linkedid,"
    "peeraccount,sequence"
)

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_COUNT = re.compile(r"-?\d+", re.ASCII)
_UNIQUE_ID = re.compile(r"(?:[\w.]+-)?\d{9,11}\.\d+", re.ASCII)  # systemname- may stand before it
SHAPES = {
    "start": _TIME,
    "calldate": _TIME,
    "duration": _COUNT,
    "billsec": _COUNT,
    "disposition": re.compile(r"[A-Z][A-Z ]+"),
    "uniqueid": _UNIQUE_ID,
    "linkedid": _UNIQUE_ID,
    "sequence": re.compile(r"\d+", re.ASCII),
}
CDR_NEEDS = frozenset({"src", "dst", "channel", "dstchannel", "billsec", "disposition"})
CEL_NEEDS = frozenset({"eventtype", "eventtime", "uniqueid"})

_ALL = Grid(
    layouts=(),
    numbers=frozenset({"src", "dst", "did", "cnum", "outbound_cnum", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid"}),
    parties=frozenset({"channel", "dstchannel", "clid", "channel_ext", "dstchannel_ext", "channame", "peer", "exten"}),
    kept=frozenset(
        names(
            "start,answer,end,calldate,duration,billsec,disposition,amaflags,uniqueid,linkedid,sequence,dcontext,lastapp,"
            "accountcode,peeraccount,AcctId,eventtype,eventtime,context,appname,service"
        )
    ),
    keep=(_UNIQUE_ID, re.compile(r"-[0-9a-f]{8}(?![0-9a-f])")),
    header_names=frozenset({"uniqueid"}),
    shapes=SHAPES,
)
_LAYOUTS = tuple(
    _ALL.learned(columns)
    for columns in (
        _MASTER,
        [*_MASTER, "uniqueid"],
        [*_MASTER, "userfield"],
        [*_MASTER, "uniqueid", "userfield"],
        [*_MASTER, *_NEW],
        [*_MASTER, "uniqueid", *_NEW],
        [*_MASTER, "userfield", *_NEW],
        [*_MASTER, "uniqueid", "userfield", *_NEW],
        FREEPBX,
    )
)
GRID = replace(_ALL, layouts=_LAYOUTS)

_FAILURES = {"BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed"}
_MAILBOX = frozenset({"VoiceMail"})
_BRIDGES = frozenset({"ConfBridge", "MeetMe", "Conference"})


def row_reader(sides: Sides, *, utc: bool) -> RowReader:
    """Reads rows of call detail records and, where a header or an option names their columns, of channel events."""

    def read(row: Row) -> Reading:
        if "eventtype" in row:
            return _channel_event(row)
        if missing := row.lacks(CDR_NEEDS):
            raise BadCell("header_mismatch", f"the header has no column {', '.join(missing)}")
        if row["lastapp"] == "AppDial" and not row["dst"]:
            return Event("event", row.line)  # the called side of a call, printed with the calling side's record
        return leg_of(row, sides, utc=utc)

    return read


def leg_of(row: Row, sides: Sides, *, utc: bool) -> Leg:
    """A record of an Asterisk, or of a PBX made of one. Raises BadCell."""
    source, target = channel_of(row["channel"]), channel_of(row["dstchannel"])
    direction = sides.direction(source, target, calling=row["src"], called=row["did"] or row["dst"])
    talk_s = seconds(row["billsec"], "billsec")
    answered = row["disposition"] == "ANSWERED" and talk_s > 0
    total_s = seconds(row["duration"], "duration") if row["duration"] else None
    extension = _extension(row, sides, source, target, direction)
    # A call dialled through a Local channel is printed once more with its trunk: only that record is paid for.
    plumbing = direction is Direction.OUT and target is not None and target.is_local
    incoming = direction is Direction.IN
    leg_extras = _extras(row, total_s, _real_called(target, sides, row["dst"]), utc=utc)
    if plumbing and talk_s:
        leg_extras["plumbing_s"] = talk_s
    calling, called, dialled = row.number("src"), row.number("dst"), row.number("did")
    if row.no_detail:
        leg_extras["no_detail"] = True
    return Leg(
        start=_time(row["start"] or row["calldate"], "start", utc=utc),
        duration_s=talk_s if answered and not plumbing else 0,
        ring_s=total_s - talk_s if total_s is not None and total_s >= talk_s else None,
        calling=calling,
        called=called,
        dialled=dialled,
        direction=direction,
        extension=extension,
        trunk=sides.trunk(source) if incoming else sides.trunk(target),
        answered=answered and not plumbing,
        account_code=row.text("accountcode"),
        call_id=row.text("linkedid", "uniqueid"),
        more_segments_follow=target is not None and target.is_local and row["disposition"] == "ANSWERED",
        voicemail=answered and row["lastapp"] in _MAILBOX,
        conference=row["lastapp"] in _BRIDGES,
        extras=leg_extras,
    )


def _extension(
    row: Row, sides: Sides, source: Channel | None, target: Channel | None, direction: Direction
) -> str | None:
    """Who called; of an incoming call, whom it reached."""
    if direction is Direction.IN:
        return sides.extension(target) or row.text("dstchannel_ext")
    if direction is Direction.TRANSFERRED:
        return None
    return sides.extension(source) or (row["src"] if is_extension(row["src"]) else None)


def _real_called(target: Channel | None, sides: Sides, called: str) -> str | None:
    """The extension that rang, where it is not the number called (an IVR, a group, a diversion)."""
    reached = sides.extension(target)
    return reached if reached is not None and reached != called and not looks_outside(reached) else None


def _extras(row: Row, total_s: int | None, called_real: str | None, *, utc: bool) -> dict[str, object]:
    known = {
        "answer": iso(_time(row["answer"], "answer", utc=utc)) if _TIME.fullmatch(row["answer"]) else None,
        "end": iso(_time(row["end"], "end", utc=utc)) if _TIME.fullmatch(row["end"]) else None,
        "total_s": total_s,
        "disposition": row["disposition"],
        "status": _FAILURES.get(row["disposition"]),
        "channel": row["channel"],
        "dstchannel": row["dstchannel"],
        "context": row["dcontext"],
        "uniqueid": row["uniqueid"],
        "userfield": row["userfield"],
        "presented": row.number("outbound_cnum"),
        "called_real": called_real,
        "queue": row["lastdata"].partition(",")[0] if row["lastapp"] == "Queue" else None,
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


def _time(text: str, name: str, *, utc: bool) -> datetime | PrintedTime:
    return utc_time(text, name) if utc else printed_time(text, name)


def _channel_event(row: Row) -> Event:
    """CEL: what happened on a channel. Kept as an event; calls come from the call detail records."""
    known = {"event": row["eventtype"], "at": row["eventtime"], "uniqueid": row["uniqueid"], "call": row["linkedid"]}
    return Event("cel", row.line, {name: text for name, text in known.items() if text})
