"""The canonical JSON of a document: what is frozen at issue, hashed, and read back exactly (no float anywhere)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache

from ardoise.core.documents import Document

Json = dict[str, object]


def to_json(document: Document) -> Json:
    """A document as JSON values: amounts stay integers, exact decimals and dates become text."""
    plain = _encode(document)
    assert isinstance(plain, dict)
    return plain


def from_json(content: Json) -> Document:
    """The document that `to_json` wrote; a missing field takes the default of today's definition."""
    document = _decode(Document, content)
    assert isinstance(document, Document)
    return document


def digest(content: Json) -> str:
    """SHA-256 of the canonical form: sorted keys, no blanks, UTF-8."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _encode(value: object) -> object:
    kind: type = type(value)
    return value if kind in _PLAIN else _encoder(kind)(value)


_PLAIN = frozenset({str, int, bool, type(None)})


@cache
def _encoder(kind: type) -> Callable[[typing.Any], object]:
    """How values of a type are written: asked once a type, a document has a thousand values of ten types."""
    if dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
        return lambda value: {name: _encode(getattr(value, name)) for name in names}
    for parent, encode in _ENCODERS.items():
        if issubclass(kind, parent):
            return encode
    raise TypeError(f"{kind.__name__} has no canonical form")


_ENCODERS: dict[type, Callable[[typing.Any], object]] = {
    Enum: lambda value: value.value,
    tuple: lambda value: [_encode(item) for item in value],
    Decimal: lambda value: format(value, "f"),
    date: lambda value: value.isoformat(),
}


def _decode(kind: typing.Any, value: object) -> object:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        (kind,) = (option for option in typing.get_args(kind) if option is not types.NoneType)
        return None if value is None else _decode(kind, value)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), typing.cast("list[object]", value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        present = typing.cast(Json, value)
        return kind(**{name: _decode(hints[name], item) for name, item in present.items()})
    if kind is date:
        return date.fromisoformat(str(value))
    if isinstance(kind, type) and issubclass(kind, (Decimal, Enum)):
        return kind(str(value))
    return value


def _decode_tuple(kinds: tuple[typing.Any, ...], values: list[object]) -> tuple[object, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], value) for value in values)
    return tuple(_decode(kind, value) for kind, value in zip(kinds, values, strict=True))
