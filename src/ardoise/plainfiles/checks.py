"""Errors between rows: references, trees, overlaps, missing VAT. Judged on what would be in force after the load.

A check reads the *world* (what is loaded already, overlaid by the folder) and blames rows of the folder: what is loaded
already was checked when it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from ardoise.bill.cycles import CATCH_UP_MONTHS
from ardoise.collect.links import problems as link_problems
from ardoise.core.assembly import AssemblyPolicy, BadAssembly
from ardoise.core.calendars import UnknownTerritory, french_holidays
from ardoise.core.naming import BadPattern, file_name, format_number
from ardoise.core.periods import PeriodError, billing_cycle, parse_length
from ardoise.core.phone import DialPlan
from ardoise.core.terms import AGREED, SUMMARY, Excess, excess, parse_terms
from ardoise.core.vat import (
    DOMESTIC,
    RateMissing,
    Regime,
    RegimeKind,
    RegimeRefused,
    VatError,
    check_regime,
    regime_of_establishment,
    treatment,
)
from ardoise.core.wording import counted
from ardoise.directory.bulk import overlapping
from ardoise.directory.operations import cycles_of, reseller_cycles
from ardoise.formats import registry
from ardoise.formats.spec import BadOption
from ardoise.plainfiles.columns import Ref, Refs
from ardoise.plainfiles.declare import Table
from ardoise.plainfiles.price_checks import PRICE_CHECKS
from ardoise.plainfiles.problems import Problem, one_of
from ardoise.plainfiles.rows import Cells, Key, Row
from ardoise.plainfiles.sale_checks import SALE_CHECKS
from ardoise.plainfiles.tables import TABLES
from ardoise.plainfiles.world import World

FILE_NAME_WORDS = ("issuer", "customer", "customer_code", "month", "number")  # what `deliver` fills in


def check(world: World) -> None:
    """Every check; errors and warnings go to the folder's findings."""
    for find in (
        _duplicates,
        _references,
        _cycles,
        _issuers_of_accounts,
        _legal_numbers,
        _periods,
        _overlaps,
        _issuers,
        _document_names,
        _payers,
        _dated_regimes,
        _vat_rates,
        _holidays,
        _bands,
        *PRICE_CHECKS,
        _resellers,
        _billing_cycles,
        *SALE_CHECKS,
        _sources,
    ):
        world.folder.findings.errors += find(world)
    for warn in (_deduced_regimes, _territories, _missing_siren, _terms_too_long):
        world.folder.findings.warnings += warn(world)


# --- every table ---------------------------------------------------------------------------------------------------


def _duplicates(world: World) -> Iterator[Problem]:
    for table in TABLES.values():
        first: dict[Key, Row] = {}
        for row in world.rows(table.name):
            other = first.setdefault(row.key, row)
            if other is not row:
                names = [name for name in table.key if name not in _unsaid(table, row)]
                said = ", ".join(f"{name} {_said(table.by_name[name].kind.write(row.cells[name]))}" for name in names)
                where = f"line {other.line}" if other.file == row.file else f"{other.file}, line {other.line}"
                yield row.problem("", f"same {said} as {where}; keep one of the two")


def _unsaid(table: Table, row: Row) -> set[str]:
    """Columns of a key that a message leaves out: the file says them, or the row says nothing in them."""
    rare = {column.name for column in table.columns if column.rare and row.cells[column.name] == column.empty}
    return rare | {column.name for column in table.derived}


def _said(text: str) -> str:
    return f"« {text} »" if text else "(empty)"


def _references(world: World) -> Iterator[Problem]:
    for table in TABLES.values():
        columns = [column for column in table.columns if isinstance(column.kind, (Ref, Refs))]
        for column in columns:
            target = column.kind.table  # type: ignore[attr-defined]
            if target in world.folder.unreadable:
                continue
            known = world.codes(target)
            sought = set(known) | {""}
            for row in world.rows(table.name):
                value = row.cells[column.name]
                for code in value if isinstance(column.kind, Refs) else (value,):
                    if code not in sought:
                        yield row.problem(column.name, f"{one_of(code, known)} ({TABLES[target].file})")
    for row in (*world.rows("tariff_links"), *world.rows("promotion_grants")):
        target = row.cells["owner_kind"] + "s"
        known = world.codes(target)
        if row.cells["owner"] not in known and target not in world.folder.unreadable:
            yield row.problem("owner", f"{one_of(row.cells['owner'], known)} ({TABLES[target].file})")


def _periods(world: World) -> Iterator[Problem]:
    for table in TABLES.values():
        if "valid_to_date" not in table.by_name:
            continue
        for row in world.rows(table.name):
            first, last = row.cells["valid_from_date"], row.cells["valid_to_date"]
            if last is not None and (last < first or (last == first and not table.dated)):
                message = f"« {last} » is not after valid_from_date « {first} »; write the day after the last day"
                yield row.problem("valid_to_date", message)


_ALONE: dict[str, tuple[str, ...]] = {  # table -> what only one row may describe at a time
    "assignments": ("line",),
    "identifiers": ("source", "kind", "value"),
    "vat_regimes": ("account",),
    "tariff_links": ("owner_kind", "owner", "trunk", "position"),
    "promotion_grants": ("owner_kind", "owner", "promotion"),
    "subscriptions": ("reference",),
    "discount_grants": ("owner_kind", "owner", "discount"),
    "vat_rates": ("regime", "nature"),
}


_TARGETS = {"identifiers": "line", "assignments": "account", "vat_regimes": "vat_regime"}  # what an overlap says twice


def _overlaps(world: World) -> Iterator[Problem]:
    for name, group in _ALONE.items():
        rows = world.by_key(name)
        touched = {tuple(row.cells[part] for part in group) for row in rows.values()}
        spans: dict[Key, list[tuple[Key, Cells]]] = defaultdict(list)
        for key, cells in world.cells[name].items():
            subject = tuple(cells[part] for part in group)
            if subject in touched and not (key not in rows and _steps_aside(world, name, cells)):
                spans[subject].append((key, cells))
        for subject, found in spans.items():
            periods = [(cells["valid_from_date"], cells["valid_to_date"]) for _, cells in found]
            for one, other in overlapping(periods):
                late = rows.get(found[other][0]) or rows.get(found[one][0])
                early = found[one][1] if late is rows.get(found[other][0]) else found[other][1]
                if late is not None:
                    yield _overlap(late, group, subject, early, rows.get(TABLES[name].key_of(early)))


def _overlap(row: Row, group: tuple[str, ...], subject: Key, other: Cells, other_row: Row | None) -> Problem:
    unsaid = _unsaid(row.table, row)
    said = [(name, part) for name, part in zip(group, subject, strict=True) if name not in unsaid]
    what = ", ".join(f"{name} {_said(str(part))}" for name, part in said)
    target = _TARGETS.get(row.table.name)
    named = f"« {other[target]} »" if target and other[target] != row.cells[target] else ""
    if other_row is not None:
        where = f"line {other_row.line}" + (f" ({named})" if named else "")
    else:
        since = f"valid_from_date {_first_day(other['valid_from_date'])}"
        where = f"the row loaded already ({', '.join(filter(None, (named, since)))})"
    hint = "give the earlier one a valid_to_date"
    if other_row is None:
        hint = (
            "if a command changed the row since this file was written (ardoise subscription change ...), write the "
            f"folder again with: ardoise dump FOLDER --replace; else {hint}, or take the loaded one back: repeat it "
            "with a valid_to_date equal to its valid_from_date"
        )
    return row.problem("valid_from_date", f"{what}: overlaps {where}; {hint}")


def _first_day(day: date) -> str:
    return "empty" if day.year == 1900 else str(day)


def _steps_aside(world: World, table: str, cells: Cells) -> bool:
    """What the house registered for an unknown identifier gives way to what people write."""
    if table == "assignments":
        return bool(world.cells["accounts"].get((cells["account"],), {}).get("provisional"))
    if table == "identifiers":
        return bool(world.cells["lines"].get((cells["line"],), {}).get("provisional"))
    return False


# --- directory -----------------------------------------------------------------------------------------------------


def _cycles(world: World) -> Iterator[Problem]:
    parents = {str(key[0]): cells["parent"] or None for key, cells in world.cells["accounts"].items()}
    for path in cycles_of(parents):
        row = next((found for code in path if (found := world.row("accounts", code))), None)
        if row is not None:
            yield row.problem("parent", f"an account cannot be its own ancestor: {' > '.join(path)}; change a parent")


def root_of(accounts: dict[Key, Cells], cells: Cells) -> Cells | None:
    """The customer at the top of an account's tree; None when the tree has a hole or a cycle."""
    seen = set()
    while cells["parent"]:
        if cells["code"] in seen or (cells["parent"],) not in accounts:
            return None
        seen.add(cells["code"])
        cells = accounts[cells["parent"],]
    return cells


def inherit_issuers(accounts: dict[Key, Cells]) -> None:
    """An empty issuer is the parent's: filled in, so that a row compares with what is stored."""
    for cells in accounts.values():
        above = cells
        seen = set()
        while not above["issuer"] and above["parent"] and above["code"] not in seen:
            seen.add(above["code"])
            above = accounts.get((above["parent"],), above)
        cells["issuer"] = above["issuer"]


def _issuers_of_accounts(world: World) -> Iterator[Problem]:
    accounts = world.cells["accounts"]
    for row in world.rows("accounts"):
        root = root_of(accounts, row.cells)
        if root is None:
            continue
        if not row.cells["issuer"]:
            if root is row.cells:
                yield row.problem("issuer", f"is empty; {one_of('', world.codes('issuers')).split('; ')[-1]}")
        elif root["issuer"] and row.cells["issuer"] != root["issuer"]:
            message = (
                f"« {row.cells['issuer']} » is not the issuer of its customer {root['code']} (« {root['issuer']} »)"
            )
            yield row.problem("issuer", f"{message}; leave it empty or write the same")
    yield from _left_behind(world)


def _left_behind(world: World) -> Iterator[Problem]:
    """A customer that changes issuer takes its branches along."""
    accounts, rows = world.cells["accounts"], world.by_key("accounts")
    for key, cells in accounts.items():
        root = root_of(accounts, cells)
        row = rows.get((root["code"],)) if root else None
        if key not in rows and row is not None and cells["issuer"] != row.cells["issuer"]:
            message = f"the account {cells['code']} below it stays with « {cells['issuer']} »; give it in the file too"
            yield row.problem("issuer", message)


def _resellers(world: World) -> Iterator[Problem]:
    """A reseller is of a customer, and nobody resells to itself."""
    accounts = world.cells["accounts"]
    parents = {cells["code"]: cells["parent"] for cells in accounts.values()}
    for row in world.rows("accounts"):
        if row.cells["reseller"] and row.cells["parent"]:
            root = root_of(accounts, row.cells)
            where = f" ({root['code']})" if root else ""
            yield row.problem("reseller", f"belongs to the customer at the top of the tree{where}, not to a branch")
    if cycles_of({code: parent or None for code, parent in parents.items()}):
        return  # said by `_cycles`; there is no top to climb to
    resellers = {cells["code"]: cells["reseller"] for cells in accounts.values() if cells["reseller"]}
    for path in reseller_cycles(parents, resellers):
        blamed = next((found for code in path if (found := world.row("accounts", code))), None)
        if blamed is not None:
            yield blamed.problem(
                "reseller", f"an account cannot resell to itself: {' > '.join(path)}; change a reseller"
            )


def _billing_cycles(world: World) -> Iterator[Problem]:
    """A cycle that exists, of a customer that is invoiced: what is below follows it, statements are made by month."""
    accounts = world.cells["accounts"]
    for row in world.rows("accounts"):
        length, day, start = (row.cells[name] for name in ("cycle", "cycle_day", "cycle_start_date"))
        if (length, day, start) == ("P1M", None, None) and not row.cells["threshold"]:
            continue
        column = "threshold" if row.cells["threshold"] else "cycle"
        issuer = world.cells["issuers"].get(((root_of(accounts, row.cells) or row.cells)["issuer"],))
        if row.cells["parent"]:
            yield row.problem(column, "belongs to the customer at the top of the tree; leave it empty here")
        elif issuer is not None and issuer["documents"] == "statements":
            yield row.problem(column, "statements are made by calendar month; leave it empty here")
        elif _beyond_catch_up(length):
            yield row.problem("cycle", f"« {length} » is longer than runs catch up; write at most P24M or P720D")
        else:
            try:
                billing_cycle(length, day=day, start=start)
            except PeriodError as error:
                yield row.problem("cycle_day" if day is not None else "cycle_start_date", str(error))


def _beyond_catch_up(length: str) -> bool:
    parsed = parse_length(length)
    return parsed.months > CATCH_UP_MONTHS or parsed.days > CATCH_UP_MONTHS * 30


def _legal_numbers(world: World) -> Iterator[Problem]:
    for row in (*world.rows("issuers"), *world.rows("accounts")):
        siren, siret, vat_number = (row.cells[name] for name in ("siren", "siret", "vat_number"))
        if siren and siret and not siret.startswith(siren):
            yield row.problem("siret", f"« {siret} » does not start with the SIREN « {siren} »; correct one of them")
        if siren and vat_number.startswith("FR") and vat_number[4:] != siren:
            yield row.problem(
                "vat_number", f"« {vat_number} » does not end with the SIREN « {siren} »; correct one of them"
            )


def _issuers(world: World) -> Iterator[Problem]:
    for row in world.rows("issuers"):
        if row.cells["documents"] == "invoices":
            for name in ("siren", "address", "postal_code", "city"):
                if not row.cells[name]:
                    yield row.problem(
                        name, "is missing: an issuer of invoices must print it (art. 242 nonies A, ann. II CGI)"
                    )


def _document_names(world: World) -> Iterator[Problem]:
    """The forms of numbers and file names, tried before the first document needs them."""
    for row in world.rows("issuers"):
        for name in ("invoice_number", "credit_number"):
            try:
                this_year = format_number(row.cells[name], year=2026, month=12, sequence=1)
                if this_year == format_number(row.cells[name], year=2027, month=12, sequence=1):
                    raise BadPattern(
                        f"« {row.cells[name]} » would give last year's numbers again in January; add {{year}} or {{yy}}"
                    )
            except BadPattern as error:
                yield row.problem(name, str(error))
        try:
            file_name(row.cells["file_name"], **dict.fromkeys(FILE_NAME_WORDS, "x"))
        except BadPattern as error:
            yield row.problem("file_name", str(error))


def _payers_of(world: World, *, everywhere: bool) -> Iterator[tuple[Row | None, Cells]]:
    """Customers and paying branches that receive legal invoices, with their row; `everywhere` = those loaded too."""
    rows = world.by_key("accounts")
    for key, cells in world.cells["accounts"].items():
        issuer = world.cells["issuers"].get((cells["issuer"],))
        invoiced = issuer is not None and issuer["documents"] == "invoices"
        pays = not cells["parent"] or cells["own_invoice"]
        if invoiced and cells["billable"] and pays and (everywhere or key in rows):
            yield rows.get(key), cells


def _payers(world: World) -> Iterator[Problem]:
    for row, cells in _payers_of(world, everywhere=False):
        assert row is not None
        for name in ("address", "postal_code", "city"):
            if not cells[name]:
                yield row.problem(
                    name, "is missing: a customer that is invoiced needs its address, postal code and city"
                )
        if not cells["vat_regime"] and not cells["parent"] and _proposed(cells) is None:
            yield row.problem(
                "vat_regime",
                f"expected VAT regime missing: nothing follows from {cells['postal_code'] or 'no postal code'} "
                f"{cells['country']}; give one of {', '.join(RegimeKind)}",
            )
        yield from _allowed(world, row, cells)
        if cells["country"] == "FR" and cells["postal_code"]:
            try:
                regime_of_establishment("FR", cells["postal_code"])
            except VatError as error:
                yield row.problem("postal_code", str(error))


def _proposed(cells: Cells) -> RegimeKind | None:
    """The regime that follows from where an establishment is."""
    try:
        return regime_of_establishment(cells["country"], cells["postal_code"]).kind
    except VatError:
        return None


def _allowed(world: World, row: Row, account: Cells) -> Iterator[Problem]:
    """A regime that lacks its mention, or that the account may not have (core.vat.check_regime)."""
    if row.cells["vat_regime"] == RegimeKind.EXEMPT and not row.cells["vat_reason"]:
        message = "is missing: write the mention to print, like « TVA non applicable – article 293 B du CGI »"
        yield row.problem("vat_reason", message)
    elif row.cells["vat_regime"]:
        above = root_of(world.cells["accounts"], account) or account
        try:
            check_regime(
                Regime(RegimeKind(row.cells["vat_regime"])),
                account=account["code"],
                resells=account["resells"] or above["resells"],
                vat_number=account["vat_number"] or above["vat_number"],
                private=account["audience"] == "B2C",
            )
        except RegimeRefused as error:
            missing = error.column in row.cells and not row.cells[error.column]
            column = error.column if error.column in row.cells else "vat_regime"
            yield row.problem(column, f"is missing: {error.why}" if missing else error.why)


def _dated_regimes(world: World) -> Iterator[Problem]:
    for row in world.rows("vat_regimes"):
        if account := world.cells["accounts"].get((row.cells["account"],)):
            yield from _allowed(world, row, account)


def _deduced_regimes(world: World) -> Iterator[Problem]:
    """A payer without a regime has the one of its establishment: said, so that it may be written."""
    for row, cells in _payers_of(world, everywhere=False):
        proposed = None if cells["vat_regime"] or cells["parent"] else _proposed(cells)
        if row is not None and proposed is not None:
            place = f"{cells['postal_code']} {cells['country']}"
            yield row.problem(
                "vat_regime", f"is empty: {proposed} follows from {place} and is what will be billed; write it"
            )


def _territories(world: World) -> Iterator[Problem]:
    """A regime that the establishment's postal code contradicts: legal in rare cases, a slip in most."""
    for row, cells in _payers_of(world, everywhere=False):
        assert row is not None
        if not cells["vat_regime"] or cells["vat_regime"] in (RegimeKind.REVERSE_CHARGE, RegimeKind.EXEMPT):
            continue
        try:
            expected = regime_of_establishment(cells["country"], cells["postal_code"]).kind
        except VatError:
            continue
        if expected != cells["vat_regime"]:
            place = f"{cells['postal_code']} {cells['country']}"
            message = f"« {cells['vat_regime']} » for an establishment in {place}: {expected} is usual there; check it"
            yield row.problem("vat_regime", message)


def _missing_siren(world: World) -> Iterator[Problem]:
    for row, cells in _payers_of(world, everywhere=False):
        assert row is not None
        above = root_of(world.cells["accounts"], cells) or cells
        if cells["audience"] == "B2B" and cells["country"] in DOMESTIC and not (cells["siren"] or above["siren"]):
            message = (
                "is missing: an invoice to a French company must print it (art. 242 nonies A, ann. II CGI) and will be "
                "refused at issue; write it, or audience B2C for a private person or an association without one"
            )
            yield row.problem("siren", message)


def _terms_too_long(world: World) -> Iterator[Problem]:
    """Terms that the law does not allow between businesses: said, never changed (docs/algorithms/terms.md)."""
    for row in (*world.rows("issuers"), *world.rows("accounts")):
        if not row.cells["payment_terms"] or not _bound_by_terms(world, row):
            continue
        terms = parse_terms(row.cells["payment_terms"])
        if over := excess(terms, AGREED):
            message = f"{_too_long(terms, over)}; the law allows 60 days, or 45 days end of month"
            yield row.problem("payment_terms", f"{message} ({over.limit.article})")
        elif over := excess(terms, SUMMARY):
            message = f"{_too_long(terms, over)} if it sums several supplies of one month: 45 days at most then"
            yield row.problem("payment_terms", f"{message} ({over.limit.article})")


def _bound_by_terms(world: World, row: Row) -> bool:
    """Whether a row sells, or is sold to, between businesses."""
    if row.table.name == "issuers":
        return bool(row.cells["documents"] == "invoices")
    issuer = world.cells["issuers"].get((row.cells["issuer"],))
    return issuer is not None and issuer["documents"] == "invoices" and bool(row.cells["audience"] == "B2B")


def _too_long(terms: object, over: Excess) -> str:
    late = counted(over.days, "day")
    return f"« {terms} » on an invoice of {over.issue_date} is due on {over.due_date}, {late} too late"


# --- catalogue -----------------------------------------------------------------------------------------------------


def _vat_rates(world: World) -> Iterator[Problem]:
    """Each regime in use has a rate for each nature sold, where it is taxed at a rate at all."""
    if "vat_rates" in world.folder.unreadable:
        return
    natures = {"services"} | {cells["nature"] for cells in world.cells["products"].values()}
    known = {(cells["regime"], cells["nature"]) for cells in world.cells["vat_rates"].values()}
    blamed: set[tuple[str, str]] = set()
    for row, cells in _payers_of(world, everywhere=True):
        regime = RegimeKind(cells["vat_regime"]) if cells["vat_regime"] else _proposed(cells)
        needs = [(_taxed_as(regime, nature), nature) for nature in sorted(natures)] if regime else []
        for needed in needs:
            nature = needed[1]
            if needed[0] and not known & {needed, (needed[0], "")} and needed not in blamed:
                blamed.add(needed)
                message = f"no VAT rate for {needed[0]}, {nature}: add a row to vat_rates.csv"
                yield row.problem("vat_regime", message) if row else Problem("vat_rates.csv", 0, "", message)


def _taxed_as(regime: RegimeKind, nature: Any) -> str:
    """The regime whose rate a product takes; "" when no VAT is charged."""
    try:
        treatment(Regime(regime, "-"), nature=nature, supply_date=date(2000, 1, 1), account="", rates=())
    except RateMissing:
        return regime if regime is RegimeKind.OVERSEAS_DOM else RegimeKind.STANDARD
    return ""


def _holidays(world: World) -> Iterator[Problem]:
    for row in world.rows("calendars"):
        try:
            french_holidays(row.cells["holidays"], 2026)
        except UnknownTerritory as error:
            yield row.problem("holidays", str(error))


def _bands(world: World) -> Iterator[Problem]:
    bands: dict[str, set[str]] = defaultdict(set)
    for cells in world.cells["calendar_rules"].values():
        bands[cells["calendar"]].add(cells["band"])
    for row in world.rows("rates"):
        band = row.cells["band"]
        if not band or "calendars" in world.folder.unreadable:
            continue
        tariff = world.cells["tariffs"].get((row.cells["tariff"],))
        calendar = tariff["calendar"] if tariff else ""
        if not calendar:
            yield row.problem(
                "band", f"« {band} »: the tariff {row.cells['tariff']} has no calendar; name one, or leave it empty"
            )
        elif band not in bands[calendar] and calendar not in world.folder.named["calendars"]:
            yield row.problem("band", f"{one_of(band, sorted(bands[calendar]))} (calendar {calendar})")


def _sources(world: World) -> Iterator[Problem]:
    for row in world.rows("sources"):
        cells = row.cells
        link = {name: cells[name] for name in ("host", "port", "link")}
        for column, message in link_problems(cells["transport"], **link):
            yield row.problem(column, message)
        try:
            AssemblyPolicy.of(cells["assembly"], DialPlan())
        except BadAssembly as error:
            yield row.problem("assembly", str(error).removeprefix("assembly: "))
        try:
            registry.get(cells["format"]).reader(cells["options"])
        except registry.UnknownFormat:
            yield row.problem("format", one_of(cells["format"], sorted(registry.all_formats())))
        except BadOption as error:
            yield row.problem("profile" if "profile" in cells["options"] else "options", str(error))
