"""Reading the records of a TAP file: the batch around them, and each chargeable event.

Tags and meanings: GSMA TD.57, release 12 (specification version 3). Amounts are integers over 10 to the power of the
TAP decimal places, in SDR unless the file names its TAP currency; times are local with a code for their offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable, UsageKind
from ardoise.core.wording import counted
from ardoise.formats.spec import BadOption
from ardoise.formats.tap3.ber import Element, Incomplete, NotBer, Parts, bcd, element_at, header_at, integer, text
from ardoise.formats.tap3.framing import END_OF_CONTENTS, EVENTS, NOTIFICATION, is_container, is_event

BATCH_CONTROL, ACCOUNTING, NETWORK, AUDIT = 4, 5, 6, 15
LOCAL_TIME, OFFSET_CODE, OFFSET, OFFSET_INFO = 16, 232, 231, 233
CALL_START, SERVICE_START, CHARGING_TIME, DEPOSIT_TIME = 44, 447, 74, 88
DURATION, CAUSE = 223, 58
IMSI, MSISDN = 129, 152
CALLED, DIALLED, SMS_TO, CALLING, SMS_FROM, OTHER_PARTY, OTHER_NUMBER = 407, 279, 419, 405, 425, 444, 402
TELE_SERVICE, VOLUME_IN, VOLUME_OUT, ACCESS_POINT = 218, 250, 251, 261
CHARGE_INFORMATION, SESSION_CHARGE, CHARGE_DETAIL = 69, 449, 63
CHARGE_TYPE, CHARGE, CHARGEABLE, CHARGED, RATE_CODE = 71, 62, 65, 68, 105
SENDER, RECIPIENT, SEQUENCE, FILE_TYPE, RELEASE = 196, 182, 109, 110, 189
LOCAL_CURRENCY, TAP_CURRENCY, DECIMALS, CONVERSION, RATE, RATE_DECIMALS = 135, 210, 244, 106, 104, 159
TOTAL_CHARGE, EVENT_COUNT = 415, 43

SMS_SERVICES = {"21": Direction.IN, "22": Direction.OUT}
_TOTAL = "00"  # the charge to pay; other types are its parts
_SDR = "XDR"
_LOCAL_TIME = re.compile(r"\d{14}", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})", re.ASCII)
_NUMBERS = {MSISDN, CALLED, CALLING, OTHER_PARTY}  # half a byte a digit
_TEXT_NUMBERS = {DIALLED, SMS_TO, SMS_FROM, OTHER_NUMBER}


@dataclass(slots=True)
class _Batch:
    """What the records of a file share."""

    sender: str = ""
    recipient: str = ""
    sequence: str = ""
    is_test: bool = False
    currency: str = ""
    tap_currency: str = _SDR
    decimals: int | None = None
    offsets: dict[int, str] = field(default_factory=dict)
    rates: dict[int, Decimal] = field(default_factory=dict)
    events: int = 0
    total: Decimal = Decimal(0)


class TapReader:
    """Reads one file in order. Remembers its batch: offsets, decimals and rates are said once, before the events."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._price_of_sdr = _price_of_sdr(options["sdr_price"])
        self._currency = options["currency"]
        self._batch = _Batch()

    def __call__(self, record: bytes) -> Reading:
        try:
            return self._read(record)
        except Incomplete:
            return Unreadable("cut", f"{len(record)} bytes that end in the middle of an element: fetch the file again")
        except NotBer as problem:
            return Unreadable("garbage", f"not a TAP file: {problem}")

    def _read(self, record: bytes) -> Reading:
        if not record.strip(b"\x00\r\n \x1a"):
            return Event("noise", "")
        header = header_at(record, 0, len(record))
        if is_event(header):
            return self._event(element_at(record, 0).parts(), EVENTS[header.tag])
        if header.tag_class == 1 and header.tag == NOTIFICATION:
            self._control(element_at(record, 0).parts())
            return Event("header", f"{self._names()}: notification, no calls", self._facts())
        parts = {part.tag: part for part in _parts(record)}
        if AUDIT in parts:
            return self._audit(parts[AUDIT].parts())
        if BATCH_CONTROL not in parts:
            raise NotBer(f"tag {header.tag} stands where a batch, an event or its audit is expected")
        self._batch = _Batch()
        self._control(parts[BATCH_CONTROL].parts())
        if ACCOUNTING in parts:
            self._accounting(parts[ACCOUNTING].parts())
        if NETWORK in parts:
            self._network(parts[NETWORK].parts())
        return Event("header", self._names(), self._facts())

    # --- the batch

    def _control(self, part: Parts) -> None:
        batch = self._batch
        batch.sender, batch.recipient = _text(part, SENDER), _text(part, RECIPIENT)
        batch.sequence = _text(part, SEQUENCE)
        batch.is_test = _text(part, FILE_TYPE) == "T"

    def _accounting(self, part: Parts) -> None:
        batch = self._batch
        batch.currency = _text(part, LOCAL_CURRENCY)
        batch.tap_currency = _text(part, TAP_CURRENCY) or _SDR
        batch.decimals = _integer(part, DECIMALS)
        for conversion in (one.parts() for one in part.get(CONVERSION, ())):
            code, rate = _integer(conversion, RATE_CODE), _integer(conversion, RATE)
            if code is not None and rate is not None:
                batch.rates[code] = _scaled(rate, _integer(conversion, RATE_DECIMALS) or 0)

    def _network(self, part: Parts) -> None:
        for offset in (one.parts() for one in part.get(OFFSET_INFO, ())):
            code = _integer(offset, OFFSET_CODE)
            if code is not None:
                self._batch.offsets[code] = _text(offset, OFFSET)

    def _names(self) -> str:
        batch = self._batch
        return f"TAP {batch.sender} -> {batch.recipient}, file {batch.sequence}{' (test)' if batch.is_test else ''}"

    def _facts(self) -> dict[str, object]:
        batch = self._batch
        facts = {
            "sender": batch.sender,
            "recipient": batch.recipient,
            "sequence": batch.sequence,
            "local_currency": batch.currency,
            "tap_decimals": batch.decimals,
            "test": batch.is_test or None,
        }
        return {name: value for name, value in facts.items() if value not in (None, "")}

    def _audit(self, part: Parts) -> Event:
        """The sender's own count and total: a difference means that the file is damaged or misread."""
        batch = self._batch
        count, total = _integer(part, EVENT_COUNT), _integer(part, TOTAL_CHARGE)
        said = None if total is None else _scaled(total, batch.decimals or 0)
        facts: dict[str, object] = {"records": count, "total_charge": said}
        facts = {name: value for name, value in facts.items() if value is not None}
        if count not in (None, batch.events) or said not in (None, batch.total):
            read = f"{counted(batch.events, 'event')} and {batch.total}"
            return Event("alarm", f"{self._names()}: {read} were read, its end says {count} and {said}", facts)
        return Event("event", f"{self._names()}: {counted(batch.events, 'event')}, {batch.total}", facts)

    # --- one event

    def _event(self, event: Parts, name: str) -> Reading:
        batch = self._batch
        charges = _Charges.of(event, batch)
        batch.events += 1
        batch.total += charges.amount
        if batch.is_test:
            return Event("event", f"{self._names()}: test data, not a call")
        if batch.decimals is None and charges.printed:
            return Unreadable("no_header", "an event without the batch it belongs to: its decimals are not known")
        start = self._start(event)
        if isinstance(start, Unreadable):
            return start
        service = _text(event, TELE_SERVICE)
        direction = SMS_SERVICES.get(service) or (Direction.IN if name == "mobile_terminated" else Direction.OUT)
        kind, units = _quantity(event, name, service)
        numbers = _Numbers.of(event, direction, kind)
        duration_s = _integer(event, DURATION) or 0
        priced = self._price_of_sdr is not None and charges.printed and batch.tap_currency == _SDR
        return Leg(
            start=start,
            duration_s=duration_s if kind in (UsageKind.CALL, UsageKind.DATA) else 0,
            ring_s=None,
            calling=numbers.calling,
            called=numbers.called,
            dialled=numbers.dialled,
            direction=direction,
            extension=None,
            trunk=None,
            answered=duration_s > 0 if kind is UsageKind.CALL else True,
            operator_price=charges.amount * self._price_of_sdr if priced and self._price_of_sdr is not None else None,
            currency=self._currency if priced else None,
            kind=kind,
            units=units,
            origin=f"@{batch.sender}" if batch.sender else "",
            extras=_extras(event, name, service, charges, numbers, batch),
        )

    def _start(self, event: Parts) -> datetime | Unreadable:
        found = next(
            (event[tag][0] for tag in (CALL_START, SERVICE_START, DEPOSIT_TIME, CHARGING_TIME) if tag in event), None
        )
        if found is None:
            return Unreadable("bad_start", "an event without a start")
        stamp = found.parts()
        local, code = _text(stamp, LOCAL_TIME), _integer(stamp, OFFSET_CODE)
        offset = _OFFSET.fullmatch(self._batch.offsets.get(code, "") if code is not None else "")
        if offset is None:
            return Unreadable("no_header", f"the offset of code {code} is not in the batch: the time is not known")
        minutes = int(offset[2]) * 60 + int(offset[3])
        try:
            if not _LOCAL_TIME.fullmatch(local):
                raise ValueError(local)
            at = datetime.strptime(local, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return at - timedelta(minutes=minutes if offset[1] == "+" else -minutes)
        except (ValueError, OverflowError):
            return Unreadable("impossible_date", f"{local!r} is no date and time")


@dataclass(frozen=True, slots=True)
class _Charges:
    """What the visited network asks for one event."""

    amount: Decimal = Decimal(0)  # in the TAP currency
    printed: bool = False
    chargeable: int | None = None
    charged: int | None = None
    rate: Decimal | None = None

    @classmethod
    def of(cls, event: Parts, batch: _Batch) -> _Charges:
        amount, chargeable, charged, rates = 0, [], [], []
        informations = [*event.get(CHARGE_INFORMATION, ()), *event.get(SESSION_CHARGE, ())]
        for information in (one.parts() for one in informations):
            details = [one.parts() for one in information.get(CHARGE_DETAIL, ())]
            totals = [detail for detail in details if _text(detail, CHARGE_TYPE) == _TOTAL] or details
            amount += sum(_integer(detail, CHARGE) or 0 for detail in totals)
            chargeable += [units for detail in totals if (units := _integer(detail, CHARGEABLE)) is not None]
            charged += [units for detail in totals if (units := _integer(detail, CHARGED)) is not None]
            rates += [batch.rates[code] for code in [_integer(information, RATE_CODE)] if code in batch.rates]
        if not informations:  # a message carries its charge itself
            amount = _integer(event, CHARGE) or 0
        printed = bool(informations) or CHARGE in event
        return cls(
            amount=_scaled(amount, batch.decimals or 0),
            printed=printed,
            chargeable=sum(chargeable) if chargeable else None,
            charged=sum(charged) if charged else None,
            rate=rates[0] if rates else None,
        )


@dataclass(frozen=True, slots=True)
class _Numbers:
    calling: str | None
    called: str | None
    dialled: str | None
    msisdn: str | None
    blanked: bool

    @classmethod
    def of(cls, event: Parts, direction: Direction, kind: UsageKind) -> _Numbers:
        own = _digits(event, MSISDN)
        if direction is Direction.IN:
            other = _digits(event, CALLING) or _plain(event, SMS_FROM) or _other(event)
            calling, called, dialled = other, own, None
        elif kind is UsageKind.DATA:
            calling, called, dialled = own, _text(event, ACCESS_POINT) or None, None
        else:
            # the called number of a message is its centre: who it goes to is said apart
            called = _plain(event, SMS_TO) or _digits(event, CALLED) or _other(event)
            calling, dialled = own, _plain(event, DIALLED)
        return cls(calling, called, dialled, own, blanked=any(_is_blank(part) for part in _numbers(event)))


def _other(event: Parts) -> str | None:
    return _digits(event, OTHER_PARTY) or _plain(event, OTHER_NUMBER)


def _quantity(event: Parts, name: str, service: str) -> tuple[UsageKind, int]:
    if name == "data_session":
        return UsageKind.DATA, sum(integer(part) for tag in (VOLUME_IN, VOLUME_OUT) for part in event.get(tag, ()))
    if service in SMS_SERVICES or name == "service_centre":
        return UsageKind.SMS, 1
    if name in ("mobile_originated", "mobile_terminated"):
        return UsageKind.CALL, 0
    return UsageKind.EVENT, 1


def _extras(
    event: Parts, name: str, service: str, charges: _Charges, numbers: _Numbers, batch: _Batch
) -> dict[str, object]:
    charge_name = "charge_sdr" if batch.tap_currency == _SDR else "charge_tap"
    extras: dict[str, object] = {
        "event": name,
        "imsi": _digits(event, IMSI),
        "msisdn": numbers.msisdn,
        charge_name: charges.amount if charges.printed else None,
        "tap_currency": None if batch.tap_currency == _SDR else batch.tap_currency,
        "chargeable_units": charges.chargeable,
        "charged_units": charges.charged,
        "exchange_rate": charges.rate,
        "local_currency": batch.currency or None,
        "tele_service": service or None,
        "cause": _integer(event, CAUSE),
        "visited": batch.sender or None,
        "no_detail": numbers.blanked or None,
    }
    return {key: value for key, value in extras.items() if value is not None}


# --- small readings -------------------------------------------------------------------------------------------------


def _parts(record: bytes) -> Iterator[Element]:
    """The elements of a record that is no event, those inside the containers it opens."""
    at = 0
    while at < len(record):
        if record[at : at + 2] == END_OF_CONTENTS:
            at += 2
            continue
        header = header_at(record, at, len(record))
        if is_container(header):
            at = header.content
            continue
        part = element_at(record, at)
        yield part
        at = part.end


def _text(parts: Parts, tag: int) -> str:
    found = parts.get(tag)
    return text(found[0]) if found else ""


def _integer(parts: Parts, tag: int) -> int | None:
    found = parts.get(tag)
    return integer(found[0]) if found else None


def _digits(parts: Parts, tag: int) -> str | None:
    found = parts.get(tag)
    return (bcd(found[0]) or None) if found else None


def _plain(parts: Parts, tag: int) -> str | None:
    found = _text(parts, tag)
    return found if found and "x" not in found else None


def _scaled(amount: int, decimals: int) -> Decimal:
    return Decimal(amount).scaleb(-min(max(decimals, 0), 12))


def _price_of_sdr(said: str) -> Decimal | None:
    if not said:
        return None
    try:
        price = Decimal(said)
    except InvalidOperation:
        price = Decimal(0)
    if not price.is_finite() or price <= 0:
        raise BadOption(f"tap3, option sdr_price: {said!r} is not a price; write for instance 1.2345.")
    return price


# --- blanking -------------------------------------------------------------------------------------------------------


def _numbers(event: Parts) -> Iterator[Element]:
    """The elements that hold numbers of people."""
    for tag in sorted(_NUMBERS | _TEXT_NUMBERS):
        yield from event.get(tag, ())


def _is_blank(number: Element) -> bool:
    if number.tag in _TEXT_NUMBERS:
        return "x" in text(number)
    return bool(number.value) and not bcd(number)


def redact_event(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`: digits of half a byte become fillers (F), characters an "x". The subscriber stays."""
    if not protected:
        return record
    try:
        if not is_event(header_at(record, 0, len(record))):
            return record  # no numbers of people stand in the batch
        event = element_at(record, 0).parts()
        subscribers = {number for number in (_digits(event, MSISDN), _digits(event, IMSI)) if number}
        if not any(_same_line(number, own) for number in protected for own in subscribers):
            return record
        blanked = bytearray(record)
        for number in _numbers(event):
            if number.tag != MSISDN:
                is_text = number.tag in _TEXT_NUMBERS
                filler = b"x" if is_text else b"\xff"
                blanked[number.content : number.content_end] = filler * (number.content_end - number.content)
        return bytes(blanked)
    except (Incomplete, NotBer):
        return record  # no event that anybody can read: it holds no number that a reader would show


def _same_line(protected: str, own: str) -> bool:
    """0612345678, +33612345678 and 33612345678 name one line."""
    digits = protected.lstrip("+0")
    return len(digits) >= 6 and own.endswith(digits)
