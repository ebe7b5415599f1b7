"""`ardoise check`, `bill`, `deliver`, `report`, `verify`."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ardoise.cli.progress import counting
from ardoise.cli.wiring import (
    FAILED,
    USAGE,
    AsJson,
    Month,
    Today,
    chosen_month,
    clock,
    fail,
    print_json,
    ready_database,
    screen,
    table,
    write_file,
)
from ardoise.core.checks import Problem
from ardoise.core.money import MICROS_PER_UNIT, amount_text, euros
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.bill.operations import Previewed
    from ardoise.bill.simulation import Foreseen
    from ardoise.directory.models import Account

bill = typer.Typer(help="Preview and issue the documents of a month.", no_args_is_help=True)

Until = Annotated[
    str,
    typer.Option(
        "--until", metavar="DATE", help="Bill what is due before this day (YYYY-MM-DD).", show_default="end of --month"
    ),
]
IssueDate = Annotated[
    str, typer.Option("--date", help="Date printed on the documents, YYYY-MM-DD.", show_default="today")
]


def check(
    month: Month = "",
    until: Until = "",
    waive: Annotated[list[str] | None, typer.Option("--waive", help="Accept this finding by its name.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it is accepted.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who accepts it.", show_default="the system user")] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Say whether a month may be issued; exit status 1 while a finding is neither mended nor waived by name.

    With --until, whether a run that closes within the month may be; what is waived holds for the month.

    Example: ardoise check --month 2026-10 --waive source-silent:oisans --reason "outage, file expected"
    """
    from ardoise import flow
    from ardoise.bill.cycles import month_closed
    from ardoise.bill.operations import waive as accept

    ready_database()
    now = clock(today)()
    closes_date, _ = _closing(month, until, now)
    month = month_closed(closes_date)
    flow.preview(closes_date=closes_date, issue_date=now.date(), now=now)
    known = {finding.name for finding in flow.check(month=month)}
    for name in waive or ():
        if name not in known:
            fail(f"no finding of {month} is called « {name} »; the findings are: {', '.join(sorted(known)) or 'none'}")
        accept(month=month, finding=name, reason=reason, waived_by=by or getpass.getuser(), now=now)
    findings = flow.check(month=month)
    remaining = [finding for finding in findings if not finding.waived]
    if as_json:
        said = [_as_dict(finding) for finding in findings]
        print_json({"month": month, "findings": said, "ok": not remaining, "alarms": _alarms_now(now)})
    else:
        _print_findings(month, findings)
        _print_equation(month)
        _print_daily_proof(month)
        _print_alarms(now)
    if remaining:
        raise typer.Exit(FAILED)


def _alarms_now(now: datetime) -> list[dict[str, object]]:
    from ardoise.access.scope import EVERYTHING
    from ardoise.collect.alarms import open_alarms

    return [asdict(alarm) | {"text": alarm.text} for alarm in open_alarms(EVERYTHING, now=now)]


def _print_daily_proof(month: str) -> None:
    """Days on which tickets or calls do not add up; `ardoise collect proof` shows all of them."""
    from ardoise.access.scope import EVERYTHING
    from ardoise.collect.proof import daily_proof

    days = daily_proof(EVERYTHING, month=month)
    wrong = [day for day in days if not day.holds]
    for day in wrong:
        screen.print(
            f"[red]![/] [bold]{escape(day.source)}[/] {day.date}: {counted(day.lost, 'ticket')} and "
            f"{counted(day.missing, 'call')} are unaccounted for; keep the journal, report this"
        )
    if days and not wrong:
        screen.print(f"[green]✓[/] Daily proof: {counted(len(days), 'day')} of tickets and calls add up.")


def _print_alarms(now: datetime) -> None:
    """What is wrong with the sources now: it blocks no month by itself."""
    from ardoise.access.scope import EVERYTHING
    from ardoise.cli.collect_commands import alarm_line
    from ardoise.collect.alarms import open_alarms

    for alarm in open_alarms(EVERYTHING, now=now):
        screen.print(alarm_line(alarm))


def _as_dict(finding: object) -> dict[str, str]:
    return {name: getattr(finding, name) for name in ("name", "company", "french", "english", "waived")}


def _print_findings(month: str, findings: list) -> None:  # type: ignore[type-arg]
    if not findings:
        screen.print(f"[green]✓[/] {month}: nothing to say, the month may be issued.")
        return
    shown = table(f"Findings of {month}", "", "Name", "Company", "What")
    for finding in findings:
        mark = "[green]waived[/]" if finding.waived else "[red]open[/]"
        shown.add_row(mark, finding.name, finding.company, finding.french)
    screen.print(shown)


def _print_equation(month: str) -> None:
    from ardoise.cli.equations import print_equations

    print_equations(month)


@bill.command()
def preview(
    month: Month = "", until: Until = "", on: IssueDate = "", today: Today = "", as_json: AsJson = False
) -> None:
    """Make the drafts of a month, or of what is due before a day; as often as wanted, nothing is numbered.

    Each customer is billed up to the last end of its own cycle.

    Example: ardoise bill preview --month 2026-10
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    closes_date, named = _closing(month, until, now)
    previewed = flow.preview(closes_date=closes_date, issue_date=read_date(on, now.date()), now=now)
    if as_json:
        print_json([_previewed(run) for run in previewed])
        return
    shown = table(f"Preview of {named}", "Issuer", "Drafts", "Total without tax", right=(1, 2))
    for run in previewed:
        shown.add_row(run.issuer, str(run.drafts), euros(run.net_minor))
    screen.print(shown)
    for run in previewed:
        for code, late in sorted(run.late.items()):
            days = (closes_date - late.oldest_date).days
            screen.print(
                f"[yellow]![/] {escape(code)}: {counted(late.calls, 'call')} came after the invoice, "
                f"{_exact(late.micros)}, the oldest {counted(days, 'day')} ago"
            )
        for code, late in sorted(run.waiting.items()):
            screen.print(
                f"[yellow]![/] {escape(code)}: {counted(late.calls, 'call')} came after the invoice, on no document "
                "until it is made anew: ardoise bill reissue NUMBER"
            )
        _print_held(run.held)
        _print_carried(run.carried)
        _print_faulty(run.faulty)


def _previewed(run: Previewed) -> dict[str, object]:
    late, waiting = (
        {
            code: {"calls": one.calls, "micros": one.micros, "oldest_date": one.oldest_date.isoformat()}
            for code, one in sorted(found.items())
        }
        for found in (run.late, run.waiting)
    )
    sums = {"issuer": run.issuer, "drafts": run.drafts, "net_minor": run.net_minor}
    return sums | {
        "faulty": sorted(run.faulty),
        "held": run.held,
        "carried": run.carried,
        "late": late,
        "waiting": waiting,
    }


def _closing(month: str, until: str, now: datetime) -> tuple[date, str]:
    """The day before which a run bills, and how it is called: a month, or that day."""
    from ardoise.core.periods import month_period

    if until and month:
        fail("choose one of --month and --until", code=USAGE)
    if until:
        return read_date(until, now.date()), f"what is due before {until}"
    month = chosen_month(month, now)
    return month_period(month).end, month


def _print_carried(carried: Mapping[str, int]) -> None:
    for code, minor in sorted(carried.items()):
        screen.print(f"[yellow]![/] {escape(code)} comes to {euros(minor)}: carried to its next invoice")


def _print_held(held: Mapping[str, str]) -> None:
    for code, reason in sorted(held.items()):
        screen.print(f"[yellow]![/] {escape(code)} is held: {escape(reason)}")


@bill.command()
def issue(
    month: Month = "",
    until: Until = "",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="CODE", help="Issue this customer alone; repeat for others."),
    ] = None,
    on: IssueDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Issue the previewed documents: numbers are taken, everything freezes. Refused while the check has open findings.

    Example: ardoise bill issue --month 2026-10 --date 2026-11-05
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    closes_date, named = _closing(month, until, now)
    with counting("Issuing", "documents") as step:
        billed = flow.issue(
            closes_date=closes_date, issue_date=read_date(on, now.date()), now=now, accounts=account, progress=step
        )
        flow.deliver(now=now)
    moved = [code for run in billed.issued for code in run.moved]
    faulty = {code: problems for run in billed.issued for code, problems in run.faulty.items()}
    held = {code: reason for run in billed.issued for code, reason in run.held.items()}
    if as_json:
        run_said = {"month": named, "closes_date": closes_date.isoformat(), "numbers": billed.numbers, "moved": moved}
        print_json({**run_said, "faulty": sorted(faulty), "held": held})
    else:
        for run in billed.issued:
            said = f"{len(run.numbers)} issued" + (f", {run.numbers[0]} to {run.numbers[-1]}" if run.numbers else "")
            screen.print(f"{run.issuer}: {said}")
        for code in moved:
            screen.print(
                f"[yellow]![/] {code} was left out: what it is due is not what the preview showed (other charges, "
                f"cycle, terms or address); preview again: ardoise bill preview --until {closes_date}"
            )
        _print_held(held)
        for run in billed.issued:
            _print_carried(run.carried)
        _print_faulty(faulty)
    if moved or faulty:
        raise typer.Exit(FAILED)


@bill.command()
def simulate(
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="Move the clock to this day, YYYY-MM-DD.")],
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="CODE", help="This payer alone; repeat for others.")
    ] = None,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Show every document to come until a day: the same runs, on a clock that moves, and nothing of it stays.

    Usage is what is known today. Documents that could not be issued are shown with what to mend.

    Example: ardoise bill simulate --until 2027-12-31 --account A1001
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    found = flow.simulate(until=read_date(until, now.date()), now=now, accounts=account)
    if as_json:
        print_json([_foreseen(one) for one in found])
        return
    shown = table(f"To come until {until}", "Date", "Account", "Period", "Net", "Gross", "", right=(3, 4))
    for one in found:
        period = f"{one.period_from} – {one.period_to}" if one.period_from else "—"
        if one.carried_minor:
            said = f"reporté\u00a0: −{euros(-one.carried_minor)}"
            shown.add_row(f"{one.issue_date}", escape(one.account), period, "—", "—", said)
            continue
        said = "; ".join(problem.message for problem in one.problems) or ", ".join(
            f"{label} {euros(minor)}" for label, minor in one.main_lines
        )
        shown.add_row(
            f"{one.issue_date}", escape(one.account), period, euros(one.net_minor), euros(one.gross_minor), escape(said)
        )
    screen.print(shown)
    documents = sum(not one.carried_minor for one in found)
    screen.print(f"{counted(documents, 'document')} to come; nothing was issued.")


def _foreseen(one: Foreseen) -> dict[str, object]:
    said = {name: getattr(one, name) for name in ("issuer", "account", "name", "kind", "currency")}
    dates = {name: str(getattr(one, name) or "") for name in ("issue_date", "period_from", "period_to")}
    lines = [{"label": label, "net_minor": minor} for label, minor in one.main_lines]
    problems = [problem.message for problem in one.problems]
    sums = {"net_minor": one.net_minor, "gross_minor": one.gross_minor, "carried_minor": one.carried_minor}
    return said | dates | sums | {"main_lines": lines, "problems": problems}


@bill.command()
def hold(
    code: Annotated[str, typer.Argument(help="Code of the account to hold.")],
    month: Month = "",
    reason: Annotated[str, typer.Option("--reason", help="Why its documents wait.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who holds it.", show_default="the system user")] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Keep an account out of the runs of a month; what it owes stays open and is billed later.

    Example: ardoise bill hold A1001 --month 2026-10 --reason "litige en cours"
    """
    from ardoise.bill import operations as billing

    ready_database()
    now = clock(today)()
    account, month = _account(code), chosen_month(month, now)
    held = billing.hold(account=account, month=month, reason=reason, held_by=by or getpass.getuser(), now=now)
    if as_json:
        print_json({"account": code, "month": month, "reason": held.reason, "held_by": held.held_by})
    else:
        screen.print(f"{code} is held for {month}: {escape(held.reason)}")


@bill.command()
def release(
    code: Annotated[str, typer.Argument(help="Code of the account to release.")],
    month: Month = "",
    by: Annotated[str, typer.Option("--by", help="Who releases it.", show_default="the system user")] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Let an account that was held be billed again; preview the month once more to see its draft.

    Example: ardoise bill release A1001 --month 2026-10
    """
    from ardoise.bill import operations as billing

    ready_database()
    now = clock(today)()
    account, month = _account(code), chosen_month(month, now)
    billing.release(account=account, month=month, released_by=by or getpass.getuser(), now=now)
    if as_json:
        print_json({"account": code, "month": month, "held": False})
    else:
        screen.print(f"{code} is no longer held for {month}")


def _account(code: str) -> Account:
    from ardoise.directory.models import Account

    found = Account.objects.select_related("issuer", "parent").filter(code=code).first()
    if found is None:
        fail(f"no account has the code {code}; ardoise dump writes them all to accounts.csv")
    return found


def _print_faulty(faulty: Mapping[str, Sequence[Problem]]) -> None:
    """The accounts whose document cannot be issued, with what to do about each."""
    for code, problems in sorted(faulty.items()):
        first = {problem.code: problem for problem in reversed(problems)}  # the official rules say ours again
        for problem in dict.fromkeys(first[problem.code] for problem in problems):
            said = escape(f"{code}: {problem.code} {problem.message} ({problem.remedy})")
            screen.print(f"[red]✗[/] {said}")


@bill.command()
def proposals(
    month: Month = "",
    csv: Annotated[str, typer.Option("--csv", metavar="FILE", help="Write each charge to this file.")] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Show what was issued for a month and would be another amount, or bear another VAT, today.

    It compares with the last rating and the last preview: after a correction of a tariff rate the month again, after
    one of what is sold preview it again; a regime, a rate or an address of VAT counts at once. Nothing is written.

    Example: ardoise bill proposals --month 2026-10 --csv corrections.csv
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.bill import proposals as proposing
    from ardoise.bill.retaxed import retaxed
    from ardoise.cli import proposal_screens as screens

    ready_database()
    month = chosen_month(month, clock(today)())
    found, taxed = proposing.proposals(EVERYTHING, month=month), retaxed(EVERYTHING, month=month)
    if csv:
        write_file(Path(csv), lambda: proposing.write_csv(EVERYTHING, Path(csv), month=month, french=True))
    if as_json:
        print_json([*map(screens.amount_json, found), *map(screens.vat_json, taxed)])
        return
    if not found and not taxed:
        screen.print(f"[green]✓[/] {month}: what was issued is what is computed today.")
        screen.print(f"After a correction, rate the month first: ardoise rate --month {month}")
        return
    if found:
        screens.show_amounts(month, found)
    if taxed:
        screens.show_vat(month, taxed)
    screen.print(f"Nothing was changed. Documents that settle it: ardoise bill correct --month {month} --preview")


def _exact(micros: int) -> str:
    return amount_text(Fraction(micros, MICROS_PER_UNIT), currency="EUR", french=False)


def deliver(today: Today = "", as_json: AsJson = False) -> None:
    """Render what was issued and still waits (after a failure or an interruption).

    Example: ardoise deliver
    """
    from ardoise import flow

    ready_database()
    with counting("Rendering", "documents") as step:
        delivered = flow.deliver(now=clock(today)(), progress=step)
    if as_json:
        print_json({"rendered": delivered.rendered, "failed": delivered.failed})
    else:
        screen.print(f"{counted(delivered.rendered, 'document')} rendered.")
        for number, why in delivered.failed.items():
            screen.print(f"[red]✗[/] {number}: {why}; it will be tried again by the next ardoise deliver")
    if delivered.failed:
        raise typer.Exit(FAILED)


def report(month: Month = "", today: Today = "", as_json: AsJson = False) -> None:
    """Write the control reports of a month as PDF and XLSX.

    Example: ardoise report --month 2026-10
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    month = chosen_month(month, now)
    written = flow.report(month=month, made_on=now.date())
    if as_json:
        print_json({company: [str(path) for path in paths] for company, paths in written.items()})
        return
    for company, paths in written.items():
        screen.print(f"[bold]{company}[/]")
        for path in paths:
            screen.print(f"  {path}", markup=False)


def verify(as_json: AsJson = False) -> None:
    """Check that nothing was altered: event log, table files, stored documents.

    Example: ardoise verify
    """
    from ardoise.cli.verification import problems_found, sealed_state

    ready_database()
    state = sealed_state()
    problems = list(problems_found())
    if as_json:
        print_json({"sealed": state.sealed, "unsealed": state.unsealed, "problems": problems})
    else:
        screen.print(f"Event log: {state.sealed} lines sealed, {state.unsealed} waiting for the seal.")
        for problem in problems:
            screen.print(f"[red]✗[/] {problem}", markup=True)
        if not problems:
            screen.print("[green]✓[/] Everything is as it was written.")
    if problems:
        raise typer.Exit(FAILED)


def read_date(text: str, default: date) -> date:
    try:
        return date.fromisoformat(text) if text else default
    except ValueError:
        fail(f"« {text} » is not a date; write YYYY-MM-DD, for example 2026-11-05", code=2)
