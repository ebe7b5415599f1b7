"""Registering sources: their settings, not what they send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from ardoise.collect.models import Source
from ardoise.directory import bulk
from ardoise.directory.models import Issuer


@transaction.atomic
def register_sources(*, rows: Sequence[Mapping[str, Any]]) -> None:
    """Create or overwrite sources by code: the fields of `Source`, the issuer by code. Raises UnknownCode."""
    issuers = bulk.ids_by_code(Issuer, (row["issuer"] for row in rows))
    fields = [
        {**{name: value for name, value in row.items() if name != "issuer"}, "issuer_id": issuers[row["issuer"]]}
        for row in rows
    ]
    bulk.put(Source, key=["code"], rows=fields)


def register_source(**fields: Any) -> Source:
    """Create or overwrite one source (see register_sources) and return it."""
    register_sources(rows=[fields])
    return Source.objects.get(code=fields["code"])
