"""Manufacture Vauclair: a head office on an Avaya IP Office, a plant on a Mitel 3300, eight departments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

from making import logos, pbx
from making.dialling import key_of
from making.files import Company, toml_block
from making.identity import person, siren, siret, vat_number, words
from making.past import past_rows
from making.tariffs import CALENDAR, PARIS, ZONES, Style, Tariff, Version, access_price, micros, rows_of, service_price
from making.traffic import DAYS, MONTH, OFFICE_HOURS, SHIFT_HOURS, Contacts, calls_on, contacts, moment, talk_s

SEED = 20261001
ROOT = "VAUCLAIR"
AVAYA, MITEL = "avaya-siege", "mitel-usine"
HANDSET_PRICE = "4.50"

STYLE = Style(
    fixed="0.0140",
    fixed_off_peak="0.0090",
    mobile="0.0480",
    mobile_off_peak="0.0360",
    overseas="0.0850",
    overseas_mobile="0.1650",
    abroad_factor="2.4",
    first_s=60,
    next_s=1,
    fee="0.0200",
    mobile_fee="0",
)
LOCAL_SERVICES = ("0806001122", "0809401000", "0820200300", "0825150150", "0892350035", "0810001001")
FREE_SERVICES = ("0800123123", "0805020020", "3018", "3114")
SHORT_SERVICES = ("3639", "3915", "1013")


@dataclass(frozen=True, slots=True)
class Department:
    code: str
    name: str
    avaya: int  # extensions at the head office
    mitel: int  # extensions at the plant
    weight: int  # calls of one of its extensions, against the others
    abroad_percent: int
    countries: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()  # account codes dialled before some calls


EXPORT_COUNTRIES = words(
    "allemagne allemagne italie espagne suisse suisse royaume-uni belgique pologne etats-unis-canada maroc tunisie "
    "turquie chine japon bresil inde suede portugal"
)
SUPPLIER_COUNTRIES = words("italie allemagne pologne espagne chine pays-bas belgique roumanie")

DEPARTMENTS = (
    Department("VAU-DIR", "Direction générale", 5, 0, 8, 9),
    Department("VAU-FIN", "Administration et finances", 12, 0, 6, 2),
    Department("VAU-COM", "Commerce France", 22, 0, 15, 4, projects=("410027", "410031", "410044")),
    Department("VAU-EXP", "Export", 12, 0, 13, 58, EXPORT_COUNTRIES),
    Department("VAU-BE", "Bureau d’études", 13, 0, 6, 7, projects=("520118", "520120", "520133", "520140")),
    Department("VAU-SG", "Services généraux", 10, 0, 5, 1),
    Department("VAU-LOG", "Achats et logistique", 0, 14, 11, 14, SUPPLIER_COUNTRIES),
    Department("VAU-PRO", "Production", 0, 32, 6, 2, projects=("610201", "610202", "610377")),
)


@dataclass(slots=True)
class Extension:
    number: str
    name: str
    department: Department
    source: str
    since: date | None = None  # first day, when it is new this month
    weight: int = 1
    no_detail: bool = False
    moves: tuple[date, str] | None = None  # day, new department
    free_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def line(self) -> str:
        return f"vauclair:{self.number}"

    @property
    def ddi(self) -> str:
        """The direct number: the extension is its end."""
        return "046571" + self.number

    def department_on(self, day: date) -> str:
        return self.moves[1] if self.moves and day >= self.moves[0] else self.department.code


@dataclass(slots=True)
class World:
    random: Random
    company: Company
    extensions: list[Extension]
    contacts: dict[str, Contacts]
    tariff: Tariff
    usage: dict[str, Fraction] = field(default_factory=dict)  # department -> euros of October

    def of(self, source: str) -> list[Extension]:
        return [extension for extension in self.extensions if extension.source == source]

    def by_number(self, number: str) -> Extension:
        return next(extension for extension in self.extensions if extension.number == number)

    def charge(self, extension: Extension, number: str, answered_at: datetime, talked_s: int) -> None:
        """Add a call to what its department will be charged, for the history of earlier months."""
        if talked_s == 0 or extension.no_detail:
            return
        row = self.tariff.find(key_of(number), answered_at)
        assert row is not None, number
        code = extension.department_on(answered_at.astimezone(PARIS).date())
        price = access_price(row, talked_s) + service_price(row, talked_s)
        self.usage[code] = self.usage.get(code, Fraction(0)) + price


def make() -> Company:
    """Everything of the company, in a fixed order: the same bytes each time."""
    random = Random(SEED)
    company = Company()
    tariff = Tariff(
        "vauclair-2026", "Grille de refacturation Vauclair 2026", (Version(date(2026, 1, 1), tuple(rows_of(STYLE))),),
        calendar="heures-pleines",
    )  # fmt: skip
    world = World(random, company, _extensions(random), _contacts(random), tariff)
    _identity(company)
    _directory(world)
    _catalogue(world)
    company.texts["tickets/avaya-ipoffice.smdr"] = pbx.avaya_stream(_avaya_calls(world))
    company.texts["tickets/mitel-3300.smdr"] = pbx.mitel_stream(_mitel_calls(world))
    _history(world)
    return company


# --- who ------------------------------------------------------------------------------------------------------------


def _identity(company: Company) -> None:
    number = siren(120417)
    company.text(
        "issuers.toml",
        toml_block(
            "[[issuer]]",
            [
                ("code", "vauclair"),
                ("name", "Manufacture Vauclair – Services généraux"),
                ("company", "Manufacture Vauclair SAS"),
                ("documents", "statements"),
                ("address", "12 allée des Forges"),
                ("postal_code", "69100"),
                ("city", "Villeurbanne"),
                ("country", "FR"),
                ("siren", number),
                ("siret", siret(number)),
                ("vat_number", vat_number(number)),
                ("legal_mention", "SAS au capital de 1 200 000 € – RCS Lyon"),
                ("email", "telephonie@vauclair.example"),
                ("phone", "04 65 71 21 00"),
                ("zone", "Europe/Paris"),
                ("currency", "EUR"),
                ("language", "fr"),
                ("logo", "logos/vauclair.svg"),
                ("accent", "#8a3b12"),
                ("header", "Refacturation interne des télécommunications"),
                ("footer", "Relevé interne, sans valeur de facture – une question ? telephonie@vauclair.example"),
                ("invoice_number", "FA{year}-{seq:05d}"),
                ("credit_number", "AV{year}-{seq:05d}"),
                ("file_name", "{issuer} {customer} {month}"),
                ("payment_terms", "30d"),
                ("vat_on_debits", True),
                ("first_month", MONTH),
            ],
        ),
    )
    company.text("logos/vauclair.svg", logos.VAUCLAIR)
    avaya = toml_block(
        "[[source]]",
        [
            ("code", AVAYA),
            ("name", "Avaya IP Office, siège de Villeurbanne"),
            ("issuer", "vauclair"),
            ("format", "avaya_ipoffice"),
            ("transport", "tcp_server"),
            ("port", 10801),
            ("pattern", "*"),
            ("zone", "Europe/Paris"),
            ("outside_prefix", "0"),
            ("country", "33"),
            ("active", True),
        ],
    )
    mitel = toml_block(
        "[[source]]",
        [
            ("code", MITEL),
            ("name", "Mitel 3300, usine de La Tour-du-Pin"),
            ("issuer", "vauclair"),
            ("format", "mitel_3300"),
            ("transport", "tcp_client"),
            ("host", "127.0.0.1"),
            ("port", 11752),
            ("pattern", "*"),
            ("zone", "Europe/Paris"),
            ("outside_prefix", "0"),
            ("country", "33"),
            ("active", True),
            ("options", {"layout": "network", "clock": "24h", "meter_pulses": "no"}),
        ],
    )
    company.text("sources.toml", avaya + "\n" + mitel)


def _extensions(random: Random) -> list[Extension]:
    taken: set[str] = set()
    found: list[Extension] = []
    avaya, mitel = iter(range(2100, 2199)), iter(range(5100, 5199))
    for department in sorted(DEPARTMENTS, key=lambda known: known.code != "VAU-SG"):  # the switchboard is 2100
        for count, numbers, source in ((department.avaya, avaya, AVAYA), (department.mitel, mitel, MITEL)):
            for _ in range(count):
                weight = department.weight * random.randint(4, 16)
                found.append(Extension(str(next(numbers)), person(random, taken), department, source, weight=weight))
    general = {
        "2100": ("Accueil, standard", 0),
        "2101": ("Salle Belledonne", 6),
        "2102": ("Salle Chartreuse", 6),
        "2107": ("Comité social et économique", 25),
        "2108": ("Gardiennage", 3),
        "2109": ("Télécopieur", 0),
    }
    for extension in found:
        if extension.number in general:
            extension.name, extension.weight = general[extension.number]
        extension.no_detail = extension.number == "2107"
    by_number = {extension.number: extension for extension in found}
    by_number["2150"].since = date(2026, 10, 19)  # hired in the month
    by_number["5140"].since = date(2026, 10, 12)
    by_number["2129"].moves = (date(2026, 10, 12), "VAU-EXP")  # from Commerce France to Export
    assert by_number["2129"].department.code == "VAU-COM"
    return found


def _contacts(random: Random) -> dict[str, Contacts]:
    special = LOCAL_SERVICES + FREE_SERVICES * 2 + SHORT_SERVICES
    return {
        department.code: contacts(
            random,
            size=60,
            countries=department.countries,
            abroad_percent=department.abroad_percent,
            special=special,
            special_permille=14,
        )
        for department in DEPARTMENTS
    }


def _directory(world: World) -> None:
    company = world.company
    company.add("accounts.csv", code=ROOT, name="Manufacture Vauclair", issuer="vauclair",
                address="12 allée des Forges", postal_code="69100", city="Villeurbanne",
                emails="telephonie@vauclair.example")  # fmt: skip
    for department in DEPARTMENTS:
        mail = f"{department.code.split('-')[1].lower()}@vauclair.example"
        company.add("accounts.csv", code=department.code, name=department.name, kind="department", issuer="vauclair",
                    parent=ROOT, emails=mail)  # fmt: skip
    for extension in world.extensions:
        kind = {"2109": "fax", "2100": "console"}.get(extension.number, "extension")
        company.add("lines.csv", code=extension.line, name=extension.name, kind=kind,
                    no_detail="yes" if extension.no_detail else "no")  # fmt: skip
        since = str(extension.since) if extension.since else None
        moved = str(extension.moves[0]) if extension.moves else None
        company.add("assignments.csv", line=extension.line, account=extension.department.code, valid_from_date=since,
                    valid_to_date=moved)  # fmt: skip
        if extension.moves:
            company.add("assignments.csv", line=extension.line, account=extension.moves[1], valid_from_date=moved)
        if extension.number != "2109":  # the fax stands behind an analogue gateway: tickets give its number only
            company.add("identifiers.csv", source=extension.source, kind="extension", value=extension.number,
                        line=extension.line, valid_from_date=since)  # fmt: skip
        company.add("identifiers.csv", source=extension.source, kind="number", value=f"+33{extension.ddi[1:]}",
                    line=extension.line, valid_from_date=since)  # fmt: skip


# --- what it costs --------------------------------------------------------------------------------------------------


def _catalogue(world: World) -> None:
    company, tariff = world.company, world.tariff
    for code, (french, english) in ZONES.items():
        company.add("zones.csv", code=code, label_fr=french, label_en=english)
    company.text("calendars.toml", CALENDAR)
    tariff.write(company)
    cost = Tariff("cout-operateur-vauclair", "Prix de l’opérateur de Vauclair 2026", tariff.versions, tariff.calendar)
    cost.write(company)
    company.add("tariff_links.csv", owner_kind="issuer", owner="vauclair", tariff=tariff.code)
    for source in (AVAYA, MITEL):
        company.add("tariff_links.csv", owner_kind="source", owner=source, tariff=cost.code)
    company.add("products.csv", code="poste-telephonique", name="Poste téléphonique", kind="recurring",
                unit_price=HANDSET_PRICE, in_advance="no")  # fmt: skip
    for extension in world.extensions:
        since = str(extension.since or date(2026, 1, 1))
        moved = str(extension.moves[0]) if extension.moves else None
        company.add("subscriptions.csv", reference=f"VAU-{extension.number}", account=extension.department.code,
                    line=extension.line, product="poste-telephonique", valid_from_date=since,
                    valid_to_date=moved)  # fmt: skip
        if extension.moves:
            company.add("subscriptions.csv", reference=f"VAU-{extension.number}-2", account=extension.moves[1],
                        line=extension.line, product="poste-telephonique", valid_from_date=moved)  # fmt: skip


def _history(world: World) -> None:
    for department in DEPARTMENTS:
        handsets = sum(extension.department is department for extension in world.extensions)
        usage = micros(world.usage.get(department.code, Fraction(0))) // 10_000
        for row in past_rows(department.code, usage, handsets * 450, one_off_minor=0):
            world.company.add("past_totals.csv", **row)


# --- the calls of the head office -------------------------------------------------------------------------------------


def _free(world: World, source: str, at: datetime) -> Extension | None:
    """Somebody who is not already on the telephone."""
    day = at.astimezone(PARIS).date()
    staff = [known for known in world.of(source) if known.weight and (known.since is None or day >= known.since)]
    for _ in range(4):
        (chosen,) = world.random.choices(staff, weights=[known.weight for known in staff])
        if chosen.free_at <= at:
            return chosen
    return None


def _starts(world: World, usual: int, hours: dict[int, int]) -> list[datetime]:
    return sorted(moment(world.random, day, hours) for day in DAYS for _ in range(calls_on(day, usual)))


def _avaya_calls(world: World) -> list[pbx.AvayaCall]:
    random = world.random
    calls = []
    for at in _starts(world, 492, OFFICE_HOURS):
        who = _free(world, AVAYA, at)
        if who is None:
            continue
        draw = random.randrange(1000)
        if draw < 520:
            calls.append(_avaya_out(world, who, at))
        elif draw < 900:
            calls.append(_avaya_in(world, who, at))
        else:
            calls.append(_avaya_internal(world, who, at))
    calls += _avaya_fax(world) + _avaya_night(world) + _avaya_rare(world)
    return sorted(calls, key=lambda call: call.start_at)


def _contact(world: World, who: Extension, at: datetime) -> str:
    return world.contacts[who.department_on(at.astimezone(PARIS).date())].pick(world.random)


def _avaya_out(world: World, who: Extension, at: datetime) -> pbx.AvayaCall:
    random = world.random
    number = _contact(world, who, at)
    ring_s = random.randint(2, 24)
    if random.randrange(100) < 17:  # nobody answers, or it is engaged
        who.free_at = at + timedelta(seconds=ring_s)
        return pbx.AvayaCall(at, "out", number, [pbx.Segment(who.number, who.name, 0, ring_s)])
    talked_s = talk_s(random)
    project = random.choice(who.department.projects) if who.department.projects and random.randrange(100) < 14 else ""
    segments = [pbx.Segment(who.number, who.name, talked_s, ring_s)]
    if random.randrange(100) < 3:  # handed over to a colleague
        other = _free(world, AVAYA, at)
        if other is not None and other is not who:
            kept_s = max(5, talked_s // 4)
            segments = [
                pbx.Segment(who.number, who.name, kept_s, ring_s, hold_s=random.randint(3, 25)),
                pbx.Segment(other.number, other.name, talked_s - kept_s + 5, 0),
            ]
            other.free_at = at + timedelta(seconds=ring_s + talked_s + 40)
    who.free_at = at + timedelta(seconds=ring_s + talked_s + random.randint(5, 60))
    world.charge(who, number, at + timedelta(seconds=ring_s), sum(segment.talk_s for segment in segments))
    return pbx.AvayaCall(at, "out", number, segments, account=project)


def _caller(world: World, who: Extension, at: datetime) -> str:
    random = world.random
    if random.randrange(100) < 4:
        return ""  # withheld
    number = world.contacts[who.department_on(at.astimezone(PARIS).date())].pick(random)
    return number if len(number) > 6 and not number.startswith("08") else ""


def _avaya_in(world: World, who: Extension, at: datetime) -> pbx.AvayaCall:
    random = world.random
    caller = _caller(world, who, at)
    ring_s = random.randint(1, 20)
    draw = random.randrange(100)
    if draw < 15:  # lost
        return pbx.AvayaCall(at, "in", caller, [pbx.Segment(who.number, who.name, 0, ring_s + 12)], asked=who.number)
    if draw < 27:
        left_s = random.randint(6, 70)
        return pbx.AvayaCall(at, "in", caller, [pbx.Segment("", "", left_s, 20, voicemail=True)], asked=who.number)
    talked_s = talk_s(random)
    who.free_at = at + timedelta(seconds=ring_s + talked_s + 45)
    if draw < 47 and who.number != "2100":  # through the switchboard
        segments = [
            pbx.Segment("2100", "Accueil, standard", random.randint(8, 40), ring_s, hold_s=random.randint(4, 30)),
            pbx.Segment(who.number, who.name, talked_s, 0),
        ]
        if draw < 30:  # and once more
            third = _free(world, AVAYA, at)
            if third is not None and third is not who:
                segments.append(pbx.Segment(third.number, third.name, talk_s(random), 0))
        return pbx.AvayaCall(at, "in", caller, segments, asked="2100")
    return pbx.AvayaCall(at, "in", caller, [pbx.Segment(who.number, who.name, talked_s, ring_s)], asked=who.number)


def _avaya_internal(world: World, who: Extension, at: datetime) -> pbx.AvayaCall:
    random = world.random
    other = _free(world, AVAYA, at) or who
    ring_s = random.randint(1, 15)
    talked_s = 0 if other is who or random.randrange(100) < 22 else talk_s(random) // 2 + 3
    who.free_at = at + timedelta(seconds=ring_s + talked_s + 5)
    target = other if other is not who else world.by_number("2100")
    segment = pbx.Segment(who.number, who.name, talked_s, ring_s, other=target.number, other_name=target.name)
    return pbx.AvayaCall(at, "internal", target.number, [segment])


def _avaya_fax(world: World) -> list[pbx.AvayaCall]:
    """The fax: a ticket without extension, that gives the direct number instead."""
    random, fax = world.random, world.by_number("2109")
    calls = []
    for day in DAYS:
        if day.isoweekday() > 5:
            continue
        for _ in range(random.randint(1, 3)):
            at = moment(random, day, OFFICE_HOURS)
            number = world.contacts["VAU-FIN"].fixed[random.randrange(12)]
            talked_s = random.randint(24, 190)
            calls.append(pbx.AvayaCall(at, "out", number, [pbx.Segment("", "", talked_s, 6)], ddi=fax.ddi))
            world.charge(fax, number, at + timedelta(seconds=6), talked_s)
        at = moment(random, day, OFFICE_HOURS)
        calls.append(pbx.AvayaCall(at, "in", random.choice(world.contacts["VAU-FIN"].fixed),
                                   [pbx.Segment("", "", 0, 4)], asked=fax.ddi, ddi=fax.ddi))  # fmt: skip
    return calls


def _avaya_night(world: World) -> list[pbx.AvayaCall]:
    """The watchman calls through the night of 25 October: the local times from 02:00 to 03:00 come twice."""
    guard = world.by_number("2108")
    partner, police = world.contacts["VAU-SG"].mobile[0], "17"
    calls = []
    for utc_hour, minute, number, talked_s in (
        (22, 12, partner, 95),
        (23, 5, partner, 61),  # 01:05, summer time
        (0, 4, partner, 340),  # 02:04, summer time
        (0, 21, police, 210),  # 02:21
        (0, 38, partner, 905),  # 02:38, summer time: until 02:53
        (1, 3, partner, 77),  # 02:03 again, winter time
        (1, 30, partner, 182),  # 02:30 again
        (1, 52, partner, 1020),  # 02:52, until 03:09
        (3, 40, partner, 44),  # 04:40
    ):
        day = 24 if utc_hour >= 22 else 25
        at = datetime(2026, 10, day, utc_hour, minute, 7, tzinfo=UTC)
        calls.append(pbx.AvayaCall(at, "out", number, [pbx.Segment(guard.number, guard.name, talked_s, 8)]))
        world.charge(guard, number, at + timedelta(seconds=8), talked_s)
    return calls


def _avaya_rare(world: World) -> list[pbx.AvayaCall]:
    """One of each of what a biller must be shown: a surcharge by call, directory enquiries, an emergency."""
    calls = []
    for day, hour, minute, extension, number, talked_s in (
        (6, 10, 41, "2131", "0899700123", 133),
        (8, 15, 2, "2118", "118712", 64),
        (13, 11, 27, "2112", "15", 187),
        (15, 9, 55, "2126", "0892350035", 428),
        (21, 16, 12, "2117", "0892350035", 61),
        (22, 14, 20, "2140", "+596596120417", 312),
        (23, 10, 5, "2143", "+262262620031", 145),
    ):
        who = world.by_number(extension)
        at = datetime(2026, 10, day, hour, minute, 33, tzinfo=PARIS).astimezone(UTC)
        calls.append(pbx.AvayaCall(at, "out", number, [pbx.Segment(who.number, who.name, talked_s, 9)]))
        world.charge(who, number, at + timedelta(seconds=9), talked_s)
    return calls


# --- the calls of the plant -------------------------------------------------------------------------------------------


def _mitel_calls(world: World) -> list[pbx.MitelCall]:
    random = world.random
    calls = []
    for at in _starts(world, 330, SHIFT_HOURS):
        who = _free(world, MITEL, at)
        if who is not None:
            calls.append(_mitel_out(world, who, at) if random.randrange(100) < 56 else _mitel_in(world, who, at))
    gate = world.by_number("5101")
    for day, minute in ((7, 14), (7, 14), (20, 40)):  # two faxes alike in one minute: two calls, two identical lines
        at = datetime(2026, 10, day, 9, minute, tzinfo=PARIS).astimezone(UTC)
        number = world.contacts["VAU-LOG"].fixed[0]
        calls.append(pbx.MitelCall(at, "out", gate.number, number, 48, 0, trunk="T001", has_call_id=False))
        world.charge(gate, number, at, 48)
    return sorted(calls, key=lambda call: call.start_at)


def _mitel_out(world: World, who: Extension, at: datetime) -> pbx.MitelCall:
    random = world.random
    number = _contact(world, who, at)
    if random.randrange(100) < 12:  # refused before the network, or nobody: no duration
        return pbx.MitelCall(at, "out", who.number, number, 0, 0, completion="T" if random.randrange(9) == 0 else "")
    talked_s = talk_s(random)
    project = random.choice(who.department.projects) if who.department.projects and random.randrange(100) < 10 else ""
    who.free_at = at + timedelta(seconds=talked_s + 50)
    call = pbx.MitelCall(at, "out", who.number, number, talked_s, 0, completion="A", account=project)
    if random.randrange(100) < 4:
        other = _free(world, MITEL, at)
        if other is not None and other is not who:
            call.transfer, call.third = random.choice("TTX"), other.number
    world.charge(who, number, at, talked_s)
    return call


def _mitel_in(world: World, who: Extension, at: datetime) -> pbx.MitelCall:
    random = world.random
    caller = _caller(world, who, at)
    draw = random.randrange(100)
    if draw < 16:
        return pbx.MitelCall(at, "in", who.number, caller, 0, None, ddi=who.ddi)
    if draw < 20:
        return pbx.MitelCall(at, "in", who.number, caller, 0, None, ddi=who.ddi, completion="B")
    talked_s = talk_s(random)
    who.free_at = at + timedelta(seconds=talked_s + 50)
    call = pbx.MitelCall(at, "in", who.number, caller, talked_s, random.randint(2, 28), ddi=who.ddi)
    if draw < 30:
        other = _free(world, MITEL, at)
        if other is not None and other is not who:
            call.transfer, call.third = random.choice("TX"), other.number
    elif draw < 32:
        call.extension = ""  # the ticket lost its extension: the direct number says who was called
    return call
