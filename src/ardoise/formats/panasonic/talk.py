"""The log-in of a Panasonic PBX (TCP 2300): it is the server, one collector at a time.

    collector  SMDR <CR><LF>
    PBX        Enter Password:
    collector  PCCSMDR <CR><LF>     (the factory's; not echoed)
    PBX        tickets, as calls end

A wrong password is asked for again. There is no acknowledgement.
"""

from __future__ import annotations

from dataclasses import replace

from ardoise.formats.spec import Refused, Turn

WORD, FACTORY_PASSWORD = b"SMDR", "PCCSMDR"
PROMPT = b"enter password:"
PROMPT_S = 15
LONGEST_GREETING_BYTES = 4096
TRIES = 3


class PanasonicConversation:
    """Our side. `established` once something else than the prompt follows the password."""

    def __init__(self, password: str) -> None:
        self.established = False
        self._password = password or FACTORY_PASSWORD
        self._asked = False
        self._held = b""

    def opened(self) -> bytes:
        return WORD + b"\r\n"

    def received(self, data: bytes) -> Turn:
        if self.established:
            return Turn(tickets=data)
        self._held += data
        if self._asked:
            return self._let_in()
        return self._prompted()

    def silence(self) -> tuple[int, str] | None:
        if self._asked:
            return None  # no call, no ticket: TCP keepalive tells whether it is still there
        return PROMPT_S, "the PBX does not ask for a password: is this its SMDR port (2300), or should login be no?"

    def ended(self) -> str:
        if self._asked and not self.established:
            return "the PBX hung up after the password: is it the right one?"
        return ""

    def _prompted(self) -> Turn:
        at = self._held.lower().find(PROMPT)
        if at < 0:
            if len(self._held) > LONGEST_GREETING_BYTES:
                raise Refused("what answers never asks for a password: is this the SMDR port (2300) of the PBX?")
            return Turn()
        self._held = self._held[at + len(PROMPT) :]
        self._asked = True
        return replace(self._let_in(), send=self._password.encode("latin-1", "replace") + b"\r\n")

    def _let_in(self) -> Turn:
        said = self._held.lstrip(b"\r\n ").lower()
        if said.startswith(PROMPT):
            raise Refused("the PBX refuses the password: set the one of its SMDR port in the link of this source")
        if PROMPT.startswith(said):
            return Turn()  # nothing yet, or the beginning of the prompt
        self.established = True
        tickets, self._held = self._held.lstrip(b"\r\n "), b""
        return Turn(tickets=tickets, note="Logged in")


class NoConversation:
    """A serial line brought to TCP by a box: nothing is asked."""

    established = True

    def opened(self) -> bytes:
        return b""

    def received(self, data: bytes) -> Turn:
        return Turn(tickets=data)

    def silence(self) -> tuple[int, str] | None:
        return None

    def ended(self) -> str:
        return ""


class PanasonicPbx:
    """The PBX's side."""

    def __init__(self, password: str) -> None:
        self.established = False
        self._password = (password or FACTORY_PASSWORD).encode("latin-1", "replace")
        self._tries = 0
        self._asked = False
        self._held = b""

    def opened(self) -> bytes:
        return b"-"

    def received(self, data: bytes) -> bytes:
        self._held += data
        answer = b""
        while not self.established and b"\n" in self._held:
            line, _, self._held = self._held.partition(b"\n")
            answer += self._line(line.strip())
        return answer

    def idle(self) -> bytes:
        return b""

    def _line(self, line: bytes) -> bytes:
        if not self._asked:
            self._asked = line.upper() == WORD
            return line + (b"\r\nEnter Password:" if self._asked else b"\r\n-")
        if line == self._password:
            self.established = True
            return b"\r\n"
        self._tries += 1
        if self._tries == TRIES:
            raise Refused("three wrong passwords")
        return b"\r\nEnter Password:"
