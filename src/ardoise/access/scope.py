"""What a reader may see: a required argument of every query on business data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The issuers whose data may be read; None = all."""

    issuer_codes: frozenset[str] | None = None


EVERYTHING = Scope()
