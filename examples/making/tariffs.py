"""Price lists of the examples, and the price of one call computed by hand-made arithmetic (not by the product)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from making.dialling import COUNTRIES
from making.files import Company, Raw, csv_bytes, toml_block
from making.identity import words

PARIS = ZoneInfo("Europe/Paris")
FULL, OFF_PEAK = "pleines", "creuses"

ZONES: dict[str, tuple[str, str]] = {
    "fixe": ("Fixes France", "France, fixed"),
    "mobile": ("Mobiles France", "France, mobile"),
    "dom-fixe": ("Outre-mer, fixes", "French overseas, fixed"),
    "dom-mobile": ("Outre-mer, mobiles", "French overseas, mobile"),
    "gratuit": ("Numéros gratuits", "Free numbers"),
    "urgence": ("Numéros d’urgence", "Emergency numbers"),
    "court": ("Numéros courts à quatre chiffres", "Four-digit numbers"),
    "banalise": ("Numéros 0806 à 0809", "Numbers 0806 to 0809"),
    "sva-081": ("Services 081", "081 services"),
    "sva-082": ("Services 082", "082 services"),
    "sva-089": ("Services 089", "089 services"),
    "renseignements": ("Renseignements 118", "Directory enquiries 118"),
    **{country.code: (country.name_fr, country.name_en) for country in COUNTRIES},
    **{
        f"{country.code}-mobile": (f"{country.name_fr}, mobiles", f"{country.name_en}, mobile")
        for country in COUNTRIES
        if country.mobile
    },
}
EMERGENCY = ("112", "114", "115", "119", "15", "17", "18", "191", "196", "197", "116")


@dataclass(frozen=True, slots=True)
class Row:
    prefix: str
    zone: str
    price: Decimal
    first_s: int = 1
    next_s: int = 1
    fee: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    service: Decimal = Decimal(0)
    service_per: str = ""
    band: str = ""
    exact: bool = False

    @property
    def key(self) -> str:
        return self.prefix[1:] if self.prefix.startswith("+") else "!" + self.prefix


@dataclass(frozen=True, slots=True)
class Style:
    """What makes one price list differ from another; prices in euros a minute."""

    fixed: str
    fixed_off_peak: str
    mobile: str
    mobile_off_peak: str
    overseas: str
    overseas_mobile: str
    abroad_factor: str  # times the wholesale price
    first_s: int = 1
    next_s: int = 1
    fee: str = "0"
    mobile_fee: str = "0"
    minimum_abroad: str = "0"
    with_tax: bool = False
    service_share: str = "1"  # an operator passes on the surcharge at this share of its public price


def amount(value: Decimal, places: str = "0.0001") -> Decimal:
    return value.quantize(Decimal(places), rounding=ROUND_HALF_UP)


def rows_of(style: Style) -> list[Row]:
    """Every row of a price list, French destinations first."""
    return [*_france(style), *_services(style), *_abroad(style)]


def _france(style: Style) -> Iterable[Row]:
    fixed = Row("", "fixe", Decimal(style.fixed), style.first_s, style.next_s, Decimal(style.fee))
    mobile = Row("", "mobile", Decimal(style.mobile), style.first_s, style.next_s, Decimal(style.mobile_fee))
    for kind, off_peak, prefixes in (
        (fixed, style.fixed_off_peak, ("+331", "+332", "+333", "+334", "+335", "+339")),
        (mobile, style.mobile_off_peak, ("+336", "+337")),
    ):
        for prefix in prefixes:
            if off_peak:
                yield replace(kind, prefix=prefix, band=FULL)
                yield replace(kind, prefix=prefix, band=OFF_PEAK, price=Decimal(off_peak))
            else:
                yield replace(kind, prefix=prefix)
    for code in ("262", "590", "594", "596"):
        yield replace(fixed, prefix=f"+{code}", zone="dom-fixe", price=Decimal(style.overseas))
    for prefix in ("+262639", "+262692", "+262693", "+590690", "+590691", "+594694", "+596696", "+596697"):
        yield replace(fixed, prefix=prefix, zone="dom-mobile", price=Decimal(style.overseas_mobile))


def _services(style: Style) -> Iterable[Row]:
    """Free, standard and premium numbers: the call (C) at the price of a fixed line, the service (S) beside it."""
    tax = Decimal("1.2") if style.with_tax else Decimal(1)
    call = Row("", "", Decimal(style.fixed), style.first_s, style.next_s, Decimal(style.fee))

    def premium(prefix: str, zone: str, price: str, per: str, *, exact: bool = False) -> Row:
        service = amount(Decimal(price) * tax * Decimal(style.service_share))
        return replace(call, prefix=prefix, zone=zone, service=service, service_per=per, exact=exact)

    for last in "012345":
        yield Row(f"+3380{last}", "gratuit", Decimal(0))
    for last in "6789":
        yield replace(call, prefix=f"+3380{last}", zone="banalise")
    yield premium("+3381", "sva-081", "0.05", "minute")
    yield premium("+33820", "sva-082", "0.10", "minute")
    yield premium("+33825", "sva-082", "0.15", "minute")
    yield premium("+33890", "sva-089", "0.10", "minute")
    yield premium("+33892", "sva-089", "0.50", "minute")
    yield premium("+33899", "sva-089", "0.65", "minute")
    yield premium("+33899700123", "sva-089", "2.50", "call", exact=True)
    for number in EMERGENCY:
        yield Row(number, "urgence", Decimal(0))
    for prefix in ("30", "31"):
        yield Row(prefix, "gratuit", Decimal(0))
    for prefix in ("10", "32", "34", "36", "39"):
        yield replace(call, prefix=prefix, zone="court")
    yield replace(premium("3639", "court", "0.125", "minute"), exact=True)
    yield premium("118", "renseignements", "2.40", "call")


def _abroad(style: Style) -> Iterable[Row]:
    factor = Decimal(style.abroad_factor)
    for country in COUNTRIES:
        row = Row(
            f"+{country.calling}",
            country.code,
            amount(Decimal(country.price).scaleb(-4) * factor),
            style.first_s,
            style.next_s,
            Decimal(style.fee),
            Decimal(style.minimum_abroad),
        )
        yield row
        for prefix in country.mobile_prefixes:
            price = amount(Decimal(country.mobile_price).scaleb(-4) * factor)
            yield replace(row, prefix=f"+{prefix}", zone=f"{country.code}-mobile", price=price)


@dataclass(frozen=True, slots=True)
class Version:
    since: date
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    code: str
    name: str
    versions: tuple[Version, ...]
    calendar: str = ""
    with_tax: bool = False

    def write(self, company: Company) -> None:
        pairs: list[tuple[str, object]] = [
            ("code", self.code),
            ("name", self.name),
            ("currency", "EUR"),
            ("tax_basis", "ttc" if self.with_tax else "ht"),
            ("calendar", self.calendar),
            ("increment_origin", "first_next"),
            ("rounding", "half_up"),
            ("rounding_decimals", 6),
            ("bill_zero_seconds", False),
        ]
        blocks = [toml_block("", pairs)]
        for version in self.versions:
            name = f"{self.code}-{version.since}.csv"
            header = [("valid_from_date", Raw(f"{version.since}")), ("rates", name)]
            blocks.append(toml_block("[[version]]", header))
            company.texts[f"tariffs/{name}"] = _rates_csv(version.rows)
        company.text(f"tariffs/{self.code}.toml", "\n".join(blocks))

    def find(self, key: str, at: datetime) -> Row | None:
        """The row of a number at an instant: exact, else the longest prefix; its band, else every band."""
        local = at.astimezone(PARIS)
        versions = [version for version in self.versions if version.since <= local.date()]
        band = band_of(local) if self.calendar else ""
        best: Row | None = None
        for row in versions[-1].rows if versions else ():
            fits = key == row.key if row.exact else key.startswith(row.key)
            if fits and row.band in ("", band):
                rank = (row.exact, len(row.key), row.band != "")
                if best is None or rank > (best.exact, len(best.key), best.band != ""):
                    best = row
        return best


def band_of(local: datetime) -> str:
    """Full rate Monday to Friday from 8 to 19; no public holiday falls in October."""
    return FULL if local.isoweekday() <= 5 and 8 <= local.hour < 19 else OFF_PEAK


CALENDAR = (
    toml_block("[[calendar]]", [("code", "heures-pleines"), ("zone", "Europe/Paris"), ("holidays", "FR")])
    + "\n"
    + "\n".join(
        toml_block("[[calendar.rule]]", [("band", band), ("days", days), ("start", start), ("end", end)])
        for band, days, start, end in (
            (OFF_PEAK, "8", "00:00", "00:00"),
            (FULL, "12345", "08:00", "19:00"),
            (OFF_PEAK, "1234567", "00:00", "00:00"),
        )
    )
)

_RATE_COLUMNS = words(
    "prefix exact zone band price_per_min first_s next_s steps connection_fee minimum service_price service_per"
)


def _rates_csv(rows: Iterable[Row]) -> bytes:
    ordered = sorted(rows, key=lambda row: (row.prefix, str(row.exact), row.band))
    return csv_bytes(
        _RATE_COLUMNS,
        [
            {
                "prefix": row.prefix,
                "exact": "yes" if row.exact else "no",
                "zone": row.zone,
                "band": row.band,
                "price_per_min": format(row.price, "f"),
                "first_s": row.first_s,
                "next_s": row.next_s,
                "connection_fee": format(row.fee, "f") if row.fee else "",
                "minimum": format(row.minimum, "f") if row.minimum else "",
                "service_price": format(row.service, "f") if row.service else "",
                "service_per": row.service_per,
            }
            for row in ordered
        ],
    )


def billed_s(row: Row, talk_s: int) -> int:
    """First increment, then whole next increments."""
    if talk_s <= row.first_s:
        return row.first_s
    return row.first_s + -(-(talk_s - row.first_s) // row.next_s) * row.next_s


def access_price(row: Row, talk_s: int) -> Fraction:
    price = Fraction(row.fee) + Fraction(row.price) * billed_s(row, talk_s) / 60
    return max(price, Fraction(row.minimum))


def service_price(row: Row, talk_s: int) -> Fraction:
    if row.service_per == "call":
        return Fraction(row.service)
    return Fraction(row.service) * talk_s / 60 if row.service_per else Fraction(0)


def micros(value: Fraction) -> int:
    """Half up at the sixth decimal."""
    return int(value * 1_000_000 + Fraction(1, 2))
