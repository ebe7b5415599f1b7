"""Isère & Savoie Télécom: a virtual operator with two brands, three upstream operators and sixty customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

from making import cdr, logos
from making.clients import CLIENTS, INTERNAL, Client
from making.dialling import OVERSEAS_FIXED, abroad, fill, french_fixed, french_mobile, key_of
from making.files import Company, toml_block
from making.identity import ascii_name, iban, person, siren, siret, street, vat_number
from making.past import past_rows
from making.tariffs import (
    CALENDAR,
    PARIS,
    ZONES,
    Row,
    Style,
    Tariff,
    Version,
    access_price,
    micros,
    rows_of,
    service_price,
)
from making.traffic import DAYS, HOME_HOURS, MONTH, OFFICE_HOURS, Contacts, calls_on, contacts, moment, talk_s

SEED = 20261105
COMPANY = "Isère & Savoie Télécom SAS"
# An international body: the supplier invoices without tax (directive 2006/112/CE, article 151).
EXEMPTION = "VATEX-EU-151: Exonération – article 151 de la directive 2006/112/CE"
PRO, HOME = "cimalia", "voixdesalpes"
SINCE = date(2026, 1, 1)
CHANGE = date(2026, 10, 15)
SILENT_FROM = date(2026, 10, 27)
SILENT = "oisans"
SOURCES = ("transalp", "lemanvoix", SILENT)
UNKNOWN_PREFIX = "+88351"  # an international network that no price list knows

DEFAULT_PRO = Style("0.0120", "", "0.0390", "", "0.0790", "0.1590", "1.9", 1, 1)
DEFAULT_HOME = Style("0.0190", "0.0140", "0.0590", "0.0490", "0.0990", "0.1990", "2.6", 60, 1, fee="0.0500",
                     minimum_abroad="0.0500")  # fmt: skip
PREMIUM = Style("0.0085", "", "0.0290", "", "0.0590", "0.1290", "1.5", 1, 1)
PREMIUM_NEW = replace(PREMIUM, fixed="0.0080", mobile="0.0270", abroad_factor="1.4")
RESIDENTIAL = Style("0.0240", "", "0.0720", "", "0.1190", "0.2390", "3.2", 60, 60, fee="0.0800", with_tax=True)
COSTS = {
    "transalp": Style("0.0040", "", "0.0120", "", "0.0310", "0.0690", "1.0", 1, 1, service_share="0.93"),
    "lemanvoix": Style("0.0038", "", "0.0110", "", "0.0330", "0.0720", "0.95", 1, 1, service_share="0.95"),
    SILENT: Style("0.0045", "", "0.0130", "", "0.0300", "0.0650", "1.05", 60, 1, service_share="0.92"),
}
PREMIUM_CODE, RESIDENTIAL_CODE = "premium-pro", "residentiel-ttc"

# code -> (name, one_off?, goods?, price, with tax, in advance)
PRODUCTS: dict[str, tuple[str, bool, bool, str, bool, bool]] = {
    "acces-fibre-pro": ("Accès Internet fibre professionnel", False, False, "49.00", False, True),
    "acces-fibre-dedie": ("Accès fibre dédiée, débit garanti", False, False, "290.00", False, True),
    "acces-fibre-maison": ("Accès Internet fibre, maison", False, False, "29.99", True, True),
    "canal-sip": ("Canal de voix SIP", False, False, "6.00", False, True),
    "numero-sda": ("Numéro direct (SDA)", False, False, "0.60", False, True),
    "location-poste-ip": ("Location de poste IP", False, False, "3.50", False, True),
    "forfait-ligne-2h": ("Forfait ligne 2 h fixes et mobiles", False, False, "9.90", False, True),
    "forfait-equipe-10h": ("Forfait équipe 10 h partagées", False, False, "34.00", False, True),
    "forfait-mobile-5h": ("Forfait mobile professionnel 5 h", False, False, "14.90", False, True),
    "forfait-maison-50h": ("Forfait maison 50 h", False, False, "19.99", True, True),
    "supervision": ("Supervision du réseau, mois échu", False, False, "25.00", False, False),
    "poste-ip-t42": ("Poste IP T42, écran couleur", True, True, "89.00", False, True),
    "routeur-fibre": ("Routeur fibre professionnel", True, True, "129.00", False, True),
    "box-maison": ("Boîtier Internet maison", True, True, "59.00", True, True),
    "installation-site": ("Installation sur site", True, False, "150.00", False, True),
    "portabilite": ("Portabilité de numéro", True, False, "15.00", False, True),
}
FRANCE = ("fixe", "mobile")
# code -> (name, seconds, owner)
ALLOWANCES = {
    "inclus-ligne-2h": ("2 h vers fixes et mobiles", 7200, "line"),
    "inclus-equipe-10h": ("10 h partagées vers fixes et mobiles", 36000, "account"),
    "inclus-mobile-5h": ("5 h vers fixes et mobiles", 18000, "line"),
    "inclus-maison-50h": ("50 h vers fixes et mobiles", 180000, "line"),
}
# plan = its product; code -> (tariff, allowance)
PLANS = {
    "forfait-ligne-2h": ("", "inclus-ligne-2h"),
    "forfait-equipe-10h": ("", "inclus-equipe-10h"),
    "forfait-mobile-5h": ("", "inclus-mobile-5h"),
    "forfait-maison-50h": (RESIDENTIAL_CODE, "inclus-maison-50h"),
}


@dataclass(slots=True)
class Line:
    number: str  # national
    name: str
    account: str
    client: Client
    source: str
    is_mobile: bool
    weight: int
    free_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class World:
    random: Random
    company: Company
    tariffs: dict[str, Tariff]
    lines: list[Line] = field(default_factory=list)
    calls: list[cdr.Call] = field(default_factory=list)
    subscribed_minor: dict[str, int] = field(default_factory=dict)  # client -> cents without tax of a usual month
    references: int = 0
    habit_minor: int = 0  # what the customer with five times its habit usually spends


def make() -> Company:
    """Everything of the company, in a fixed order: the same bytes each time."""
    random = Random(SEED)
    world = World(random, Company(), _tariffs())
    _identity(world.company)
    _catalogue(world)
    for client in (*CLIENTS, INTERNAL):
        _client(world, client)
    for client in (*CLIENTS, INTERNAL):
        _subscriptions(world, client)
    _purchases(world)
    for client in (*CLIENTS, INTERNAL):
        _calls(world, client)
    for source in SOURCES:
        calls = [_priced_by_operator(world, call) for call in world.calls if call.source == source]
        for name, content in cdr.files(source, calls).items():
            world.company.texts[f"tickets/{source}/{name}"] = content
    _history(world)
    return world.company


# --- the operator ---------------------------------------------------------------------------------------------------


def _identity(company: Company) -> None:
    number = siren(730105)
    common: list[tuple[str, object]] = [
        ("address", "18 avenue Doyen-Louis-Weil"),
        ("postal_code", "38000"),
        ("city", "Grenoble"),
        ("country", "FR"),
        ("siren", number),
        ("siret", siret(number)),
        ("vat_number", vat_number(number)),
        ("legal_mention", f"{COMPANY} au capital de 250 000 € – RCS Grenoble {number[:3]} {number[3:6]} {number[6:]}"),
    ]
    terms: list[tuple[str, object]] = [
        ("zone", "Europe/Paris"),
        ("currency", "EUR"),
        ("language", "fr"),
    ]
    notes: list[tuple[str, object]] = [
        ("penalty_note", "Pénalités de retard : taux de la Banque centrale européenne majoré de 10 points, exigibles "
                         "sans rappel dès le lendemain de l’échéance."),
        ("indemnity_note", "Indemnité forfaitaire pour frais de recouvrement : 40 €."),
        ("discount_note", "Pas d’escompte pour paiement anticipé."),
        ("vat_on_debits", True),
        ("first_month", MONTH),
    ]  # fmt: skip
    cimalia = toml_block(
        "[[issuer]]",
        [
            ("code", PRO),
            ("name", "Cimalia Pro"),
            ("company", COMPANY),
            ("documents", "invoices"),
            *common,
            ("email", "facturation@cimalia.example"),
            ("phone", "04 65 71 38 00"),
            ("iban", iban("30999", "00038", "00021730105")),
            ("bic", "ISVTFR2GXXX"),
            *terms,
            ("logo", f"logos/{PRO}.svg"),
            ("accent", "#0b5c7a"),
            ("header", "La voix et la fibre des entreprises alpines"),
            ("footer", f"Cimalia Pro est une marque de {COMPANY} – service clients 04 65 71 38 00, appel non surtaxé"),
            ("invoice_number", "FAC{year}-{seq:05d}"),
            ("credit_number", "AVC{year}-{seq:05d}"),
            ("file_name", "{issuer} {customer} {month}"),
            ("payment_terms", "30d"),
            *notes,
        ],
    )
    voix = toml_block(
        "[[issuer]]",
        [
            ("code", HOME),
            ("name", "Voix des Alpes"),
            ("company", COMPANY),
            ("documents", "invoices"),
            *common,
            ("email", "bonjour@voixdesalpes.example"),
            ("phone", "04 65 71 73 00"),
            ("iban", iban("30999", "00073", "00021730106")),
            ("bic", "ISVTFR2GXXX"),
            *terms,
            ("logo", f"logos/{HOME}.svg"),
            ("accent", "#7a1f5c"),
            ("header", "Votre téléphone, simplement"),
            ("footer", f"Voix des Alpes est une marque de {COMPANY} – 04 65 71 73 00, appel non surtaxé, du lundi au "
                       "samedi"),
            ("invoice_number", "FAV{year}-{seq:05d}"),
            ("credit_number", "AVV{year}-{seq:05d}"),
            ("file_name", "{issuer} {customer} {month}"),
            ("payment_terms", "15d"),
            *notes,
        ],
    )  # fmt: skip
    company.text("issuers.toml", cimalia + "\n" + voix)
    company.text(f"logos/{PRO}.svg", logos.CIMALIA)
    company.text(f"logos/{HOME}.svg", logos.VOIX_DES_ALPES)
    names = {
        "transalp": "Transalp Réseaux (trunks SIP)",
        "lemanvoix": "Lémanvoix (mobiles et trunks)",
        SILENT: "Oisans Interconnexion",
    }
    blocks = []
    for source in sorted(SOURCES):
        blocks.append(
            toml_block(
                "[[source]]",
                [
                    ("code", source),
                    ("name", names[source]),
                    ("issuer", PRO),
                    ("format", "delimited"),
                    ("transport", "files"),
                    ("folder", f"depot/{source}"),
                    ("pattern", "*.csv"),
                    ("zone", "Europe/Paris"),
                    ("country", "33"),
                    ("active", True),
                    ("profile", f"profiles/{source}.toml"),
                ],
            )
        )
        company.text(f"profiles/{source}.toml", cdr.PROFILES[source])
    company.text("sources.toml", "\n".join(blocks))


def _tariffs() -> dict[str, Tariff]:
    def rows(style: Style) -> tuple[Row, ...]:
        return tuple(rows_of(style))

    older = replace(DEFAULT_HOME, fixed="0.0210", mobile="0.0650")
    found = [
        Tariff("cimalia-2026", "Grille Cimalia Pro 2026", (Version(SINCE, rows(DEFAULT_PRO)),)),
        Tariff("voixdesalpes", "Grille Voix des Alpes",
               (Version(date(2025, 1, 1), rows(older)), Version(SINCE, rows(DEFAULT_HOME))), "heures-pleines"),
        Tariff(PREMIUM_CODE, "Grille Premium", (Version(SINCE, rows(PREMIUM)), Version(CHANGE, rows(PREMIUM_NEW)))),
        Tariff(RESIDENTIAL_CODE, "Grille Maison, toutes taxes comprises", (Version(SINCE, rows(RESIDENTIAL)),),
               with_tax=True),
        *(Tariff(f"achat-{source}", f"Prix d’achat {source.capitalize()}", (Version(SINCE, rows(style)),))
          for source, style in COSTS.items()),
    ]  # fmt: skip
    return {tariff.code: tariff for tariff in found}


def _catalogue(world: World) -> None:
    company = world.company
    for code, (french, english) in ZONES.items():
        company.add("zones.csv", code=code, label_fr=french, label_en=english)
    company.text("calendars.toml", CALENDAR)
    for tariff in world.tariffs.values():
        tariff.write(company)
    company.add("tariff_links.csv", owner_kind="issuer", owner=PRO, tariff="cimalia-2026")
    company.add("tariff_links.csv", owner_kind="issuer", owner=HOME, tariff="voixdesalpes")
    for source in SOURCES:
        company.add("tariff_links.csv", owner_kind="source", owner=source, tariff=f"achat-{source}")
    for code, (name, one_off, goods, price, with_tax, in_advance) in PRODUCTS.items():
        company.add("products.csv", code=code, name=name, kind="one_off" if one_off else "recurring",
                    nature="goods" if goods else "services", unit_price=price, tax_basis="ttc" if with_tax else "ht",
                    in_advance="yes" if in_advance else "no")  # fmt: skip
    for code, (name, seconds, owner) in ALLOWANCES.items():
        company.add("allowances.csv", code=code, name=name, quantity=seconds, counted="seconds",
                    zones=" ".join(FRANCE), owner=owner, priority=50 if owner == "line" else 100)  # fmt: skip
    for code, (tariff_code, allowance) in PLANS.items():
        company.add("plans.csv", code=code, name=PRODUCTS[code][0], product=code, tariff=tariff_code,
                    allowances=allowance)  # fmt: skip
    company.add("vat_rates.csv", regime="standard", rate="20", valid_from_date="2014-01-01")
    company.add("vat_rates.csv", regime="overseas_dom", rate="8.5", valid_from_date="2014-01-01")


# --- a customer -----------------------------------------------------------------------------------------------------


def _client(world: World, client: Client) -> None:
    random, company = world.random, world.company
    private = client.kind == "home"
    number = "" if private else siren(410000 + 37 * int(client.code[1:]))
    domain = ascii_name(client.name)[:30].strip("-")
    company.add(
        "accounts.csv",
        code=client.code,
        name=client.name,
        issuer=client.issuer,
        billable="no" if client is INTERNAL else "yes",
        audience="B2C" if private else "B2B",
        basis="ttc" if private else "ht",
        vat_regime=client.regime,
        vat_reason=EXEMPTION if client.regime == "exempt" else "",
        siren=number,
        siret=siret(number) if number else "",
        vat_number=vat_number(number) if number and client.regime != "exempt" else "",
        address=street(random),
        postal_code=client.postal_code,
        city=client.city,
        emails=f"{domain}@courriel.example" if private else f"compta@{domain}.example",
        purchase_order=f"BC-{random.randint(1000, 9999)}" if client.kind == "large" else "",
        payment_terms="45d" if client.kind == "large" else None,
        resells="yes" if client.regime == "reverse_charge" else None,
    )
    accounts = [client.code]
    for city, postal_code in client.branches:
        code = f"{client.code}-{ascii_name(city)[:4].upper()}"
        accounts.append(code)
        company.add("accounts.csv", code=code, name=f"{client.name}, {city}", kind="branch", issuer=client.issuer,
                    parent=client.code, billable="no" if client is INTERNAL else "yes",
                    audience="B2C" if private else "B2B", basis="ttc" if private else "ht",
                    address=street(random), postal_code=postal_code, city=city)  # fmt: skip
    _lines_of(world, client, accounts)
    if client.tariff:
        company.add("tariff_links.csv", owner_kind="account", owner=client.code, tariff=client.tariff)


def _lines_of(world: World, client: Client, accounts: list[str]) -> None:
    random = world.random
    taken: set[str] = {line.number for line in world.lines}
    people: set[str] = set()
    roles = ["Standard", "Comptabilité", "Accueil", "Atelier", "Direction", "Commercial", "Télécopie", "Alarme"]
    for index in range(client.fixed + client.mobiles):
        is_mobile = index >= client.fixed
        while (number := _own_number(random, client, is_mobile=is_mobile)) in taken:
            continue
        taken.add(number)
        name = person(random, people) if is_mobile or client.kind == "home" or index >= 3 else roles[index]
        source = "lemanvoix" if is_mobile else client.source
        line = Line(number, name, accounts[index % len(accounts)], client, source, is_mobile, 20 - min(index, 16))
        world.lines.append(line)
        world.company.add("lines.csv", code=number, name=name, kind="sim" if is_mobile else "trunk")
        world.company.add("assignments.csv", line=number, account=line.account)
        world.company.add("identifiers.csv", kind="number", value="+" + key_of(number), line=number)


def _own_number(random: Random, client: Client, *, is_mobile: bool) -> str:
    if is_mobile:
        return french_mobile(random)
    territory = {"972": "martinique", "974": "reunion", "973": "guyane"}.get(client.postal_code[:3])
    return OVERSEAS_FIXED[territory] + fill(random, "nnnn") if territory else french_fixed(random)


# --- what it subscribes to ------------------------------------------------------------------------------------------


def _subscribe(
    world: World,
    client: Client,
    code: str,
    *,
    account: str = "",
    line: str = "",
    quantity: int = 1,
    since: date | None = None,
    until: date | None = None,
    price: str = "",
) -> None:
    world.references += 1
    is_plan = code in PLANS
    started = since or date(2025, 1 + world.references % 12, 1)
    world.company.add("subscriptions.csv", reference=f"ABO-{world.references:04d}", account=account or client.code,
                      line=line, product="" if is_plan else code, plan=code if is_plan else "", quantity=str(quantity),
                      unit_price=price, valid_from_date=str(started),
                      valid_to_date=str(until) if until else None)  # fmt: skip
    unit = Fraction(price or PRODUCTS[code][3]) / (Fraction(6, 5) if PRODUCTS[code][4] else 1)
    if since is None and until is None:  # what a usual month holds
        minor = int(unit * quantity * 100 + Fraction(1, 2))
        world.subscribed_minor[client.code] = world.subscribed_minor.get(client.code, 0) + minor


def _subscriptions(world: World, client: Client) -> None:
    lines = [line for line in world.lines if line.client is client]
    fixed = [line for line in lines if not line.is_mobile]
    if client.fault == "no-subscription":
        return
    if client.kind == "home":
        _subscribe(world, client, "acces-fibre-maison")
        for line in fixed:
            _subscribe(world, client, "forfait-maison-50h", account=line.account, line=line.number)
        return
    for line in lines:
        if line.is_mobile:
            _subscribe(world, client, "forfait-mobile-5h", account=line.account, line=line.number)
    if client.regime == "reverse_charge":
        _subscribe(world, client, "canal-sip", quantity=30)
        return
    accounts = dict.fromkeys(line.account for line in lines)
    if client.kind == "large":
        _subscribe(world, client, "acces-fibre-dedie", price="260.00" if client.tariff else "")
        _subscribe(world, client, "supervision")
        _subscribe(world, client, "forfait-equipe-10h", quantity=1)
    else:
        _subscribe(world, client, "acces-fibre-pro")
    for account in accounts:
        here = [line for line in fixed if line.account == account]
        if here:
            _subscribe(world, client, "canal-sip", account=account, quantity=2 * len(here))
            _subscribe(world, client, "numero-sda", account=account, quantity=len(here))
    if client.kind == "small":
        for line in fixed:
            _subscribe(world, client, "forfait-ligne-2h", account=line.account, line=line.number)
    _subscribe(world, client, "location-poste-ip", quantity=len(fixed) + 1)
    if client.change == "starts":
        line = fixed[-1]
        _subscribe(world, client, "location-poste-ip", account=line.account, line=line.number, quantity=2,
                   since=date(2026, 10, 13))  # fmt: skip
    elif client.change == "ends":
        _subscribe(world, client, "canal-sip", quantity=4, since=date(2025, 3, 1), until=date(2026, 11, 16))
    elif client.change == "arrears":
        _subscribe(world, client, "supervision", since=date(2026, 10, 8))


def _purchases(world: World) -> None:
    sold = (
        ("A1003", "poste-ip-t42", 4, 6), ("A1003", "installation-site", 1, 6), ("A1007", "routeur-fibre", 1, 12),
        ("A1007", "installation-site", 1, 12), ("A1012", "portabilite", 3, 9), ("A1015", "poste-ip-t42", 2, 20),
        ("A1021", "installation-site", 2, 22), ("A1025", "routeur-fibre", 1, 27), ("A1033", "portabilite", 1, 15),
        ("A1038", "poste-ip-t42", 6, 14), ("A1041", "poste-ip-t42", 1, 5), ("B2002", "poste-ip-t42", 1, 19),
        ("B2009", "portabilite", 1, 28), ("B2015", "box-maison", 1, 8), ("B2018", "box-maison", 1, 21),
    )  # fmt: skip
    for index, (account, product, quantity, day) in enumerate(sold, start=1):
        world.company.add("purchases.csv", reference=f"VTE-{index:04d}", account=account, product=product,
                          quantity=str(quantity), date=f"2026-10-{day:02d}")  # fmt: skip


# --- what it calls --------------------------------------------------------------------------------------------------

_SERVICES = ("0806001122", "0820200300", "0825150150", "0892350035", "0810001001", "3639", "3915", "118712")
_FREE = ("0800123123", "0800123123", "0805020020", "0805020020", "3018", "3114", "116117", "15")


def _calls(world: World, client: Client) -> None:
    random = Random(f"calls of {client.code}")  # one customer changed leaves the others as they were
    lines = [line for line in world.lines if line.client is client]
    known = contacts(
        random,
        size=max(6, 3 * len(lines)),
        countries=client.countries,
        abroad_percent=client.abroad_percent,
        special=_SERVICES + _FREE,
        special_permille=16,
    )
    hours = HOME_HOURS if client.kind == "home" else OFFICE_HOURS
    for at in _starts(random, client, hours):
        line = _free(random, lines, at)
        if line is None or (line.source == SILENT and at.astimezone(PARIS).date() >= SILENT_FROM):
            continue
        world.calls.append(_call(random, line, known, at))
    if client.fault == "unknown-prefix":
        world.calls += list(_unknown(random, lines))
    elif client.fault == "five-times":
        world.habit_minor = usage_minor(world)[client.code]
        world.calls += list(_pirates(random, world, lines[0]))


def _starts(random: Random, client: Client, hours: dict[int, int]) -> list[datetime]:
    found = []
    for day in DAYS:
        if client.kind == "home":
            count = random.randint(0, client.calls * 2)
        elif day.isoweekday() > 5:
            count = client.calls // 12 + (random.randrange(3) == 0)
        else:
            count = calls_on(day, client.calls) if client.calls >= 4 else random.randint(1, client.calls + 1)
        found += [moment(random, day, hours) for _ in range(count)]
    return sorted(found)


def _free(random: Random, lines: list[Line], at: datetime) -> Line | None:
    for _ in range(4):
        (line,) = random.choices(lines, weights=[line.weight for line in lines])
        if line.free_at <= at:
            return line
    return None


def _call(random: Random, line: Line, known: Contacts, at: datetime) -> cdr.Call:
    number = known.pick(random)
    incoming = random.randrange(100) < 24 and len(number) > 6 and not number.startswith("08")
    unanswered = random.randrange(100) < (18 if incoming else 8)
    talked_s = 0 if unanswered else talk_s(random)
    line.free_at = at + timedelta(seconds=talked_s + 20)
    return cdr.Call(line.source, at, line.number, number, talked_s, incoming=incoming)


def _unknown(random: Random, lines: list[Line]) -> Iterator[cdr.Call]:
    """Calls to an international network that nobody priced."""
    line = lines[0]
    for day, talked_s in ((7, 95), (9, 212), (14, 48), (20, 631), (22, 77)):
        at = moment(random, date(2026, 10, day), OFFICE_HOURS)
        yield cdr.Call(line.source, at, line.number, UNKNOWN_PREFIX + fill(random, "00nnnnnn"), talked_s)


def _pirates(random: Random, world: World, line: Line) -> Iterator[cdr.Call]:
    """A week-end of calls through a customer's badly kept telephone system: the month is five times the usual one."""
    tariff = world.tariffs[_tariff_of(line.client)]
    at, spent = datetime(2026, 10, 17, 20, 0, 11, tzinfo=UTC), Fraction(0)
    while spent * 100 < 4 * world.habit_minor:
        number = "+" + abroad(random, random.choice(("tunisie", "senegal", "cote-d-ivoire")), mobile=True)
        talked_s = random.randint(180, 640)
        row = tariff.find(key_of(number), at)
        assert row is not None
        yield cdr.Call(line.source, at, line.number, number, talked_s)
        spent += access_price(row, talked_s)
        at += timedelta(seconds=talked_s + random.randint(9, 40))


def _priced_by_operator(world: World, call: cdr.Call) -> cdr.Call:
    """The call with what its operator prints beside it; the unknown network at a flat price."""
    if call.incoming or call.talk_s == 0:
        return call
    row = world.tariffs[f"achat-{call.source}"].find(key_of(call.other), call.start_at)
    if row is None:
        return replace(call, price=Fraction(call.talk_s, 60) * Fraction("0.95"))
    return replace(call, price=access_price(row, call.talk_s) + service_price(row, call.talk_s))


# --- what it paid before --------------------------------------------------------------------------------------------


def _history(world: World) -> None:
    usage = usage_minor(world)
    for client in CLIENTS:
        minor = world.habit_minor if client.fault == "five-times" else usage.get(client.code, 0)
        sold = 15000 if client.kind == "large" else 0
        for row in past_rows(client.code, minor, world.subscribed_minor.get(client.code, 0), one_off_minor=sold):
            world.company.add("past_totals.csv", **row)


def usage_minor(world: World) -> dict[str, int]:
    """October's communications of each customer, cents without tax, by the generator's own arithmetic."""
    lines = {line.number: line for line in world.lines}
    used: dict[str, int] = {}
    totals: dict[str, Fraction] = {}
    for call in sorted(world.calls, key=lambda call: call.start_at):
        line = lines[call.own]
        if call.incoming or call.talk_s == 0:
            continue
        tariff = world.tariffs[_tariff_of(line.client)]
        row = tariff.find(key_of(call.other), call.start_at)
        if row is None:
            assert call.other.startswith(UNKNOWN_PREFIX), call.other
            continue
        price = service_price(row, call.talk_s)
        pool, capacity_s = _pool(line)
        covered_s = min(call.talk_s, max(0, capacity_s - used.get(pool, 0))) if row.zone in FRANCE else 0
        used[pool] = used.get(pool, 0) + covered_s
        left_s = call.talk_s - covered_s
        if covered_s == 0:
            price += access_price(row, call.talk_s)
        elif left_s:
            price += access_price(replace(row, fee=row.fee * 0), left_s)
        tax = Fraction(6, 5) if tariff.with_tax else Fraction(1)
        totals[line.client.code] = totals.get(line.client.code, Fraction(0)) + price / tax
    return {code: micros(total) // 10_000 for code, total in totals.items()}


def _tariff_of(client: Client) -> str:
    if client.kind == "home":
        return RESIDENTIAL_CODE
    return client.tariff or ("cimalia-2026" if client.issuer == PRO else "voixdesalpes")


def _pool(line: Line) -> tuple[str, int]:
    """The counter that serves a line, and its seconds."""
    client = line.client
    if client.fault == "no-subscription":
        return "", 0
    if client.kind == "home":
        return line.number, 180000
    if line.is_mobile:
        return line.number, 18000
    if client.kind == "small" and client.regime != "reverse_charge":
        return line.number, 7200
    return (client.code, 36000) if client.kind == "large" else ("", 0)
