"""`ardoise bench rating`: how many calls a second this machine rates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ardoise.cli.wiring import FAILED, USAGE, AsJson, errors, fail, print_json, screen, table

if TYPE_CHECKING:
    from ardoise.rate.bench.report import Tell

bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@bench.callback()
def _bench() -> None:
    """Keeps `rating` a word of its own while it is the only measure."""


@bench.command()
def rating(
    calls: Annotated[
        str, typer.Option("--calls", metavar="N[,N...]", help="Calls of the generated month; several to see it scale.")
    ] = "200000",
    peer: Annotated[
        list[str] | None,
        typer.Option(
            "--peer", help="duckdb, loop, postgresql, sqlite or none; may be repeated. [default: duckdb, loop]"
        ),
    ] = None,
    tariffs: Annotated[int, typer.Option("--tariffs", min=4, help="Tariffs, three of them operators' costs.")] = 50,
    prefixes: Annotated[int, typer.Option("--prefixes", min=40, help="Prefixes of each tariff.")] = 8_000,
    everything: Annotated[
        bool,
        typer.Option("--everything/--plain", help="With promotions, limits on callees and calls cut at band borders."),
    ] = False,
    from_csv: Annotated[bool, typer.Option("--from-csv", help="Also rate the same calls from CSV files.")] = False,
    postgresql: Annotated[
        str, typer.Option("--postgresql", metavar="DSN", help="Server of the postgresql peer: “host=... dbname=...”.")
    ] = "",
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where the files go while it runs.", show_default="a temporary one")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rate a generated month: calls a second, beside what the machine allows and what others do.

    Example: ardoise bench rating --calls 1000000 --peer duckdb --peer loop --json
    """
    from ardoise.rate.bench.peers import ALWAYS, PEERS
    from ardoise.rate.bench.peers.common import PeerMissing
    from ardoise.rate.bench.report import PartFailed, run, scaling
    from ardoise.rate.bench.world import Shape

    chosen = [name for name in (peer or ALWAYS) if name != "none"]
    if unknown := sorted(set(chosen) - PEERS.keys()):
        fail(f"no peer « {', '.join(unknown)} »; there are: {', '.join(PEERS)}, or none", code=USAGE)
    plain = [Shape(size, tariffs=tariffs, prefixes=prefixes // 8 * 8) for size in _sizes(calls)]
    shapes = [
        replace(shape, promotions=True, correspondents=99, borders=True) if everything else shape for shape in plain
    ]
    try:
        with _progress() as tell:
            results = [
                run(shape, peers=chosen, tell=tell, server=postgresql, csv=from_csv, folder=folder) for shape in shapes
            ]
    except (PeerMissing, PartFailed) as error:
        fail(str(error))
    if as_json:
        print_json(results[0] if len(results) == 1 else {"sizes": results, "scaling": scaling(results)})
    else:
        for measured in results:
            _show(measured)
        if len(results) > 1:
            _show_scaling(scaling(results))
    if not all(measured["checksums_equal"] for measured in results):
        errors.print("[bold red]✗[/] The columns and a peer disagree: please report it with the output of --json.")
        raise typer.Exit(FAILED)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1_000:
        fail(f"« {text} » is no list of sizes; write 1000000, or 1000000,10000000, at least 1000 each", code=USAGE)
    return sizes


@contextmanager
def _progress() -> Iterator[Tell]:
    """A bar for the part that runs; parts that cannot count say only how long they take."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as shown:
        running = shown.add_task("", total=None)

        def tell(label: str, done: int, of: int) -> None:
            if done == 0:
                shown.reset(running, description=label, total=of)
            else:
                shown.update(running, description=label, completed=done, total=of)

        yield tell


def _show(measured: dict[str, Any]) -> None:
    title = (
        f"{measured['calls']:,} calls, {measured['lines']:,} lines, {measured['customers']:,} customers, "
        f"{measured['tariffs']} tariffs x {measured['prefixes']:,} prefixes x 3 versions"
    )
    shown = table(title, "What", "Calls", "Calls a second", "Columns are", "Memory", right=(1, 2, 4))
    shown.add_row(
        "columns: Parquet in, Parquet out", f"{measured['calls']:,}", f"{measured['calls_per_s']:,}", "",
        f"{measured['peak_mb']:,} MB",
    )  # fmt: skip
    if "csv_calls_per_s" in measured:
        shown.add_row("from CSV files", f"{measured['calls']:,}", f"{measured['csv_calls_per_s']:,}", "", "")
    if "plain_calls_per_s" in measured:
        rate = f"{measured['plain_calls_per_s']:,}"
        shown.add_row("the same, for SQL peers: plain set", f"{measured['calls']:,}", rate, "", "")
    for key, of, label in (
        ("bound", "of_bound", "bound: read and write, no rating"),
        ("shuffle_bound", "of_shuffle_bound", "bound: the same, dealt and sorted"),
    ):
        ratio = f"{measured[of]:.0%} of it"
        shown.add_row(label, f"{measured['calls']:,}", f"{measured[f'{key}_calls_per_s']:,}", ratio, "")
    for name, peer in measured["peers"].items():
        equal = "" if peer["checksum_equal"] else ", [bold red]other answer[/]"
        ratio = f"{peer['ratio']} times it{equal}"
        shown.add_row(name, f"{peer['calls']:,}", f"{peer['calls_per_s']:,}", ratio, f"{peer['peak_mb']:,} MB")
    screen.print(shown)
    screen.print(
        f"Of {measured['rate_s']} s, compiling the tariffs took {measured['compile_s']} s; once compiled, "
        f"{measured['compiled_calls_per_s']:,} calls a second.\n"
        f"{measured['scalar_calls']:,} calls took the scalar path{_reasons(measured['scalar_by_reason'])}."
    )


def _reasons(by_reason: dict[str, int]) -> str:
    return "".join(f"; {reason}: {calls:,}" for reason, calls in by_reason.items())


def _show_scaling(sizes: list[dict[str, Any]]) -> None:
    shown = table("Scaling", "Calls", "Times the calls", "Times the time", "Seconds", "Memory", right=(0, 1, 2, 3, 4))
    for size in sizes:
        shown.add_row(
            f"{size['calls']:,}", str(size["calls_ratio"]), str(size["time_ratio"]), str(size["rate_s"]),
            f"{size['peak_mb']:,} MB",
        )  # fmt: skip
    screen.print(shown)
