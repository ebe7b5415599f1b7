"""`ardoise parse`, `ardoise formats ...`, `ardoise simulate`: formats without a database."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ardoise.cli.wiring import FAILED, USAGE, AsJson, errors, fail, print_json, screen, table
from ardoise.collect.simulator import CLIENTS_MAX, NobodyListens, Pbx, PortTaken, SendingPbx, ServingPbx, play
from ardoise.core.usage import Event, Leg, Unreadable
from ardoise.core.wording import counted
from ardoise.formats import registry
from ardoise.formats.guess import Guess, guess
from ardoise.formats.pages import LANGUAGES, all_pages, render_page
from ardoise.formats.proposal import BadProfile, NotASample, Proposal, Trial, propose, sentence, try_profile
from ardoise.formats.sample_json import to_sample_json
from ardoise.formats.spec import BadOption, Format, OtherSide, TalkingFormat

Files = Annotated[list[Path], typer.Argument(help="Files of tickets; several are the parts of one stream, in order.")]
Options = Annotated[
    list[str],
    typer.Option("--option", "-o", help="Option of the format, key=value; may be repeated.", metavar="KEY=VALUE"),
]
formats = typer.Typer(help="The ticket formats this installation can read.", no_args_is_help=True)


def parse(
    files: Files,
    format: Annotated[str, typer.Option("--format", "-f", help="Name of the format: see `ardoise formats list`.")],
    option: Options = [],  # noqa: B006 - typer copies it
    profile: Annotated[Path | None, typer.Option(help="Profile of separated or fixed columns (TOML).")] = None,
) -> None:
    """Read tickets and print one JSON line a record; exit status 1 if a record is unreadable.

    Example: ardoise parse --format mitel_3300 -o layout=network smdr.txt
    """
    chosen = _format(format)
    options = _options(option, profile)
    try:
        read = chosen.reader(options)
    except BadOption as error:
        fail(str(error), code=USAGE)
    unreadable = number = 0
    for number, record in enumerate(_records(chosen, files), start=1):
        reading = read(record)
        unreadable += isinstance(reading, Unreadable)
        print_json(to_sample_json(reading, number))
    sys.stdout.flush()
    errors.print(f"{counted(number, 'record')}, {unreadable} unreadable")
    if unreadable:
        raise typer.Exit(FAILED)


@formats.command("list")
def formats_list(as_json: AsJson = False) -> None:
    """List the installed formats.

    Example: ardoise formats list
    """
    specs = [chosen.spec for chosen in registry.all_formats().values()]
    if as_json:
        print_json([{"name": spec.name, "title": spec.title, "transports": spec.transports} for spec in specs])
        return
    rows = table("Formats", "name", "title", "transport", "port", "grade")
    for spec in specs:
        port = "-" if spec.default_port is None else str(spec.default_port)
        rows.add_row(spec.name, spec.title, ", ".join(spec.transports), port, spec.grade)
    screen.print(rows)


@formats.command("show")
def formats_show(
    name: Annotated[str, typer.Argument(help="Name of the format.")],
    lang: Annotated[str, typer.Option("--lang", help="Language of the page: fr or en.")] = "fr",
) -> None:
    """Show what a format is: how to set the PBX up, options, fields, traps.

    Example: ardoise formats show mitel_3300 --lang en
    """
    if lang not in LANGUAGES:
        fail(f"No page in {lang!r}; choose one of {', '.join(LANGUAGES)}.", code=USAGE)
    page = render_page(_format(name).spec, lang)
    if screen.is_terminal:
        screen.print(Markdown(page))
    else:
        sys.stdout.write(page)


@formats.command("pages")
def formats_pages(folder: Annotated[Path, typer.Argument(help="Folder to write the pages to.")]) -> None:
    """Write the manual page of every format, in French and English.

    Example: ardoise formats pages docs/formats
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = all_pages(registry.all_formats())
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    screen.print(f"{counted(len(pages), 'page')} in {folder}")


@formats.command("guess")
def formats_guess(
    file: Annotated[Path, typer.Argument(help="File of tickets as the PBX or the operator sends them.")],
    all_of_them: Annotated[bool, typer.Option("--all", help="List the formats that read no ticket too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rank the formats by what each one reads of a file; exit status 1 when none reads a ticket.

    Example: ardoise formats guess tickets.txt
    """
    found = guess(_read(file))
    if as_json:
        print_json([_guess_json(one) for one in found])
    else:
        _show_guesses(found, everything=all_of_them)
    if not any(one.reads_it for one in found):
        raise typer.Exit(FAILED)


def _guess_json(one: Guess) -> dict[str, object]:
    counts = {"records": one.records, "calls": one.calls, "doubtful": one.doubtful}
    counts |= {"events": one.events, "unreadable": one.unreadable}
    reasons = [{"reason": why.code, "count": why.count, "detail": why.detail} for why in one.reasons]
    return {"format": one.name, "share_percent": one.share_percent, **counts, "reasons": reasons}


def _show_guesses(found: list[Guess], *, everything: bool) -> None:
    readers = [one for one in found if one.reads_it]
    rows = table("Formats", "format", "read", "tickets", "doubtful", "events", "unreadable", "first reason")
    for one in found if everything else readers:
        why = f"{one.reasons[0].code}: {one.reasons[0].detail}" if one.reasons else "-"
        counts = (str(count) for count in (one.calls, one.doubtful, one.events, one.unreadable))
        rows.add_row(one.name, f"{one.share_percent} %", *counts, escape(why[:100]))
    if readers or everything:
        screen.print(rows)
    if readers:
        screen.print(f"Try: ardoise parse --format {readers[0].name} FILE", style="dim")
    else:
        errors.print("No format reads a ticket of this file. Try: ardoise formats new FILE")


@formats.command("new")
def formats_new(
    file: Annotated[Path, typer.Argument(help="Sample of tickets, as text: some dozen lines are enough.")],
    output: Annotated[Path | None, typer.Option("--output", help="Write the profile to this file.")] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Correct it in the editor ($EDITOR), tried at each saving.")
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help="Language of the comments: fr or en.")] = "fr",
) -> None:
    """Propose a profile for a file that no format reads; exit status 1 while it cannot be used.

    Example: ardoise formats new tickets.txt --output profiles/pbx.toml
    """
    if lang not in LANGUAGES:
        fail(f"No comments in {lang!r}; choose one of {', '.join(LANGUAGES)}.", code=USAGE)
    data = _read(file)
    try:
        found = propose(data, french=lang == "fr")
    except NotASample as refused:
        fail(str(refused))
    text, problem, trial = _corrected(found, data) if edit else (found.text, found.problem, found.trial)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write_new(output, text)
    for doubt in () if edit else found.doubts:
        errors.print(f"- {sentence(doubt, french=lang == 'fr')}", markup=False)
    if problem:
        fail(f"The profile must be completed: {problem}")
    errors.print(f"{_counts(trial)}. Next: ardoise parse --format {found.format} --profile PROFILE.toml FILE")


def _corrected(found: Proposal, data: bytes) -> tuple[str, str, Trial]:
    """The profile as somebody left it in the editor: once it works, or once they leave it as it was."""
    text, problem, trial = found.text, found.problem, found.trial
    while True:
        before = text
        text = _edited(f"# ! {problem}\n{text}" if problem else text)
        if text == before:
            return text, problem, trial
        try:
            trial = try_profile(text, data)
        except BadProfile as refused:
            problem = str(refused)
            continue
        return text, "", trial


def _edited(text: str) -> str:
    """The text after the editor of the user has closed it; the line of the complaint is taken out again."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with TemporaryDirectory(prefix="ardoise-") as folder:
        file = Path(folder, "profile.toml")
        file.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
            edited = file.read_text(encoding="utf-8")
        except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
            fail(f"The editor {editor} did not give the profile back: {error}. Set EDITOR, or leave --edit out.")
    return "".join(line for line in edited.splitlines(keepends=True) if not line.startswith("# ! "))


def _counts(trial: Trial) -> str:
    read = f"{counted(trial.count(Leg), 'ticket')}, {counted(trial.count(Event), 'event')}"
    return f"{read}, {trial.count(Unreadable)} unreadable"


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        fail(f"{file} exists: choose another name, or remove it first.", code=USAGE)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}", code=USAGE)


def simulate(
    format: Annotated[str, typer.Argument(help="Name of the format: see `ardoise formats list`.")],
    file: Annotated[Path, typer.Argument(help="File of tickets to play.")],
    to: Annotated[str, typer.Option("--to", help="Connect and send, as an Avaya does.", metavar="HOST:PORT")] = "",
    listen: Annotated[int | None, typer.Option(help="Wait for collectors, as a Mitel does.", metavar="PORT")] = None,
    rate: Annotated[float, typer.Option(help="Tickets per second; 0 = as fast as possible.", min=0)] = 5,
    once: Annotated[bool, typer.Option("--once", help="Stop when the file has been played and taken.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="Cut the writes at odd places, to show reassembly.")] = False,
) -> None:
    """Play a file of tickets as the PBX would. Without --once, stays connected until Ctrl-C.

    Example: ardoise simulate avaya_ipoffice tickets.csv --to 127.0.0.1:1080 --rate 20 --once
    """
    chosen = _format(format)
    records = [chosen.replay([record]) for record in _records(chosen, [file]) if record.strip(b"\r\n\x00 ")]
    with errors.status("Connecting ..."):
        pbx = _pbx(chosen, to, listen, cut=cut)
    try:
        _play(pbx, records, rate)
        while not once or (isinstance(pbx, ServingPbx) and pbx.waiting):
            time.sleep(0.1)
    except KeyboardInterrupt:
        errors.print("Stopped.")
    finally:
        pbx.close()
    if pbx.waiting or pbx.dropped:
        fail(f"{pbx.sent} tickets sent, {pbx.waiting} not taken by any collector, {pbx.dropped} dropped (buffer full).")
    screen.print(f"{counted(pbx.sent, 'ticket')} sent")


def _play(pbx: Pbx, records: list[bytes], rate: float) -> None:
    columns = (TextColumn("tickets"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("tickets", total=len(records), state="")

        def show(pbx: Pbx) -> None:
            state = f"{pbx.waiting} waiting for a collector" if pbx.waiting else ""
            progress.update(task, advance=1, state=state)

        play(pbx, records, tickets_per_s=rate, on_ticket=show)


def _pbx(chosen: Format, to: str, listen: int | None, *, cut: bool) -> SendingPbx | ServingPbx:
    if "tcp_server" not in chosen.spec.transports and "tcp_client" not in chosen.spec.transports:
        fail(f"{chosen.spec.name} comes in files, not on a socket: drop the file in the source's folder.", code=USAGE)
    if bool(to) == (listen is not None):
        usual = "--listen PORT" if chosen.spec.transports[0] == "tcp_client" else "--to HOST:PORT"
        fail(f"Give one of --to and --listen; {chosen.spec.name} usually takes {usual}.", code=USAGE)
    try:
        if listen is not None:
            pbx = ServingPbx(
                listen,
                cut=cut,
                clients_max=1 if chosen.spec.one_client else CLIENTS_MAX,
                other_side=_other_side(chosen),
            )
            errors.print(f"Listening on port {pbx.port}")
            return pbx
        sender = SendingPbx(*_address(to), cut=cut)
        sender.connect()
        return sender
    except (NobodyListens, PortTaken) as error:
        fail(str(error))


def _other_side(chosen: Format) -> Callable[[], OtherSide] | None:
    """The dialogue of the simulated PBX with each collector; passwords are those of the factory."""
    if not isinstance(chosen, TalkingFormat):
        return None
    talking: TalkingFormat = chosen
    return lambda: talking.other_side({}, {"user": "", "password": ""})


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        fail(f"« {text} » is not an address; write HOST:PORT, for example 127.0.0.1:1080", code=USAGE)
    return host.strip("[]"), int(port)


def _format(name: str) -> Format:
    try:
        return registry.get(name)
    except registry.UnknownFormat as error:
        fail(str(error), code=USAGE)


def _options(pairs: list[str], profile: Path | None) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            fail(f"« {pair} » is not an option; write key=value, for example layout=network", code=USAGE)
        options[key.strip()] = value.strip()
    if profile is not None:
        options["profile"] = _read(profile).decode("utf-8", errors="replace")
    return options


def _records(chosen: Format, files: list[Path]) -> Iterator[bytes]:
    """The records of the files taken as one stream; a record may begin in one file and end in the next."""
    rest = b""
    for file in files:
        records, rest = chosen.frame(rest + _read(file), final=False)
        yield from records
    yield from chosen.frame(rest, final=True)[0]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", code=USAGE)
