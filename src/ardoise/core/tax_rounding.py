"""VAT as invoices of other systems round it, to check their totals: suppliers' bills, a product that is left behind.

Documents of the house are PER_RATE, which is EN 16931 (BR-CO-14, BR-S-09): no setting changes that, since the official
rules refuse another total (docs/algorithms/peers-billing.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from ardoise.core.money import round_fraction


class TaxRounding(StrEnum):
    """Where VAT is rounded to the cent."""

    PER_RATE = "per_rate"  # on the sum of each category and rate
    PER_LINE = "per_line"  # on each line, then summed
    ONCE = "once"  # on the exact VAT of the whole document


def tax_minor(nets: Sequence[tuple[Fraction, Decimal]], rounding: TaxRounding = TaxRounding.PER_RATE) -> int:
    """The VAT of a document of net amounts (cents, exact) and their rates (percent), under a named rounding."""
    exact = [(net * Fraction(rate) / 100, rate) for net, rate in nets]
    match rounding:
        case TaxRounding.PER_LINE:
            return sum(round_fraction(tax) for tax, _ in exact)
        case TaxRounding.ONCE:
            return round_fraction(sum((tax for tax, _ in exact), Fraction(0)))
        case TaxRounding.PER_RATE:
            rates = dict.fromkeys(rate for _, rate in exact)
            return sum(round_fraction(sum((tax for tax, of in exact if of == rate), Fraction(0))) for rate in rates)
