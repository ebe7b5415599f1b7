"""The proof of completeness on the terminal, company by company."""

from __future__ import annotations

from dataclasses import dataclass

from ardoise.access.scope import EVERYTHING
from ardoise.bill.equation import (
    CallBalance,
    ChargeBalance,
    RoundingBalance,
    call_balance,
    charge_balance,
    rounding_balance,
)
from ardoise.cli.wiring import screen
from ardoise.collect.queries import ticket_counts
from ardoise.directory.models import Issuer


@dataclass(frozen=True, slots=True)
class CompanyBalance:
    """Every equation of one company for one month."""

    company: str
    received: int
    in_calls: int
    events: int
    quarantined: int
    waiting: int
    calls: CallBalance
    charges: ChargeBalance  # in numbers of charges
    micros: ChargeBalance
    rounding: RoundingBalance


def balances(month: str) -> list[CompanyBalance]:
    companies: dict[str, list[Issuer]] = {}
    for issuer in Issuer.objects.order_by("company", "code"):
        companies.setdefault(issuer.company, []).append(issuer)
    return [_balance(company, issuers, month) for company, issuers in companies.items()]


def _balance(company: str, issuers: list[Issuer], month: str) -> CompanyBalance:
    counts = ticket_counts(EVERYTHING, company=company)
    charges, micros = charge_balance(month, issuers)
    return CompanyBalance(
        company=company,
        received=sum(count.received for count in counts),
        in_calls=sum(count.in_calls for count in counts),
        events=sum(count.events for count in counts),
        quarantined=sum(count.quarantined for count in counts),
        waiting=sum(count.waiting for count in counts),
        calls=call_balance(month, issuers, [count.source for count in counts]),
        charges=charges,
        micros=micros,
        rounding=rounding_balance(month, issuers),
    )


def print_equations(month: str) -> None:
    """Three lines a company; a green tick where the equation holds."""
    for balance in balances(month):
        screen.print(f"[bold]{balance.company}[/], {month}")
        tickets_missing = balance.received - balance.in_calls - balance.events - balance.quarantined - balance.waiting
        _line(
            tickets_missing,
            f"tickets   {_n(balance.received)} received = {_n(balance.in_calls)} in calls "
            f"+ {_n(balance.events)} events + {_n(balance.quarantined)} quarantined"
            + (f" + {_n(balance.waiting)} waiting" if balance.waiting else ""),
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
            f"+ {_n(charges.open)} open" + (f" + {_n(charges.proposed)} proposed" if charges.proposed else ""),
        )
        micros = balance.micros
        _line(
            micros.missing,
            f"amounts   {_m(micros.priced)} = {_m(micros.invoiced)} invoiced + {_m(micros.on_statement)} on statements "
            f"+ {_m(micros.not_billable)} not billable + {_m(micros.open)} open"
            + (f" + {_m(micros.proposed)} proposed" if micros.proposed else ""),
        )
        rounding = balance.rounding
        _line(
            rounding.lines_off,
            f"lines     {_m(rounding.charges_micros)} of charges + {_m(rounding.rounding_micros)} of rounding "
            f"= {_m(rounding.lines_micros)} of line nets",
        )


def _line(missing: int, text: str) -> None:
    mark = "[green]✓[/]" if missing == 0 else f"[red]✗ off by {missing}[/]"
    screen.print(f"  {mark} {text}")


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
