"""Translates an official example invoice into the product's amounts, and the product's totals back into its vocabulary.

No arithmetic here: prices, quantities and amounts are read as exact decimals and handed over.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ardoise.core.invoices import Adjustment, Computed, NetAmount, compute_totals, line_net_minor
from ardoise.core.money import minor_to_decimal
from ardoise.core.vat import VatTreatment


class NotCents(ValueError):
    """An amount of the case is not a whole number of cents."""


def minor(text: str | None) -> int:
    """An amount as written, in cents; an absent amount is zero."""
    if text is None:
        return 0
    cents = Decimal(text).scaleb(2)
    if cents != cents.to_integral_value():
        raise NotCents(text)
    return int(cents)


def treatment(row: dict[str, Any]) -> VatTreatment:
    return VatTreatment(row["vat_category"], Decimal(row["vat_rate"]))


def net_of(line: dict[str, Any]) -> int:
    adjustments = line["allowances_charges"]
    return line_net_minor(
        Decimal(line["quantity"]),
        Decimal(line["net_price"]),
        base_quantity=Decimal(line["price_base_qty"] or 1),
        allowance_minor=sum(minor(a["amount"]) for a in adjustments if not a["charge"]),
        charge_minor=sum(minor(a["amount"]) for a in adjustments if a["charge"]),
    )


def compute(case: dict[str, Any]) -> Computed:
    return compute_totals(
        [NetAmount(net_of(line), treatment(line)) for line in case["lines"]],
        [Adjustment(minor(a["amount"]), treatment(a), a["charge"]) for a in case["allowances_charges"]],
        prepaid_minor=minor(case["totals"]["prepaid"]),
        rounding_minor=minor(case["totals"]["rounding"]),
    )


def produced(case: dict[str, Any]) -> dict[str, Any]:
    """Lines, VAT groups and totals as the product computes them."""
    computed = compute(case)
    totals = computed.totals
    return {
        "lines": [minor_to_decimal(net_of(line)) for line in case["lines"]],
        "vat": {
            (group.category, group.rate): (minor_to_decimal(group.basis_minor), minor_to_decimal(group.amount_minor))
            for group in computed.vat
        },
        "line_total": minor_to_decimal(computed.line_total_minor),
        "allowance_total": minor_to_decimal(computed.allowance_minor),
        "charge_total": minor_to_decimal(computed.charge_minor),
        "tax_basis": minor_to_decimal(totals.net_minor),
        "tax_total": minor_to_decimal(totals.vat_minor),
        "grand_total": minor_to_decimal(totals.gross_minor),
        "payable": minor_to_decimal(totals.payable_minor),
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    totals = {
        key: Decimal(text or 0)
        for key, text in case["totals"].items()
        if key not in ("tax_total_accounting", "prepaid", "rounding")
    }
    return {
        "lines": [Decimal(line["line_net"]) for line in case["lines"]],
        "vat": {
            (group["category"], Decimal(group["rate"])): (Decimal(group["basis"]), Decimal(group["amount"]))
            for group in case["vat"]
        },
        **totals,
    }
