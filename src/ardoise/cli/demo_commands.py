"""`ardoise demo`: what `make demo` runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ardoise.cli.progress import counting
from ardoise.cli.wiring import clock, fail, ready_database, screen, table
from ardoise.core.money import euros
from ardoise.core.wording import counted

MONTH, TODAY = "2026-10", "2026-11-05"


def demo(
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the console at the end.")] = True,
    port: Annotated[int, typer.Option("--port", help="Port of the console.")] = 8000,
    examples: Annotated[Path, typer.Option("--examples", help="Folder of the demo companies.")] = Path("examples"),
    today: Annotated[str, typer.Option("--today", help="The day on which the demonstration happens.")] = TODAY,
) -> None:
    """Run the main job on two demo companies: tickets over TCP, prices, checks, invoices, reports, console.

    Example: ardoise demo --no-serve
    """
    from ardoise.cli.serving import port_is_free

    if not (examples / "operateur").is_dir():
        fail(f"the demo companies are not in « {examples} »; run it from the repository, or give --examples FOLDER")
    if serve and not port_is_free(port):
        fail(f"port {port} is already in use; stop what listens there, or choose another: make demo ARGS='--port 8001'")
    ready_database()
    _run(examples.resolve(), today)
    if serve:
        _serve(port, today)


def _run(examples: Path, today: str) -> None:
    from django.conf import settings

    from ardoise import flow
    from ardoise.cli import demo as steps
    from ardoise.cli.equations import print_equations

    now = clock(today)
    done = steps.Done()
    screen.rule("[bold]Ardoise[/] – tickets in, legal invoices out", align="left")
    with screen.status("Loading two companies from examples/ …"):
        done.loaded = steps.load_companies(examples, now=now())
    _say("companies", f"{counted(done.loaded, 'row')} loaded" if done.loaded else "already loaded")

    with screen.status("Reading what the journal already holds …"):
        flow.collect(now=now())
        records = steps.still_to_send(steps.records_of(examples))
    total = sum(len(some) for some in records.values())
    with counting("Tickets over TCP", "tickets", total or None) as step:
        done.tickets = steps.play_tickets(records, now, step)
    with screen.status("Importing the operators' files …"):
        done.files = steps.drop_files(examples)
        flow.collect(now=now())
        steps.close_month(now=now())
    _say("collect", f"{counted(done.tickets, 'ticket')} over TCP, {counted(done.files, 'file')} of operators")

    with counting("Pricing", "calls") as step:
        rated = flow.rate(month=MONTH, now=now(), progress=step)
    done.rated = rated.changed
    _say("rate", f"{counted(rated.calls, 'call')} of {MONTH}" + ("" if rated.changed else ", nothing changed"))

    with screen.status("Drafting and checking …"):
        flow.preview(month=MONTH, issue_date=now().date(), now=now())
        done.findings = steps.accept_findings(MONTH, now=now())
    _say("check", f"{counted(len(done.findings), 'finding')}, waived by name: {', '.join(done.findings)}")

    with counting("Issuing", "documents") as step:
        billed = flow.issue(month=MONTH, issue_date=now().date(), now=now(), progress=step)
        done.issued = len(billed.numbers) + steps.credit_one(MONTH, issue_date=now().date(), now=now())
    _complain(billed)
    _say("bill", f"{counted(done.issued, 'document')} issued" if done.issued else "everything was already issued")

    with counting("Rendering", "documents") as step:
        delivered = flow.deliver(now=now(), progress=step)
    done.rendered = delivered.rendered
    _say("deliver", f"{counted(delivered.rendered, 'document')} rendered")
    with screen.status("Writing the reports …"):
        reports = flow.report(month=MONTH, made_on=now().date())
    root, home = examples.parent, settings.ARDOISE_HOME
    content = steps.summary(MONTH, reports, root)
    steps.write_summary(content, home / "summary.json")
    screen.print()
    print_equations(MONTH)
    _where(content, home, root)
    if done.nothing:
        screen.print("[green]✓[/] Nothing changed: everything had already been done.")


def _say(stage: str, what: str) -> None:
    screen.print(f"[green]✓[/] [bold]{stage:<9}[/] {what}")


def _complain(billed: object) -> None:
    for run in billed.issued:  # type: ignore[attr-defined]
        for code, problems in sorted(run.faulty.items()):
            screen.print(f"[red]✗[/] {code}: {problems[0].code} {problems[0].message} ({problems[0].remedy})")


def _where(content: dict[str, object], home: Path, root: Path) -> None:
    shown = table("\nWhere everything is", "What", "How many", "Where", right=(1,))
    for company in content["companies"]:  # type: ignore[attr-defined]
        name, statements = company["name"], company["statements"]
        for kind, title in (("invoice", "Invoices"), ("credit_note", "Credit notes")):
            rows = [row for row in company["invoices"] if row["kind"] == kind]
            if rows:
                total = euros(sum(row["total_minor"] for row in rows))
                shown.add_row(f"{title} of {name}, {total}", str(len(rows)), str(Path(rows[0]["pdf"]).parents[2]))
        if statements:
            shown.add_row(f"Statements of {name}", str(len(statements)), _folder(statements[0]))
        shown.add_row(f"Reports of {name}", str(len(company["reports"])), _folder(company["reports"][0]))
    summary = home / "summary.json"
    shown.add_row("Summary", "1", str(summary.relative_to(root) if summary.is_relative_to(root) else summary))
    screen.print(shown)


def _folder(path: str) -> str:
    return str(Path(path).parent)


def _serve(port: int, today: str) -> None:
    from ardoise.cli.demo import LOGIN, PASSWORD

    screen.print(f"\nConsole: [bold]http://127.0.0.1:{port}[/]  sign in as [bold]{LOGIN}[/] / [bold]{PASSWORD}[/]")
    screen.print("Ctrl-C stops it.")
    # In a process of its own: the server's workers must not be forked from one whose Polars threads have run.
    server = [sys.executable, "-m", "ardoise.cli.serving", "127.0.0.1", str(port)]
    with contextlib.suppress(KeyboardInterrupt):
        subprocess.run(server, env={**os.environ, "ARDOISE_TODAY": today}, check=False)
