"""One-off charges: what a run must bill for a sale, at once or in dated parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.money import MICROS_PER_MINOR, allocate, micros_to_minor, to_micros
from ardoise.core.periods import Length, add_length
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature

A_MONTH = Length(months=1)


@dataclass(frozen=True, slots=True)
class Purchase:
    """A one-off sale, due on its date; in `instalments` parts, the next ones due every `every` after it."""

    purchase_id: int
    product_code: str
    label: str
    unit_price: Decimal
    quantity: Decimal
    tax_basis: TaxBasis
    nature: Nature
    purchase_date: date
    account_id: int
    line_id: int | None = None
    instalments: int = 1
    every: Length = A_MONTH


@dataclass(frozen=True, slots=True)
class PurchaseCharge:
    """One part of a sale, due on `purchase_date`: the `part`-th of `parts`."""

    origin_id: str  # "purchase:7"; of several parts "purchase:7:1", "purchase:7:2"
    purchase_id: int
    purchase_date: date
    amount_micros: int
    part: int = 1
    parts: int = 1


def purchase_charges(purchase: Purchase) -> list[PurchaseCharge]:
    """Every part of a sale with the day it is due. Parts are whole cents and sum to the price; the last ones take the
    cents that are left over.
    """
    whole_micros = to_micros(Fraction(purchase.unit_price) * Fraction(purchase.quantity))
    if purchase.instalments == 1:
        key = f"purchase:{purchase.purchase_id}"
        return [PurchaseCharge(key, purchase.purchase_id, purchase.purchase_date, whole_micros)]
    parts = [part * MICROS_PER_MINOR for part in allocate(micros_to_minor(whole_micros), [1] * purchase.instalments)]
    parts[-1] += whole_micros - sum(parts)  # what is finer than a cent
    return [
        PurchaseCharge(
            f"purchase:{purchase.purchase_id}:{number}",
            purchase.purchase_id,
            add_length(purchase.purchase_date, purchase.every, number - 1),
            amount_micros,
            number,
            purchase.instalments,
        )
        for number, amount_micros in enumerate(parts, start=1)
    ]


def purchases_due(purchase: Purchase, *, as_of_date: date, already: Iterable[str] = ()) -> list[PurchaseCharge]:
    """The parts of a sale due on or before a day and not billed yet; `already` holds the origin ids billed before."""
    billed = set(already)
    due = (charge for charge in purchase_charges(purchase) if charge.purchase_date <= as_of_date)
    return [charge for charge in due if charge.origin_id not in billed]
