"""Plain files of prices: zones, calendars, tariffs, their versions and rates, exchange rates."""

from __future__ import annotations

from decimal import Decimal

from ardoise.core.money import Rounding
from ardoise.core.tariffs import (
    BandBorder,
    IncrementOrigin,
    RoundingPoint,
    ServicePer,
    Tiers,
)
from ardoise.core.usage import UsageKind
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.declare import TAX_BASIS, UNTIL_EN, UNTIL_FR, Column, Replace, Table, choice

NOTHING = Decimal(0)
MANY = 2147483647  # what the tables hold
_CURRENCY = kinds.Pattern(
    regex="[A-Z]{3}",
    fr="trois majuscules (ISO 4217), « EUR »",
    en="three capital letters (ISO 4217), for example EUR",
)


def adjustment(prefix: str = "") -> tuple[Column, ...]:
    """What prices become here: so many percent more or less, then so much more a minute."""
    amount = kinds.Amount(negative=True)
    return (
        Column(
            f"{prefix}percentage",
            amount,
            "pourcentage ajouté aux prix (« -10 »)",
            'percentage added to prices ("-10")',
            default=NOTHING,
            rare=True,
        ),
        Column(
            f"{prefix}amount_per_min",
            amount,
            "puis montant ajouté à la minute",
            "then amount added to a minute",
            default=NOTHING,
            rare=True,
        ),
    )


ZONES = Table(
    name="zones",
    file="zones.csv",
    fr="Zones : les destinations que montrent factures et rapports",
    en="Zones: the destinations that invoices and reports show",
    model="catalog.Zone",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("label_fr", Text(), "nom en français", "name in French", required=True),
        Column("label_en", Text(), "nom en anglais", "name in English", required=True),
    ),
)

CALENDARS = Table(
    name="calendars",
    file="calendars.toml",
    array="calendar",
    fr="Calendriers tarifaires : tranches horaires",
    en="Tariff calendars: time bands",
    model="catalog.Calendar",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("zone", kinds.TimeZone(), "fuseau horaire", "time zone", default="Europe/Paris"),
        Column(
            "holidays",
            Text(),
            "territoire des jours fériés (« FR », « FR-6AE »…) ; vide = aucun",
            'territory of the public holidays ("FR", "FR-6AE"...); empty = none',
        ),
    ),
)

CALENDAR_RULES = Table(
    name="calendar_rules",
    file="calendars.toml",
    array="rule",
    parent="calendars",
    fr="Règles d’un calendrier : la première qui convient l’emporte",
    en="Rules of a calendar: the first that matches wins",
    model="catalog.CalendarRule",
    key=("calendar", "position"),
    replace=Replace.WITH_PARENT,
    derived=(
        Column("calendar", kinds.Ref(table="calendars"), "", "", path="calendar__code"),
        Column("position", kinds.Whole(), "", ""),
    ),
    columns=(
        Column("band", kinds.Slug(), "tranche", "band", required=True),
        Column("days", kinds.Days(), "jours", "days", required=True),
        Column("start", kinds.Hour(), "début", "start", required=True),
        Column("end", kinds.Hour(), "fin", "end", required=True),
        Column(
            "dates", kinds.DaysOfYear(), "jours de l’année ; vide = toute l’année", "days of the year; empty = all year"
        ),
    ),
)

TARIFFS = Table(
    name="tariffs",
    file="tariffs/CODE.toml",
    fr="Grilles tarifaires : un fichier par grille",
    en="Tariffs: one file each",
    model="catalog.Tariff",
    key=("code",),
    columns=(
        Column(
            "code", kinds.Slug(), "code ; le fichier porte son nom", "code; the file is named after it", required=True
        ),
        Column("name", Text(), "nom", "name", required=True),
        Column("currency", _CURRENCY, "monnaie", "currency", default="EUR"),
        Column("tax_basis", TAX_BASIS, "prix hors taxe ou taxes comprises", "prices without or with tax", default="ht"),
        Column(
            "calendar",
            kinds.Ref(table="calendars"),
            "calendrier ; vide = une seule tranche",
            "calendar; empty = one band",
            path="calendar__code",
        ),
        Column(
            "increment_origin",
            choice(*IncrementOrigin),
            "d’où partent les paliers de durée",
            "where duration increments start",
            default="first_next",
        ),
        Column("rounding", choice(*Rounding), "arrondi d’un appel", "rounding of a call", default="half_up"),
        Column(
            "rounding_decimals", kinds.Whole(most=6), "décimales de cet arrondi", "decimals of that rounding", default=6
        ),
        Column(
            "bill_zero_seconds",
            kinds.YesNo(),
            "un appel décroché de 0 s paie frais et premier palier",
            "an answered call of 0 s pays its fee and first increment",
            default=False,
        ),
        Column(
            "incoming",
            kinds.YesNo(),
            "prix des appels reçus, d’après le numéro qui appelle",
            "prices of calls received, by the number that calls",
            default=False,
            quiet=True,
        ),
        Column(
            "band_border",
            choice(*BandBorder),
            "appel qui passe d’une tranche à l’autre",
            "call that passes from a band to another",
            default="start",
            quiet=True,
        ),
        Column(
            "tiers",
            choice(*Tiers),
            "comment les paliers de prix se partagent une durée",
            "how steps share a quantity",
            default="graduated",
            quiet=True,
        ),
        Column(
            "increment_decimals",
            kinds.Whole(most=12),
            "décimales du prix d’un palier ; vide = exact",
            "decimals of the price of one increment; empty = exact",
        ),
        Column(
            "rounding_point",
            choice(*RoundingPoint),
            "arrondi à l’appel ou à la ligne de facture",
            "rounded by call or by invoice line",
            default="call",
            quiet=True,
        ),
        Column(
            "first_block_once",
            kinds.YesNo(),
            "un premier palier d’un seul bloc (60/1) se paie une fois par appel, quelles que soient les tranches",
            "a first step of one block (60/1) is paid once a call, whatever bands it meets",
            default=False,
            quiet=True,
        ),
        Column(
            "parent",
            kinds.Ref(table="tariffs"),
            "grille consultée quand celle-ci n’a pas le numéro",
            "tariff asked when this one has no row for a number",
            path="parent__code",
        ),
        *adjustment("parent_"),
    ),
)

TARIFF_VERSIONS = Table(
    name="tariff_versions",
    file="tariffs/CODE.toml",
    array="version",
    parent="tariffs",
    fr="Versions d’une grille : la corriger laisse lisible ce qu’on croyait avant",
    en="Versions of a tariff: a correction leaves what was believed before readable",
    model="catalog.TariffVersion",
    key=("tariff", "valid_from_date"),
    dated=True,
    derived=(Column("tariff", kinds.Ref(table="tariffs"), "", "", path="tariff__code"),),
    columns=(
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
    notes_fr="`rates` (obligatoire) nomme le fichier des tarifs, à côté : « CODE-2026-01-01.csv ». Une version "
    "qui a servi à un document émis ne change que par `ardoise load --correct`.",
    notes_en='`rates` (required) names the file of rates beside it: "CODE-2026-01-01.csv". A version that priced an '
    "issued document changes only by `ardoise load --correct`.",
)

_RARE_RATES = (
    Column(
        "kind",
        choice(*UsageKind),
        "ce que le tarif compte",
        "what the row counts",
        default="call",
        rare=True,
    ),
    Column(
        "origin",
        kinds.Pattern(
            regex=r"\+[0-9]{1,15}|@[0-9]{0,6}",
            fr="préfixe « +594 » ou réseau « @20801 »",
            en="+594 or a network like @20801",
        ),
        "numéro qui appelle (« +594 ») ou réseau visité (« @20801 ») ; vide = tous",
        'number that calls ("+594") or visited network ("@20801"); empty = any',
        rare=True,
    ),
    Column("price", kinds.Amount(negative=True), "prix de `per` unités", "price of `per` units", rare=True),
    Column(
        "per",
        kinds.Whole(least=1, most=9999999999),
        "nombre d’unités de `price` (1048576 octets)",
        "number of units of `price` (1048576 octets)",
        default=1,
        rare=True,
    ),
    Column("maximum", kinds.Amount(), "maximum par appel", "most that a call costs", rare=True),
    Column(
        "free_s",
        kinds.Whole(most=MANY),
        "premières secondes gratuites",
        "first seconds free",
        default=0,
        rare=True,
    ),
    Column(
        "added_s",
        kinds.Whole(most=MANY),
        "secondes ajoutées à chaque appel décroché",
        "seconds added to every answered call",
        default=0,
        rare=True,
    ),
    Column(
        "raised_above_s",
        kinds.Whole(most=MANY),
        "au-delà de cette durée, un appel court …",
        "above this duration a short call ...",
        default=0,
        rare=True,
    ),
    Column(
        "raised_to_s",
        kinds.Whole(most=MANY),
        "… compte pour autant de secondes ; 0 = aucun",
        "... counts as so many seconds; 0 = none does",
        default=0,
        rare=True,
    ),
    Column(
        "surcharge",
        kinds.Amount(negative=True),
        "supplément à partir d’une durée",
        "surcharge from a duration on",
        default=NOTHING,
        rare=True,
    ),
    Column(
        "surcharge_at_s",
        kinds.Whole(most=MANY),
        "… dès cette seconde facturée",
        "... from this billed second",
        default=0,
        rare=True,
    ),
    Column(
        "surcharge_every_s",
        kinds.Whole(most=MANY),
        "… puis toutes les ; 0 = une fois",
        "... then every; 0 = once",
        default=0,
        rare=True,
    ),
    Column(
        "attempt_fee",
        kinds.Amount(),
        "frais de tentative, appel décroché ou non",
        "fee of an attempt, answered or not",
        default=NOTHING,
        rare=True,
    ),
    Column(
        "coefficient",
        kinds.Amount(),
        "prix = coefficient × coût de l’appel",
        "price = coefficient x cost of the call",
        rare=True,
    ),
)

RATES = Table(
    name="rates",
    file="tariffs/CODE-DATE.csv",
    parent="tariff_versions",
    fr="Tarifs d’une version : le préfixe le plus long l’emporte ; le fichier donne toute la liste",
    en="Rates of a version: the longest prefix wins; the file gives the whole list",
    model="catalog.Rate",
    key=("tariff", "version_from_date", "prefix", "exact", "band", "kind", "origin"),
    replace=Replace.WITH_PARENT,
    derived=(
        Column("tariff", kinds.Ref(table="tariffs"), "", "", path="version__tariff__code"),
        Column("version_from_date", kinds.Day(), "", "", path="version__valid_from_date"),
    ),
    columns=(
        Column(
            "prefix",
            kinds.Pattern(
                regex=r"\+[0-9*#]{0,20}|[0-9*#]{1,20}|=[a-z0-9_]+|\?.{1,64}",
                fr="préfixe « +336 », numéro court « 3639 », « =emergency » ou « ?texte »",
                en="an international prefix like +336, a short number like 3639, a category like =emergency, or ?text",
            ),
            "préfixe « +336 » (« + » = tout numéro), numéro court « 3639 », catégorie « =emergency », « ?texte »",
            'prefix "+336" ("+" = every number), short number "3639", category "=emergency", "?text"',
            required=True,
        ),
        Column(
            "exact", kinds.YesNo(), "le numéro entier, pas un préfixe", "the whole number, not a prefix", default=False
        ),
        Column("zone", kinds.Ref(table="zones"), "zone", "zone", required=True, path="zone__code"),
        Column("band", kinds.Slug(), "tranche ; vide = toutes les autres", "band; empty = all others"),
        Column("price_per_min", kinds.Amount(negative=True), "prix par minute", "price per minute"),
        Column("first_s", kinds.Whole(least=1, most=MANY), "premier palier, secondes", "first increment, s", default=1),
        Column(
            "next_s", kinds.Whole(least=1, most=MANY), "paliers suivants, secondes", "next increments, s", default=1
        ),
        Column(
            "steps",
            Text(),
            "à la place des trois précédents, « 0:0.10/60/60;180:0.05/60/1 » (dès la seconde : prix/par/palier)",
            'instead of the three before, "0:0.10/60/60;180:0.05/60/1" (from second: price/per/increment)',
        ),
        Column(
            "connection_fee",
            kinds.Amount(negative=True),
            "frais de mise en relation",
            "connection fee",
            default=NOTHING,
            quiet=True,
        ),
        Column("minimum", kinds.Amount(), "minimum par appel", "least price of a call", default=NOTHING, quiet=True),
        Column(
            "service_price",
            kinds.Amount(),
            "part service (S) d’un n° surtaxé",
            "service part (S)",
            default=NOTHING,
            quiet=True,
        ),
        Column(
            "service_per",
            choice(*(word for word in ServicePer if word)),
            "part service par minute ou par appel",
            "service part per minute or per call",
        ),
        *_RARE_RATES,
    ),
    notes_fr="Le prix d’un tarif est l’un de : `price_per_min`, `price` pour `per` unités (messages, octets, unités), "
    "`steps`, `coefficient`.",
    notes_en="The price of a row is one of: `price_per_min`, `price` for `per` units (messages, octets, units), "
    "`steps`, `coefficient`.",
)

EXCHANGE_RATES = Table(
    name="exchange_rates",
    file="exchange_rates.csv",
    fr="Taux de change, datés : une unité de `currency` vaut `rate` unités de `other`, jusqu’au taux suivant",
    en="Exchange rates, dated: one unit of `currency` is worth `rate` units of `other`, until the next rate",
    model="catalog.ExchangeRate",
    key=("currency", "other", "valid_from_date"),
    dated=True,
    columns=(
        Column("currency", _CURRENCY, "monnaie", "currency", required=True),
        Column("other", _CURRENCY, "autre monnaie", "other currency", required=True),
        Column("rate", kinds.Amount(), "taux", "rate", required=True),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column(
            "valid_to_date",
            kinds.Day(),
            "vide ; égal à valid_from_date pour retirer la ligne",
            "empty; equal to valid_from_date to take the row back",
            rare=True,
        ),
    ),
)
