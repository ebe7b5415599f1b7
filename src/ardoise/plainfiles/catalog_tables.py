"""Plain files of the catalogue: zones, calendars, tariffs, products, plans, and who has them."""

from __future__ import annotations

from ardoise.core.money import Rounding
from ardoise.core.snapshot import OwnerKind
from ardoise.core.tariffs import AllowanceOwner, IncrementOrigin, ServicePer
from ardoise.core.vat import Nature, RegimeKind
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.declare import TAX_BASIS, UNTIL_EN, UNTIL_FR, Column, Replace, Table, choice, validity

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
        Column(
            "currency",
            kinds.Pattern(
                regex="[A-Z]{3}",
                fr="trois majuscules (ISO 4217), « EUR »",
                en="three capital letters (ISO 4217), for example EUR",
            ),
            "monnaie",
            "currency",
            default="EUR",
        ),
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
    ),
)

TARIFF_VERSIONS = Table(
    name="tariff_versions",
    file="tariffs/CODE.toml",
    array="version",
    parent="tariffs",
    fr="Versions d’une grille : une version utilisée par un document émis ne change plus",
    en="Versions of a tariff: one used by an issued document changes no more",
    model="catalog.TariffVersion",
    key=("tariff", "valid_from_date"),
    derived=(Column("tariff", kinds.Ref(table="tariffs"), "", "", path="tariff__code"),),
    columns=(
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
    notes_fr="`rates` (obligatoire) nomme le fichier des tarifs, à côté : « CODE-2026-01-01.csv ».",
    notes_en='`rates` (required) names the file of rates beside it: "CODE-2026-01-01.csv".',
)

RATES = Table(
    name="rates",
    file="tariffs/CODE-DATE.csv",
    parent="tariff_versions",
    fr="Tarifs d’une version : le préfixe le plus long l’emporte ; le fichier donne toute la liste",
    en="Rates of a version: the longest prefix wins; the file gives the whole list",
    model="catalog.Rate",
    key=("tariff", "version_from_date", "prefix", "exact", "band"),
    replace=Replace.WITH_PARENT,
    derived=(
        Column("tariff", kinds.Ref(table="tariffs"), "", "", path="version__tariff__code"),
        Column("version_from_date", kinds.Day(), "", "", path="version__valid_from_date"),
    ),
    columns=(
        Column(
            "prefix",
            kinds.Pattern(
                regex=r"\+?[0-9*#]{1,20}",
                fr="préfixe « +336 » ou numéro court « 3639 »",
                en="an international prefix like +336 or a short number like 3639",
            ),
            "préfixe international « +336 » ou numéro court « 3639 »",
            'international prefix "+336" or short number "3639"',
            required=True,
        ),
        Column(
            "exact", kinds.YesNo(), "le numéro entier, pas un préfixe", "the whole number, not a prefix", default=False
        ),
        Column("zone", kinds.Ref(table="zones"), "zone", "zone", required=True, path="zone__code"),
        Column("band", kinds.Slug(), "tranche ; vide = toutes les autres", "band; empty = all others"),
        Column("price_per_min", kinds.Amount(), "prix par minute", "price per minute", required=True),
        Column(
            "first_s", kinds.Whole(least=1, most=86400), "premier palier, secondes", "first increment, s", default=1
        ),
        Column(
            "next_s", kinds.Whole(least=1, most=86400), "paliers suivants, secondes", "next increments, s", default=1
        ),
        Column(
            "steps",
            Text(),
            "à la place des trois précédents, « 0:0.10/60/60;180:0.05/60/1 » (dès la seconde : prix/par/palier)",
            'instead of the three before, "0:0.10/60/60;180:0.05/60/1" (from second: price/per/increment)',
        ),
        Column("connection_fee", kinds.Amount(), "frais de mise en relation", "connection fee", default=0, quiet=True),
        Column("minimum", kinds.Amount(), "minimum par appel", "least price of a call", default=0, quiet=True),
        Column(
            "service_price",
            kinds.Amount(),
            "part service (S) d’un n° surtaxé",
            "service part (S)",
            default=0,
            quiet=True,
        ),
        Column(
            "service_per",
            choice(*(word for word in ServicePer if word)),
            "part service par minute ou par appel",
            "service part per minute or per call",
        ),
    ),
)

ALLOWANCES = Table(
    name="allowances",
    file="allowances.csv",
    fr="Inclus : secondes offertes chaque mois",
    en="Allowances: seconds included each month",
    model="catalog.Allowance",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column("seconds", kinds.Whole(most=2147483647), "secondes par mois", "seconds a month", required=True),
        Column("zones", kinds.Refs(table="zones"), "zones", "zones", required=True),
        Column("owner", choice(*AllowanceOwner), "par ligne ou par compte", "per line or per account", default="line"),
        Column("priority", kinds.Whole(), "le plus petit sert d’abord", "the lowest is used first", default=100),
    ),
)

PRODUCTS = Table(
    name="products",
    file="products.csv",
    fr="Produits : abonnements, services, matériels",
    en="Products: subscriptions, services, equipment",
    model="catalog.Product",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom imprimé", "printed name", required=True),
        Column(
            "kind", choice("recurring", "one_off"), "abonnement ou vente unique", "recurring or one-off", required=True
        ),
        Column("nature", choice(*Nature), "bien ou service", "goods or services", default="services"),
        Column("unit_price", kinds.Amount(negative=True), "prix unitaire", "unit price", required=True),
        Column("tax_basis", TAX_BASIS, "hors taxe ou taxes comprises", "without or with tax", default="ht"),
        Column("in_advance", kinds.YesNo(), "facturé d’avance", "billed in advance", default=True),
    ),
)

PLANS = Table(
    name="plans",
    file="plans.csv",
    fr="Forfaits : abonnement, grille et inclus souscrits ensemble",
    en="Plans: a fee, a tariff and allowances subscribed together",
    model="catalog.Plan",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column("product", kinds.Ref(table="products"), "abonnement", "recurring product", path="product__code"),
        Column("tariff", kinds.Ref(table="tariffs"), "grille", "tariff", path="tariff__code"),
        Column("allowances", kinds.Refs(table="allowances"), "inclus", "allowances"),
    ),
)

TARIFF_LINKS = Table(
    name="tariff_links",
    file="tariff_links.csv",
    fr="Grille en vigueur à une ligne, un compte, un émetteur (défaut) ou une source (coût)",
    en="Tariff in force at a line, an account, an issuer (default) or a source (cost)",
    model="catalog.TariffLink",
    key=("owner_kind", "owner", "valid_from_date"),
    dated=True,
    columns=(
        Column("owner_kind", choice(*OwnerKind), "nature du porteur", "kind of owner", required=True),
        Column("owner", kinds.Code(), "code du porteur", "code of the owner", required=True),
        Column("tariff", kinds.Ref(table="tariffs"), "grille", "tariff", required=True, path="tariff__code"),
        *validity(),
    ),
)

_SOLD_TO = (
    Column("reference", kinds.Code(), "référence unique", "unique reference", required=True),
    Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
    Column(
        "line", kinds.Ref(table="lines"), "ligne ; vide = le compte", "line; empty = the account", path="line__code"
    ),
)
_QUANTITY = Column("quantity", kinds.Amount(negative=True), "quantité", "quantity", default=1)
_AGREED_PRICE = Column(
    "unit_price",
    kinds.Amount(negative=True),
    "prix convenu ; vide = celui du produit",
    "agreed price; empty = the product's",
)

SUBSCRIPTIONS = Table(
    name="subscriptions",
    file="subscriptions.csv",
    fr="Abonnements : un produit ou un forfait, entre deux dates",
    en="Subscriptions: a product or a plan, between two dates",
    model="catalog.Subscription",
    key=("reference",),
    dated=True,
    columns=(
        *_SOLD_TO,
        Column("product", kinds.Ref(table="products"), "produit", "product", path="product__code"),
        Column("plan", kinds.Ref(table="plans"), "forfait (ou produit)", "plan (or product)", path="plan__code"),
        _QUANTITY,
        _AGREED_PRICE,
        *validity(),
    ),
)

PURCHASES = Table(
    name="purchases",
    file="purchases.csv",
    fr="Ventes uniques",
    en="One-off sales",
    model="catalog.Purchase",
    key=("reference",),
    columns=(
        *_SOLD_TO,
        Column("product", kinds.Ref(table="products"), "produit", "product", required=True, path="product__code"),
        _QUANTITY,
        _AGREED_PRICE,
        Column("date", kinds.Day(), "date de la vente", "date of the sale", required=True),
    ),
)

VAT_RATES = Table(
    name="vat_rates",
    file="vat_rates.csv",
    fr="Taux de TVA, datés, par régime et nature",
    en="VAT rates, dated, by regime and nature",
    model="catalog.VatRate",
    key=("regime", "nature", "valid_from_date"),
    columns=(
        Column("regime", choice(*RegimeKind), "régime", "regime", required=True),
        Column("nature", choice(*Nature), "bien ou service ; vide = les deux", "goods or services; empty = both"),
        Column("rate", kinds.Amount(), "taux, %", "rate, %", required=True),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
)
