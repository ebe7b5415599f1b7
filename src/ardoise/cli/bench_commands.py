"""`ardoise bench rating`: how many calls a second this machine rates."""

from __future__ import annotations

from typing import Annotated

import typer

from ardoise.cli.wiring import FAILED, AsJson, errors, print_json, screen, table

bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@bench.callback()
def _bench() -> None:
    """Keeps `rating` a word of its own while it is the only measure."""


@bench.command()
def rating(
    calls: Annotated[int, typer.Option("--calls", min=1_000, help="How many calls the generated month has.")] = 200_000,
    as_json: AsJson = False,
) -> None:
    """Rate a generated month: calls a second, beside what the disk allows and what a plain loop does.

    Example: ardoise bench rating --calls 1000000 --json
    """
    from ardoise.rate.columns.bench import run

    with errors.status(f"Rating {calls:,} calls …"):
        measured = run(calls)
    if as_json:
        print_json(measured)
    else:
        _show(measured)
    if not measured["checksum_equal"]:
        errors.print("[bold red]✗[/] The columns and the plain loop disagree on the total: please report it.")
        raise typer.Exit(FAILED)


def _show(measured: dict[str, object]) -> None:
    shown = table(f"Rating {measured['calls']:,} calls", "What", "Calls a second", "Columns are", right=(1, 2))
    shown.add_row("columns: Parquet in, Parquet out", f"{measured['columns_calls_per_s']:,}", "")
    of_bound = f"{measured['columns_over_bound']:.0%} of it"
    shown.add_row("bound: read, sort and write, no rating", f"{measured['bound_calls_per_s']:,}", of_bound)
    of_loop = f"{measured['columns_over_loop']} times it"
    shown.add_row("loop: Decimal, a call at a time", f"{measured['loop_calls_per_s']:,}", of_loop)
    screen.print(shown)
    screen.print(f"Same total on the loop's sample; {measured['peak_mib']} MiB of memory at most.")
