"""What a reader may see: a required argument of every query on business data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

_Row = TypeVar("_Row", bound="Model")


@dataclass(frozen=True, slots=True)
class Scope:
    """The issuers whose data may be read; None = all."""

    issuer_codes: frozenset[str] | None = None

    def within(self, found: QuerySet[_Row], issuer_code: str) -> QuerySet[_Row]:
        """The rows that may be read; `issuer_code` is the path to their issuer's code ("account__issuer__code")."""
        return found if self.issuer_codes is None else found.filter(**{f"{issuer_code}__in": self.issuer_codes})


EVERYTHING = Scope()
