"""TAP files for the tests, encoded here and not by the product (tags: TD.57 release 12)."""

from __future__ import annotations

from collections.abc import Sequence


def tlv(tag: int, *content: bytes, indefinite: bool = False, constructed: bool = True) -> bytes:
    """One element of class APPLICATION."""
    body = b"".join(content)
    first = 0x40 | (0x20 if constructed else 0)
    if tag < 31:
        head = bytes([first | tag])
    elif tag < 128:
        head = bytes([first | 31, tag])
    else:
        head = bytes([first | 31, 0x80 | tag >> 7, tag & 0x7F])
    if indefinite:
        return head + b"\x80" + body + b"\x00\x00"
    if len(body) < 128:
        return head + bytes([len(body)]) + body
    return head + b"\x82" + len(body).to_bytes(2, "big") + body


def number(tag: int, value: int) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True), constructed=False)


def string(tag: int, text: str) -> bytes:
    return tlv(tag, text.encode(), constructed=False)


def digits(tag: int, text: str) -> bytes:
    """Half a byte a digit, filled with F."""
    return tlv(tag, bytes.fromhex(text + "f" * (len(text) % 2)), constructed=False)


def charges(amount: int, *, units: int = 97, kind: str = "D", tag: int = 69) -> bytes:
    """One charge information: a part of type 01 and the total of type 00."""
    part = tlv(63, string(71, "01"), number(62, amount - 1))
    total = tlv(63, string(71, "00"), number(62, amount), number(65, units), number(68, units))
    return tlv(tag, string(66, kind), number(105, 1), tlv(64, part, total))


def stamp(tag: int, local: str, code: int = 1) -> bytes:
    return tlv(tag, string(16, local), number(232, code))


def subscriber(msisdn: str) -> bytes:
    return tlv(427, tlv(199, digits(129, "208011234567890"), digits(152, msisdn)))


def mo_call(
    *,
    msisdn: str = "33198765432",
    called: str = "33612345678",
    local: str = "20261005101233",
    duration_s: int = 61,
    amount: int = 50_474,
    service: str = "11",
    dialled: str = "",
    sms_to: str = "",
    code: int = 1,
    indefinite: bool = False,
) -> bytes:
    extra = (string(279, dialled) if dialled else b"") + (string(419, sms_to) if sms_to else b"")
    basic = tlv(
        147,
        subscriber(msisdn),
        tlv(89, digits(407, called), extra),
        stamp(44, local, code),
        number(223, duration_s),
        indefinite=indefinite,
    )
    used = tlv(38, tlv(39, tlv(36, tlv(426, string(218, service))), tlv(70, charges(amount, units=duration_s))))
    return tlv(9, basic, tlv(138, tlv(156, number(184, 1))), used, indefinite=indefinite)


def mt_call(
    *, msisdn: str = "33198765432", calling: str = "33145678901", service: str = "11", sms_from: str = ""
) -> bytes:
    origin = tlv(41, digits(405, calling) if calling else b"", string(425, sms_from) if sms_from else b"")
    basic = tlv(153, subscriber(msisdn), origin, stamp(44, "20261005101233"), number(223, 61))
    used = tlv(38, tlv(39, tlv(36, tlv(426, string(218, service))), tlv(70, charges(20_000))))
    return tlv(10, basic, used)


def data_session(*, volume_in: int = 1_000_000, volume_out: int = 24_000) -> bytes:
    basic = tlv(
        114,
        tlv(115, subscriber("33198765432")),
        tlv(116, string(261, "internet")),
        stamp(44, "20261005101233"),
        number(223, 3600),
    )
    used = tlv(121, number(250, volume_in), number(251, volume_out), tlv(70, charges(100_000, kind="X")))
    return tlv(14, basic, used)


def tap_file(
    events: Sequence[bytes],
    *,
    total: int,
    sequence: str = "00178",
    test: bool = False,
    count: int | None = None,
    currency: str = "",
    indefinite: bool = False,
) -> bytes:
    control = tlv(
        4,
        string(196, "MDGTM"),
        string(182, "FRAZZ"),
        string(109, sequence),
        number(201, 3),
        number(189, 12),
        string(110, "T") if test else b"",
    )
    conversion = tlv(80, tlv(106, number(105, 1), number(159, 5), number(104, 152_549)))
    accounting = tlv(5, string(135, "MGA"), string(210, currency) if currency else b"", conversion, number(244, 5))
    network = tlv(6, tlv(234, tlv(233, number(232, 1), string(231, "+0300"))))
    audit = tlv(15, number(415, total), number(226, 0), number(43, len(events) if count is None else count))
    details = tlv(3, *events, indefinite=indefinite)
    return tlv(1, control, accounting, network, details, audit, indefinite=indefinite)
