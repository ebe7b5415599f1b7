"""Plain files of what is sold: products and their prices, subscriptions, purchases, discounts, minimum commitments."""

from __future__ import annotations

from decimal import Decimal

from ardoise.core.counting import CountAt
from ardoise.core.documents import Section
from ardoise.core.metering import Aggregation
from ardoise.core.periods import Proration
from ardoise.core.recurring import Alignment, FirstStub
from ardoise.core.tariffs import Tiers
from ardoise.core.vat import SOLD
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.declare import TAX_BASIS, UNTIL_EN, UNTIL_FR, Column, Replace, Table, choice, validity
from ardoise.plainfiles.price_tables import MANY, NOTHING

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
        Column(
            "nature", choice(*SOLD), "bien ou service : sa TVA", "goods or services: what decides VAT", required=True
        ),
        Column("unit_price", kinds.Amount(negative=True), "prix unitaire", "unit price", required=True),
        Column("tax_basis", TAX_BASIS, "hors taxe ou taxes comprises", "without or with tax", default="ht"),
        Column("in_advance", kinds.YesNo(), "facturé d’avance", "billed in advance", default=True),
        Column(
            "family",
            Text(),
            "intertitre de ses lignes sur les factures : « Accès Internet »",
            "heading of its lines on documents: Internet access",
            rare=True,
        ),
        Column("period", kinds.Span(), "période du prix", "what the price is for", default="P1M", rare=True),
        Column(
            "alignment",
            choice(*Alignment),
            "la période suit le calendrier, le jour de facturation du client, ou la date de souscription",
            "periods follow the calendar, the customer's billing day, or the day of the subscription",
            default="calendar",
            rare=True,
        ),
        Column(
            "proration",
            choice(*Proration),
            "prix d’une partie de période",
            "price of a part of a period",
            default="calendar_days",
            rare=True,
        ),
        Column(
            "first_stub",
            choice(*FirstStub),
            "premiers jours : tout de suite, avec la première période entière, ou selon leur nombre",
            "first days: at once, with the first whole period, or by how many they are",
            default="now",
            rare=True,
        ),
        Column(
            "deferred_below_days",
            kinds.Whole(most=366),
            "by_days : reportés s’ils sont moins que tant",
            "by_days: deferred when they are fewer",
            default=0,
            rare=True,
        ),
        Column(
            "last_day_billed",
            kinds.YesNo(),
            "le jour de la fin est dû",
            "the day on which it ends is due",
            default=False,
            rare=True,
        ),
        Column("trial", kinds.Span(), "gratuit au début", "free at the start", rare=True),
        Column(
            "counted",
            choice("lines", "seats", "plans"),
            "quantité lue dans l’annuaire : lignes actives du compte et de ceux qu’il contient, personnes qui en ont "
            "une, lignes qui ont un forfait",
            "quantity read in the directory: active lines of the account and those below, persons who hold one, lines "
            "that have a plan",
            rare=True,
        ),
        Column(
            "counted_of",
            kinds.Code(),
            "seulement les lignes de cette nature, ou de ce forfait",
            "only lines of this kind, or with this plan",
            rare=True,
        ),
        Column(
            "counted_at",
            choice(*CountAt),
            "comptés le premier jour, le dernier, au plus haut, ou au prorata des jours",
            "counted on the first day, on the last, at the peak, or day by day",
            default="first_day",
            rare=True,
        ),
        Column("setup_fee", kinds.Amount(), "frais de mise en service", "setup fee", default=NOTHING, rare=True),
        Column(
            "deposit",
            kinds.Amount(),
            "dépôt demandé au début, rendu à la fin",
            "deposit charged at the start, given back at the end",
            default=NOTHING,
            rare=True,
        ),
        Column(
            "deposit_kind",
            choice("guarantee", "advance"),
            "ce qu’est le dépôt : une garantie, hors TVA, ou un acompte sur le prix, avec la TVA du produit",
            "what the deposit is: a guarantee, outside VAT, or an advance on the price, with the VAT of the product",
            default="guarantee",
            rare=True,
        ),
        Column(
            "engaged_months",
            kinds.Whole(most=120),
            "durée minimale, en mois",
            "minimum term, in months",
            default=0,
            rare=True,
        ),
        Column(
            "exit_share",
            kinds.Amount(),
            "part des mois restants due en cas de départ, %",
            "share of the months left that leaving costs, %",
            default=Decimal(100),
            rare=True,
        ),
        Column(
            "exit_fee", kinds.Amount(), "frais de départ anticipé", "fee for leaving early", default=NOTHING, rare=True
        ),
        Column(
            "with_device",
            kinds.YesNo(),
            "vendu avec un terminal subventionné (L224-28)",
            "sold with a subsidised device (L224-28)",
            default=False,
            rare=True,
        ),
        Column(
            "notice_days",
            kinds.Whole(most=366),
            "préavis d’un nouveau prix, en jours",
            "notice of a new price, in days",
            default=30,
            rare=True,
        ),
        Column(
            "metered",
            choice("readings", "seconds", "calls", "units"),
            "consommation facturée à l’unité : relevés importés, secondes, appels, messages ou octets",
            "usage billed by the unit: imported readings, seconds, calls, messages or octets",
            rare=True,
        ),
        Column(
            "metered_of",
            choice("included", "beyond", "outside", "third_party"),
            "seulement ces communications ; vide = toutes",
            "only this usage; empty = all",
            rare=True,
        ),
        Column(
            "meter_mode",
            choice(*Tiers),
            "tranches : chaque unité dans la sienne, toutes dans la dernière atteinte, ou un prix de tranche",
            "tiers: each unit in its own, all in the last one reached, or one price a tier",
            default="graduated",
            rare=True,
        ),
        Column("meter_free", kinds.Whole(most=MANY), "unités gratuites", "free units", default=0, rare=True),
        Column(
            "aggregation",
            choice(*Aggregation),
            "ce que les relevés d’une période font ensemble",
            "what the readings of a period make together",
            default="sum",
            rare=True,
        ),
    ),
    notes_fr="Une durée a une seule unité : P1M, P3M, P1Y, P1W, P30D. Un consommateur n’est engagé que 24 mois au plus "
    "et ne doit plus rien après 12, ou 20 % du reste avec un terminal (Code de la consommation, L224-28).",
    notes_en="A length has one unit: P1M, P3M, P1Y, P1W, P30D. A consumer is engaged for 24 months at most and owes "
    "nothing after 12, or 20 % of the rest with a device (Code de la consommation, L224-28).",
)

PRODUCT_PRICES = Table(
    name="product_prices",
    file="product_prices.csv",
    fr="Nouveaux prix de produits, datés, avec leur préavis",
    en="New prices of products, dated, with their notice",
    model="catalog.ProductPrice",
    key=("product", "valid_from_date"),
    dated=True,
    columns=(
        Column("product", kinds.Ref(table="products"), "produit", "product", required=True, path="product__code"),
        Column("unit_price", kinds.Amount(negative=True), "prix unitaire", "unit price"),
        Column(
            "coefficient",
            kinds.Amount(),
            "ou coefficient du prix d’avant (indice ÷ indice de base), arrondi au centime",
            "or coefficient of the price before (index over its base), to the cent",
        ),
        Column("notice_date", kinds.Day(), "jour où les clients l’ont su", "day customers were told", required=True),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
    notes_fr="Il vaut pour les périodes qui commencent ce jour ou après ; les jours facturés gardent leur prix, les "
    "prix convenus aussi.",
    notes_en="It holds for periods that begin on that day or later; days billed keep their price, agreed prices too.",
)

PRODUCT_TIERS = Table(
    name="product_tiers",
    file="product_tiers.csv",
    fr="Tranches des produits à l’unité",
    en="Tiers of metered products",
    model="catalog.ProductTier",
    key=("product", "up_to"),
    replace=Replace.WITH_PARENT,
    notes_fr="Le fichier donne toutes les tranches de chaque produit qu’il nomme, et des produits de `products.csv` à "
    "côté de lui : une tranche qui n’y est plus s’en va. Celle d’un produit déjà facturé au compteur est refusée, "
    "sauf avec `--correct` : la différence est alors sur la prochaine facture.",
    notes_en="The file gives all the tiers of each product that it names, and of the products of `products.csv` beside "
    "it: a tier that left it is removed. That of a product whose usage was billed is refused, unless with "
    "`--correct`: the difference is then on the next bill.",
    columns=(
        Column("product", kinds.Ref(table="products"), "produit", "product", required=True, path="product__code"),
        Column(
            "up_to",
            kinds.Whole(most=MANY),
            "dernière unité ; vide = toutes les suivantes",
            "last unit; empty = all that follow",
            default=0,
            quiet=True,
        ),
        Column("unit_price", kinds.Amount(), "prix", "price", required=True),
        Column("per", kinds.Whole(least=1, most=MANY), "prix de tant d’unités", "price of so many units", default=1),
        Column(
            "block",
            kinds.Whole(least=1, most=MANY),
            "un bloc entamé est dû",
            "a started block is due",
            default=1,
            rare=True,
        ),
        Column(
            "flat", kinds.Amount(), "dû une fois la tranche atteinte", "due once reached", default=NOTHING, rare=True
        ),
    ),
)

_SOLD_TO = (
    Column("reference", kinds.Code(), "référence unique", "unique reference", required=True),
    Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
    Column(
        "line", kinds.Ref(table="lines"), "ligne ; vide = le compte", "line; empty = the account", path="line__code"
    ),
)
# A quantity below zero would be a credit note in disguise, and none is an end: both have their own commands.
_QUANTITY = Column(
    "quantity", kinds.Amount(zero=False), "quantité, plus de zéro", "quantity, above zero", default=Decimal(1)
)
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
    key=("reference", "change"),
    dated=True,
    columns=(
        *_SOLD_TO,
        Column("product", kinds.Ref(table="products"), "produit", "product", path="product__code"),
        Column("plan", kinds.Ref(table="plans"), "forfait (ou produit)", "plan (or product)", path="plan__code"),
        _QUANTITY,
        _AGREED_PRICE,
        *validity(),
        Column(
            "change",
            kinds.Whole(most=9999),
            "n° du changement qui commence ce jour ; vide = la souscription",
            "number of the change that begins on that day; empty = as first subscribed",
            default=0,
            rare=True,
        ),
        Column("suspended", kinds.YesNo(), "suspendu", "suspended", default=False, rare=True),
        Column(
            "suspension_price",
            kinds.Amount(),
            "prix d’une période pendant la suspension",
            "price of a period while suspended",
            default=NOTHING,
            rare=True,
        ),
        Column(
            "exit_waived",
            kinds.YesNo(),
            "parti avant la durée minimale sans frais",
            "left before the minimum term without a fee",
            default=False,
            rare=True,
        ),
    ),
    notes_fr="Un changement daté de forfait, de quantité ou de prix est une autre ligne de la même référence, d’un "
    "autre `change`, qui commence où finit la précédente (`ardoise subscription change` l’écrit). Corriger une ligne "
    "corrige le passé : ce qui est déjà facturé devient une proposition.",
    notes_en="A dated change of plan, quantity or price is another row of the same reference, with another `change`, "
    "that begins where the one before ends (`ardoise subscription change` writes it). Correcting a row corrects the "
    "past: what is billed already becomes a proposal.",
)

METER_READINGS = Table(
    name="meter_readings",
    file="meter_readings.csv",
    fr="Relevés des abonnements à l’unité",
    en="Readings of metered subscriptions",
    model="catalog.MeterReading",
    key=("reference", "day", "key"),
    columns=(
        Column("reference", kinds.Code(), "référence de l’abonnement", "reference of the subscription", required=True),
        Column("day", kinds.Day(), "jour", "day", required=True),
        Column("quantity", kinds.Whole(most=MANY), "quantité", "quantity", required=True),
        Column("key", Text(), "distingue les relevés d’un jour", "tells the readings of a day apart"),
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
        Column(
            "instalments",
            kinds.Whole(least=1, most=120),
            "nombre d’échéances",
            "number of instalments",
            default=1,
            rare=True,
        ),
        Column(
            "every", kinds.Span(), "durée entre deux échéances", "time between instalments", default="P1M", rare=True
        ),
    ),
)

DISCOUNTS = Table(
    name="discounts",
    file="discounts.csv",
    fr="Remises et bons sur les factures",
    en="Discounts and vouchers on documents",
    model="catalog.Discount",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code, ou celui du bon", "code, or that of the voucher", required=True),
        Column("name", Text(), "nom imprimé", "printed name", required=True),
        Column("percentage", kinds.Amount(), "remise, %", "percentage off", default=NOTHING, quiet=True),
        Column(
            "amount",
            kinds.Amount(),
            "ou montant par période de facturation",
            "or amount a billing period",
            default=NOTHING,
            quiet=True,
        ),
        Column("products", kinds.Refs(table="products"), "produits visés ; vide = tout", "products; empty = all"),
        Column("section", choice(*Section), "partie visée ; vide = toutes", "part of the bill; empty = all"),
        Column(
            "cycles",
            kinds.Whole(least=1, most=600),
            "nombre de périodes ; vide = sans fin",
            "number of billing periods; empty = for ever",
        ),
        Column("limit", kinds.Amount(), "au plus en tout", "at most in all"),
        Column("priority", kinds.Whole(), "le plus petit s’applique d’abord", "the lowest goes first", default=100),
    ),
)

DISCOUNT_GRANTS = Table(
    name="discount_grants",
    file="discount_grants.csv",
    fr="Remises accordées à un compte, un abonnement ou tous les clients d’un émetteur",
    en="Discounts granted to an account, a subscription or all customers of an issuer",
    model="catalog.DiscountGrant",
    key=("owner_kind", "owner", "discount", "valid_from_date"),
    dated=True,
    columns=(
        Column(
            "owner_kind",
            choice("account", "subscription", "issuer"),
            "nature du porteur",
            "kind of owner",
            required=True,
        ),
        Column("owner", kinds.Code(), "code ou référence du porteur", "code or reference of the owner", required=True),
        Column("discount", kinds.Ref(table="discounts"), "remise", "discount", required=True, path="discount__code"),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
)

COMMITMENTS = Table(
    name="commitments",
    file="commitments.csv",
    fr="Minimums de facturation : ce qui manque est ajouté à la fin de la période",
    en="Minimum commitments: what is missing is added at the end of the period",
    model="catalog.Commitment",
    key=("code",),
    dated=True,
    columns=(
        Column("code", kinds.Code(), "code", "code", required=True),
        Column("name", Text(), "nom imprimé", "printed name", required=True),
        Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
        Column("amount", kinds.Amount(), "minimum par période de facturation", "least a billing period", required=True),
        Column(
            "product",
            kinds.Ref(table="products"),
            "ce qui compte ; vide = tout",
            "what counts; empty = all",
            path="product__code",
        ),
        Column("nature", choice(*SOLD), "bien ou service : sa TVA", "goods or services", default="services"),
        Column("valid_from_date", kinds.Day(), "premier jour", "first day", required=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    ),
)
