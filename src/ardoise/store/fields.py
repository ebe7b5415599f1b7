"""Database fields that keep an exact decimal: SQLite would turn Django's DecimalField into a binary float."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from ardoise.core.money import NotAnAmount, parse_price

if TYPE_CHECKING:
    _Text = models.CharField["str | Decimal", Decimal]
    _OptionalText = models.CharField["str | Decimal | None", "Decimal | None"]
else:
    _Text = _OptionalText = models.CharField


class _Exact:
    """An exact decimal stored as its text ("0.0250"): any number of decimals, never rounded, never a float."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 40)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Decimal | None:
        return Decimal(value) if value not in (None, "") else None

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "" or isinstance(value, Decimal):
            return value if isinstance(value, Decimal) else None
        if isinstance(value, float):
            raise ValidationError("A float is not an exact amount; give text or a Decimal.")
        try:
            return parse_price(str(value))
        except NotAnAmount as error:
            raise ValidationError(str(error)) from error

    def get_prep_value(self, value: Any) -> str | None:
        value = self.to_python(value)
        return None if value is None else format(value, "f")


class ExactDecimalField(_Exact, _Text):
    """A price that is always given."""


class OptionalExactDecimalField(_Exact, _OptionalText):
    """A price that may be missing (NULL): the product's own then holds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True})
