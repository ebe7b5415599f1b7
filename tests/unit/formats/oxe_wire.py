"""Messages of an OXE, built by the columns of its manual (1-based): not with the product's own table."""

from __future__ import annotations

COLUMNS = {
    "TicketVersion": (1, 5),
    "CalledNumber": (6, 35),
    "ChargedNumber": (36, 65),
    "ChargedUserName": (66, 85),
    "ChargedCostCenter": (86, 95),
    "CallingNumber": (137, 166),
    "CallType": (167, 168),
    "EndDateTime": (170, 186),
    "ChargeUnits": (187, 191),
    "Duration": (202, 211),
    "TrunkIdentity": (212, 216),
    "TrunkGroupIdentity": (217, 221),
    "AccessCode": (228, 243),
    "InitialDialledNumber": (396, 425),
    "WaitingDuration": (426, 430),
    "RedirectedCallIndicator": (441, 441),
    "StartDateTime": (442, 458),
    "ActingExtensionNumber": (459, 488),
    "NodeTimeOffset": (514, 519),
}
HELLO, MAIN, GO_ON = b"\x00\x01\x53", b"\x00\x01\x50", b"\x00\x02\x00\x00"
ASKED, ANSWERED = b"\x00\x08TEST_REQ", b"\x00\x08TEST_RSP"


def oxe_text(**fields: str) -> bytes:
    """525 characters, blank where no field is given."""
    text = bytearray(b" " * 525)
    for name, value in ({"TicketVersion": "ED5.2"} | fields).items():
        first, last = COLUMNS[name]
        assert len(value) <= last - first + 1
        text[first - 1 : first - 1 + len(value)] = value.encode("latin-1")
    return bytes(text)


def oxe_message(kind: bytes = b"\x01\x00\x02\x00", **fields: str) -> bytes:
    """A message of the real-time link: 03 04, then 772 bytes."""
    return b"\x03\x04" + (kind + oxe_text(**fields)).ljust(772, b"\x00")
