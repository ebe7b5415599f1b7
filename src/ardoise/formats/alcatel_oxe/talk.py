"""The dialogue of the real-time link (TCP 2533): the PBX is the server, one collector at a time.

    collector  00 01 53             hello
    PBX        00 01, then 50       the role of this CPU: P = main; any other is a stand-by, the main is elsewhere
    collector  00 02 00 00          go on
    PBX        03 04 + 772 bytes    a message: ticket, management, VoIP quality, or empty
    PBX        00 08 TEST_REQ       keepalive
    collector  00 08 TEST_RSP

There is no acknowledgement of a ticket. The answer to the keepalive is given only once everything before it is on the
disk: a collector that cannot write falls silent, and the PBX keeps its tickets.
"""

from __future__ import annotations

from ardoise.formats.alcatel_oxe.layout import (
    ALIVE,
    ALIVE_TOO,
    EMPTY,
    GO_ON,
    HELLO,
    KIND_BYTES,
    MAIN,
    MESSAGE_BYTES,
    ROLE,
    TICKET,
)
from ardoise.formats.spec import Refused, Turn

HANDSHAKE_S = 15
FIRST_WORD_S = 180  # a system with a single CPU begins to send after one to two minutes
DEAD_S = 31


class OxeConversation:
    """Our side."""

    def __init__(self) -> None:
        self.established = False
        self._heard = False  # a message or a keepalive came
        self._held = b""  # the beginning of something that is not all there
        self._left = 0  # bytes of the message under way
        self._keeps = False  # whether that message is one to journal

    def opened(self) -> bytes:
        return HELLO

    def received(self, data: bytes) -> Turn:
        self._held += data
        send, note = b"", ""
        if not self.established:
            if not self._is_main():
                return Turn()
            send, note = GO_ON, "The call server answers as main: tickets may come"
        tickets, alive = self._messages()
        return Turn(tickets=tickets, send=send, send_once_written=ALIVE_TOO * alive, note=note)

    def silence(self) -> tuple[int, str] | None:
        if not self.established:
            return HANDSHAKE_S, "no answer to the handshake: is Real Time Tickets Output = Ethernet in the PBX?"
        if not self._heard:
            return FIRST_WORD_S, "the PBX accepted us and never sent anything, not even a keepalive"
        return DEAD_S, f"no keepalive for {DEAD_S} s: the link is dead, or the other CPU took over"

    def ended(self) -> str:
        return ""

    def _is_main(self) -> bool:
        """False until the role has come. Raises Refused."""
        if not self._held.startswith(ROLE[: len(self._held)]):
            raise Refused(
                f"what answers is no OXE accounting server (it sent {self._held[:8].hex(' ')}): check the port"
            )
        if len(self._held) <= len(ROLE):
            return False
        role = self._held[len(ROLE) : len(ROLE) + 1]
        if role != MAIN:
            raise Refused(f"this CPU is not the main one (role {role.hex()}): the tickets are on the other address")
        self._held = self._held[len(ROLE) + 1 :]
        self.established = True
        return True

    def _messages(self) -> tuple[bytes, int]:
        """The bytes of messages that can be told by now, and how many keepalives stood between them."""
        tickets: list[bytes] = []
        alive = 0
        while self._held:
            if self._left:
                piece, self._held = self._held[: self._left], self._held[self._left :]
                self._left -= len(piece)
                if self._keeps:
                    tickets.append(piece)
            elif self._held.startswith(TICKET):
                if len(self._held) < len(TICKET) + KIND_BYTES:
                    break
                self._left = MESSAGE_BYTES
                self._keeps = self._held[len(TICKET) : len(TICKET) + KIND_BYTES] != EMPTY
            elif self._held.startswith(ALIVE):
                self._held = self._held[len(ALIVE) :]
                alive += 1
            elif TICKET.startswith(self._held) or ALIVE.startswith(self._held):
                break
            else:
                tickets.append(self._unknown())
            self._heard = True
        return b"".join(tickets), alive

    def _unknown(self) -> bytes:
        """What is neither goes to the journal, and to quarantine, up to the next thing that is known."""
        places = [place for known in (TICKET, ALIVE) if (place := self._held.find(known, 1)) > 0]
        end = min(places, default=len(self._held))
        piece, self._held = self._held[:end], self._held[end:]
        return piece


class OxePbx:
    """The PBX's side, of either role."""

    def __init__(self, role: bytes = MAIN) -> None:
        self.established = False
        self._role = role
        self._held = b""

    def opened(self) -> bytes:
        return b""

    def received(self, data: bytes) -> bytes:
        self._held += data
        answer = b""
        if self._take(HELLO):
            answer = ROLE + self._role
        if not self.established and self._take(GO_ON):
            self.established = True
        while self._take(ALIVE_TOO):
            pass
        if not any(known.startswith(self._held) for known in (HELLO, GO_ON, ALIVE_TOO)):
            raise Refused(f"the collector sent {self._held[:10].hex(' ')}, which is no word of this dialogue")
        return answer

    def idle(self) -> bytes:
        return ALIVE if self.established else b""

    def _take(self, word: bytes) -> bool:
        if not self._held.startswith(word):
            return False
        self._held = self._held[len(word) :]
        return True
