"""Plain files of allowances, promotions, plans, tariffs in force, VAT rates."""

from __future__ import annotations

from ardoise.core.snapshot import OwnerKind
from ardoise.core.tariffs import (
    AllowanceOwner,
    Counted,
)
from ardoise.core.vat import SOLD, RegimeKind
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.declare import UNTIL_EN, UNTIL_FR, Column, Table, choice, validity
from ardoise.plainfiles.price_tables import MANY, NOTHING, adjustment

_OWNER = Column(
    "owner",
    choice(*AllowanceOwner),
    "compteur par ligne, par compte, ou commun (autant de fois que de lignes)",
    "counter per line, per account, or pool (as many times as lines)",
    default="line",
)
_PRIORITY = Column("priority", kinds.Whole(), "le plus petit sert d’abord", "the lowest is used first", default=100)

ALLOWANCES = Table(
    name="allowances",
    file="allowances.csv",
    fr="Inclus : ce qui est offert chaque mois",
    en="Allowances: what is included each month",
    model="catalog.Allowance",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column(
            "quantity",
            kinds.Quantity(unlimited=True, empty=...),
            "quantité par mois",
            "quantity a month",
            required=True,
        ),
        Column("counted", choice(*Counted), "ce qui est compté", "what is counted", default="seconds"),
        Column("zones", kinds.Refs(table="zones"), "zones", "zones", required=True),
        _OWNER,
        _PRIORITY,
        Column("call_limit", kinds.Quantity(), "au plus, par appel", "at most, by call", rare=True),
        Column(
            "correspondents",
            kinds.Whole(least=1, most=MANY),
            "correspondants différents par mois, au plus",
            "different numbers called a month, at most",
            rare=True,
        ),
        Column(
            "increment",
            kinds.Whole(least=1, most=MANY),
            "ce qu’un appel consomme est arrondi à ce multiple",
            "what a call draws is rounded up to a multiple",
            default=1,
            rare=True,
        ),
        Column(
            "rollover_months",
            kinds.Whole(most=120),
            "mois pendant lesquels le reste sert encore",
            "months in which what is left may still be used",
            default=0,
            rare=True,
        ),
        Column(
            "prorated",
            kinds.YesNo(),
            "au prorata du premier et du dernier mois",
            "prorated in the first and the last month",
            default=False,
            rare=True,
        ),
        Column(
            "as_billed",
            kinds.YesNo(),
            "un appel consomme sa durée facturée, arrondie par son tarif",
            "a call draws its billed duration, as its rate rounds it",
            default=False,
            rare=True,
        ),
        Column(
            "call_fee",
            kinds.Amount(),
            "frais dus une fois par appel couvert",
            "fee due once for a call that it covers",
            default=NOTHING,
            rare=True,
        ),
    ),
    notes_fr="`quantity` et `call_limit` sont dans l’unité de `counted` ; `money` en unités de monnaie (« 10.50 »).",
    notes_en='`quantity` and `call_limit` are in the unit of `counted`; `money` in units of currency ("10.50").',
)

PROMOTIONS = Table(
    name="promotions",
    file="promotions.csv",
    fr="Promotions et remises de volume, après les inclus, avant l’arrondi",
    en="Promotions and volume discounts, after allowances, before rounding",
    model="catalog.Promotion",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column("zones", kinds.Refs(table="zones"), "zones ; vide = toutes", "zones; empty = all"),
        Column("percentage", kinds.Amount(), "remise, %", "percentage off", default=NOTHING, quiet=True),
        Column(
            "amount", kinds.Amount(), "puis remise par appel", "then amount off each call", default=NOTHING, quiet=True
        ),
        Column("counted", choice(*Counted), "ce que compte la fenêtre", "what the window counts", default="calls"),
        Column(
            "from_quantity",
            kinds.Quantity(),
            "à partir de tant par mois",
            "from so many a month",
            default=NOTHING,
            quiet=True,
        ),
        Column("to_quantity", kinds.Quantity(), "jusqu’à ; vide = sans fin", "up to; empty = open"),
        _OWNER,
        _PRIORITY,
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
        Column("promotions", kinds.Refs(table="promotions"), "promotions", "promotions", rare=True),
    ),
)

TARIFF_LINKS = Table(
    name="tariff_links",
    file="tariff_links.csv",
    fr="Grille en vigueur à une ligne, un compte, un émetteur (défaut) ou une source (coût)",
    en="Tariff in force at a line, an account, an issuer (default) or a source (cost)",
    model="catalog.TariffLink",
    key=("owner_kind", "owner", "trunk", "position", "valid_from_date"),
    dated=True,
    columns=(
        Column("owner_kind", choice(*OwnerKind), "nature du porteur", "kind of owner", required=True),
        Column("owner", kinds.Code(), "code du porteur", "code of the owner", required=True),
        Column("tariff", kinds.Ref(table="tariffs"), "grille", "tariff", required=True, path="tariff__code"),
        *validity(),
        Column(
            "trunk",
            Text(),
            "faisceau ou route d’une source ; vide = tous",
            "trunk or route of a source; empty = any",
            rare=True,
        ),
        Column(
            "position",
            kinds.Whole(most=9),
            "rang, quand un porteur a plusieurs grilles : la plus petite d’abord",
            "rank where an owner has several tariffs: the lowest first",
            default=0,
            rare=True,
        ),
        *adjustment(),
    ),
)

PROMOTION_GRANTS = Table(
    name="promotion_grants",
    file="promotion_grants.csv",
    fr="Promotions accordées à une ligne, un compte ou tous les clients d’un émetteur",
    en="Promotions granted to a line, an account or all customers of an issuer",
    model="catalog.PromotionGrant",
    key=("owner_kind", "owner", "promotion", "valid_from_date"),
    dated=True,
    columns=(
        Column("owner_kind", choice("line", "account", "issuer"), "nature du porteur", "kind of owner", required=True),
        Column("owner", kinds.Code(), "code du porteur", "code of the owner", required=True),
        Column(
            "promotion", kinds.Ref(table="promotions"), "promotion", "promotion", required=True, path="promotion__code"
        ),
        *validity(),
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
        Column("nature", choice(*SOLD), "bien ou service ; vide = les deux", "goods or services; empty = both"),
        Column("rate", kinds.Amount(), "taux, %", "rate, %", required=True),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
)
