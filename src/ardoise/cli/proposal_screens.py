"""How the commands show what was issued and would be another today: amounts, and VAT."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from rich.markup import escape

from ardoise.cli.wiring import screen, table
from ardoise.core.money import MICROS_PER_UNIT, amount_text, euros

if TYPE_CHECKING:
    from ardoise.bill.proposals import Proposal
    from ardoise.bill.retaxed import Retaxed


def show_amounts(month: str, found: Sequence[Proposal]) -> None:
    columns = ("Account", "Document", "Charges", "Issued", "Today", "Difference", "")
    shown = table(f"Proposals of {month}", *columns, right=(2, 3, 4, 5))
    for one in found:
        amounts = (one.old_micros, one.new_micros, one.difference_micros)
        said = f"{one.unpriced} without a price" if one.unpriced else ""
        shown.add_row(
            escape(one.account.code),
            one.document.number if one.document else "—",
            f"{one.charges:,}",
            *(_exact(micros, one.currency) for micros in amounts),
            said,
        )
    screen.print(shown)


def show_vat(month: str, found: Sequence[Retaxed]) -> None:
    columns = ("Account", "Document", "VAT issued", "", "VAT today", "", "Difference")
    shown = table(f"Invoices of {month} whose VAT is another one today", *columns, right=(3, 5, 6))
    for one in found:
        shown.add_row(
            escape(one.account.code),
            one.document.number,
            _rates(one.old),
            euros(one.old_vat_minor),
            _rates(one.new),
            euros(one.new_vat_minor),
            euros(one.difference_minor),
        )
    screen.print(shown)


def amount_json(one: Proposal) -> dict[str, object]:
    document = one.document.number if one.document else None
    numbers = ("month", "charges", "unpriced", "old_micros", "new_micros", "difference_micros", "credited_minor")
    words = {"account": one.account.code, "document": document, "currency": one.currency, "tax_basis": one.tax_basis}
    dated = {"computed_at": one.computed_at.isoformat() if one.computed_at else None}
    return {"kind": "amount"} | words | {name: getattr(one, name) for name in numbers} | dated


def vat_json(one: Retaxed) -> dict[str, object]:
    return {
        "kind": "vat",
        "account": one.account.code,
        "document": one.document.number,
        "currency": one.document.currency,
        "month": one.document.month,
        "old_vat_minor": one.old_vat_minor,
        "new_vat_minor": one.new_vat_minor,
        "difference_minor": one.difference_minor,
        "old_rates": [[category, f"{rate.normalize():f}"] for category, rate in one.old],
        "new_rates": [[category, f"{rate.normalize():f}"] for category, rate in one.new],
    }


def _rates(vat: Sequence[tuple[str, Decimal]]) -> str:
    """ "S 20 %, S 8.5 %": the categories of EN 16931 and their rates."""
    return ", ".join(f"{category} {rate.normalize():f} %" for category, rate in vat)


def _exact(micros: int, currency: str) -> str:
    return amount_text(Fraction(micros, MICROS_PER_UNIT), currency=currency, french=False)
