"""The `ardoise` command: one function a command, one call of the house each."""

from __future__ import annotations

import os
import sys

import typer

from ardoise.cli import wiring
from ardoise.cli.help_pages import make_plain


def build() -> typer.Typer:
    """Assemble the commands; Django is started before, because the modules name its models."""
    from ardoise.cli import (
        agent_commands,
        audit_commands,
        bench_commands,
        billing_commands,
        collect_commands,
        correction_commands,
        demo_commands,
        directory_commands,
        files_commands,
        formats_commands,
        grant_commands,
        price_commands,
        rating_commands,
        serve_commands,
        subscription_commands,
        takeover_commands,
        tariff_commands,
    )

    app = typer.Typer(
        name="ardoise",
        help="Telecom billing and call accounting: tickets in, legal invoices out.",
        epilog="--home FOLDER, anywhere on the line, is where the installation lives (else ARDOISE_HOME, else ./var).",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command()(demo_commands.demo)
    app.command()(serve_commands.up)
    app.command()(files_commands.load)
    app.command()(files_commands.dump)
    app.add_typer(directory_commands.directory, name="directory")
    app.add_typer(takeover_commands.takeover, name="takeover")
    app.add_typer(formats_commands.formats, name="formats")
    app.command()(formats_commands.parse)
    app.command()(formats_commands.simulate)
    app.add_typer(collect_commands.collect, name="collect")
    app.add_typer(agent_commands.agent, name="agent")
    app.command()(rating_commands.rate)
    app.command()(price_commands.price)
    app.command()(audit_commands.audit)
    app.add_typer(tariff_commands.tariffs, name="tariffs")
    app.add_typer(subscription_commands.subscription, name="subscription")
    app.add_typer(grant_commands.discount, name="discount")
    app.add_typer(grant_commands.commitment, name="commitment")
    app.command()(billing_commands.check)
    app.add_typer(correction_commands.bill, name="bill")
    app.command()(billing_commands.deliver)
    app.command()(billing_commands.report)
    app.command()(billing_commands.verify)
    app.add_typer(bench_commands.bench, name="bench")
    make_plain(app)
    return app


def run() -> None:
    """Entry point: `--home FOLDER` may stand anywhere; errors end as one sentence and an exit status."""
    sys.exit(wiring.guarded(_run))


def _run() -> None:
    arguments, home = _home(sys.argv[1:])
    if home is None and arguments[:1] == ["demo"]:
        home = os.environ.get("ARDOISE_HOME", "var/demo")  # the demonstration never touches another installation
    wiring.start_django(home)
    build()(args=arguments)


def _home(arguments: list[str]) -> tuple[list[str], str | None]:
    """Take `--home FOLDER` out of the arguments: it decides where Django finds its database."""
    for index, argument in enumerate(arguments):
        if argument == "--home" and index + 1 < len(arguments):
            return arguments[:index] + arguments[index + 2 :], arguments[index + 1]
        if argument.startswith("--home="):
            return arguments[:index] + arguments[index + 1 :], argument.removeprefix("--home=")
    return arguments, None
