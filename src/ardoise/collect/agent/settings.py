"""`agent.toml`: where the agent of a site forwards what it collects, and how each side knows the other.

[central]
address = "collecte.example:7460"
ca = "/etc/ardoise/central.pem"      # or: fingerprint = "3f:a9:..." (SHA-256 of the certificate)

[tokens]
pbx-lyon = "file:/etc/ardoise/pbx-lyon.token"
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ardoise.collect.links import BadLink, read_secret

_KNOWN = {"address", "ca", "fingerprint", "server_name"}


class BadAgentSettings(ValueError):
    """agent.toml is missing or wrong; the message says what to write."""


class WrongCertificate(ConnectionError):
    """The central collector shows another certificate than the one that was pinned."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    host: str
    port: int
    tokens: Mapping[str, str]  # by source: env:NAME or file:PATH
    ca: str = ""
    fingerprint: str = ""  # hexadecimal digits only
    server_name: str = ""

    def token(self, source: str) -> str:
        """Raises BadLink."""
        token = read_secret(f"tokens.{source}", self.tokens[source])
        if not token:
            raise BadLink(f"The token of {source} is empty.")
        return token

    def context(self) -> ssl.SSLContext:
        """The client's side of TLS. A pinned fingerprint stands for the whole check of the certificate.

        Raises OSError (no such file), SSLError (no certificate in it).
        """
        context = ssl.create_default_context(cafile=self.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.fingerprint:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def check(self, certificate: bytes | None) -> None:
        """Compare with the fingerprint, if one is pinned: before a token is sent. Raises WrongCertificate."""
        if not self.fingerprint:
            return
        found = hashlib.sha256(certificate or b"").hexdigest()
        if not hmac.compare_digest(found, self.fingerprint):
            raise WrongCertificate(
                f"{self.host} shows the certificate {found}, not the one pinned in agent.toml: was it renewed, or does "
                "somebody stand in between?"
            )


def read(path: Path) -> AgentSettings:
    """Raises BadAgentSettings."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadAgentSettings(f"{path} does not exist: write it as docs/how-to/agent.md shows.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadAgentSettings(f"{path}: {error}") from error
    central, tokens = said.get("central"), said.get("tokens")
    if not isinstance(central, dict) or not isinstance(tokens, dict) or not tokens or set(said) - {"central", "tokens"}:
        raise BadAgentSettings(f"{path}: it has two tables, [central] and [tokens], with a token for each source.")
    if unknown := set(central) - _KNOWN:
        raise BadAgentSettings(
            f"{path}: [central] has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_KNOWN))}"
        )
    host, _, port = str(central.get("address", "")).rpartition(":")
    if not host or not port.isdecimal():
        raise BadAgentSettings(f'{path}: [central] needs address = "HOST:PORT"')
    for source, token in tokens.items():
        if not str(token).startswith(("env:", "file:")):
            raise BadAgentSettings(f"{path}: the token of {source} must be named, not written: env:NAME or file:PATH")
    fingerprint = str(central.get("fingerprint", "")).removeprefix("sha256:").replace(":", "").lower()
    if fingerprint and (len(fingerprint) != 64 or not all(digit in "0123456789abcdef" for digit in fingerprint)):
        raise BadAgentSettings(f"{path}: fingerprint is the SHA-256 of the certificate, 64 hexadecimal digits")
    return AgentSettings(
        host=host.strip("[]"),
        port=int(port),
        tokens={str(source): str(token) for source, token in tokens.items()},
        ca=str(central.get("ca", "")),
        fingerprint=fingerprint,
        server_name=str(central.get("server_name", "")),
    )
