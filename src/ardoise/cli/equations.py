"""The proof of completeness on the terminal, company by company."""

from __future__ import annotations

from collections.abc import Callable

from ardoise.access.scope import EVERYTHING
from ardoise.bill.queries import completeness
from ardoise.cli.wiring import screen


def print_equations(month: str) -> None:
    """Three lines a company; a green tick where the equation holds."""
    for balance in completeness(EVERYTHING, month=month):
        screen.print(f"[bold]{balance.company}[/], {month}")
        tickets = balance.tickets
        _line(
            tickets.missing,
            f"tickets   {_n(tickets.received)} received = {_n(tickets.in_calls)} in calls "
            f"+ {_n(tickets.events)} events + {_n(tickets.quarantined)} quarantined"
            + (f" + {_n(tickets.waiting)} waiting" if tickets.waiting else ""),
        )
        calls = balance.calls
        _line(
            calls.missing,
            f"calls     {_n(calls.all)} = {_n(calls.priced)} priced + {_reasons(calls.unpriced)} unpriced "
            f"+ {_reasons(calls.excluded)} excluded",
        )
        charges = balance.charges
        _line(
            charges.missing,
            f"charges   {_n(charges.priced)} priced = {_n(charges.invoiced)} invoiced "
            f"+ {_n(charges.on_statement)} on statements + {_n(charges.not_billable)} not billable "
            f"+ {_n(charges.open)} open" + _otherwise(charges.proposed, _n),
        )
        micros = balance.micros
        _line(
            micros.missing,
            f"amounts   {_m(micros.priced)} = {_m(micros.invoiced)} invoiced + {_m(micros.on_statement)} on statements "
            f"+ {_m(micros.not_billable)} not billable + {_m(micros.open)} open" + _otherwise(micros.proposed, _m),
        )
        rounding = balance.rounding
        _line(
            rounding.lines_off,
            f"lines     {_m(rounding.charges_micros)} of charges{_signed(rounding.rounding_micros, _m)} "
            f"of rounding = {_m(rounding.lines_micros)} of line nets, without tax",
        )


def _otherwise(value: int, written: Callable[[int], str]) -> str:
    """What computing again has changed of frozen charges: what `bill proposals` lists, and days that a later run bills
    or gives back.
    """
    return f"{_signed(value, written)} computed otherwise since" if value else ""


def _signed(value: int, written: Callable[[int], str]) -> str:
    return f" {'-' if value < 0 else '+'} {written(abs(value))}"


def _line(missing: int, text: str) -> None:
    mark = "[green]✓[/]" if missing == 0 else f"[red]✗ off by {missing}[/]"
    screen.print(f"  {mark} {text}", soft_wrap=True)


def _reasons(counts: dict[str, int]) -> str:
    if not counts:
        return "0"
    inside = ", ".join(f"{name} {_n(count)}" for name, count in sorted(counts.items()))
    return f"{_n(sum(counts.values()))} ({inside})"


def _n(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _m(micros: int) -> str:
    """Micro-units as euros with every decimal that matters."""
    whole, part = divmod(abs(micros), 1_000_000)
    decimals = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{_n(whole)},{decimals} €"
