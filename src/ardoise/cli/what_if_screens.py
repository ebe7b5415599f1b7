"""What `ardoise rate --what-if` shows: a month under other tariffs, customer by customer, and the sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from ardoise.cli.wiring import printable, screen, table
from ardoise.core.money import amount_text, micros_to_minor, minor_to_decimal
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.rate.what_if import Comparison, Priced

SIDE_BY_SIDE = 62, 36  # columns that a table needs: customer, name, calls and today; then each tariff


def show(month: str, tariffs: Sequence[str], rows: Sequence[Comparison]) -> None:
    """One table with the tariffs side by side, or one table each where the terminal is too narrow."""
    base, each = SIDE_BY_SIDE
    if screen.width >= base + each * len(tariffs):
        _table(f"{month} under other tariffs", tariffs, range(len(tariffs)), rows)
    else:
        for position, code in enumerate(tariffs):
            _table(f"{month} under {printable(code)}", tariffs, [position], rows)
    screen.print("Nothing was changed. Calls without a price count for nothing in these sums.")


def _table(title: str, tariffs: Sequence[str], positions: Sequence[int], rows: Sequence[Comparison]) -> None:
    heads = [head for position in positions for head in (printable(tariffs[position]), "Difference", "No price")]
    columns = ("Customer", "Name", "Calls", "Today", *heads)
    shown = table(title, *columns, right=tuple(range(2, len(columns))))
    shown.columns[0].no_wrap = True
    for row in rows:
        cells = [escape(printable(row.account)), escape(printable(row.name)), f"{row.calls:,}"]
        cells.append(_today(row.today.amount_micros, row))
        for position in positions:
            cells += _beside(row.today.amount_micros, row.candidates[position], row.currency)
        shown.add_row(*cells)
    screen.print(shown)
    _sums(tariffs, positions, rows)


def _today(micros: int, row: Comparison) -> str:
    return f"{_money(micros, row.currency)} {row.tax_basis.upper()}"


def _beside(today_micros: int, new: Priced | None, currency: str) -> list[str]:
    """A candidate's sum, what it differs by from today's as both are shown, and its calls without a price."""
    if new is None:
        return ["other basis", "", ""]
    unpriced = f"{new.calls_unpriced:,}" if new.calls_unpriced else ""
    return [_money(new.amount_micros, currency), _difference(today_micros, new.amount_micros, currency), unpriced]


def _sums(tariffs: Sequence[str], positions: Sequence[int], rows: Sequence[Comparison]) -> None:
    """The sum of the customers that each tariff can be compared for, by currency and tax basis."""
    for position in positions:
        for currency, basis in sorted({(row.currency, row.tax_basis) for row in rows}):
            pairs = [
                (row.today.amount_micros, new.amount_micros)
                for row in rows
                if (row.currency, row.tax_basis) == (currency, basis) and (new := row.candidates[position]) is not None
            ]
            if pairs:
                today, new_sum = (sum(column) for column in zip(*pairs, strict=True))
                said = f"{_money(today, currency)} {basis.upper()} today, {_money(new_sum, currency)} under it"
                change = _difference(today, new_sum, currency)
                screen.print(
                    f"{printable(tariffs[position])}, {counted(len(pairs), 'customer')}: {said}: {change}",
                    markup=False,
                )


def _difference(before_micros: int, after_micros: int, currency: str) -> str:
    """The difference of two sums as they are shown, in cents, so that a reader who subtracts finds it."""
    minor = micros_to_minor(after_micros) - micros_to_minor(before_micros)
    sign = "+" if minor > 0 else ""
    return sign + amount_text(minor_to_decimal(minor), currency=currency, french=False, decimals=2)


def _money(micros: int, currency: str) -> str:
    return amount_text(minor_to_decimal(micros_to_minor(micros)), currency=currency, french=False, decimals=2)
