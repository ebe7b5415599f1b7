"""The files of a company, declared once: reading, errors, dumping and docs/reference/plain-files.md derive from here.

A table is a CSV file, or an array of a TOML file (`array`), or a nested array of one (`parent`). `key` is the natural
key: loading finds by it what is there already.
"""

from __future__ import annotations

from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.catalog_tables import (
    ALLOWANCES,
    PLANS,
    PROMOTION_GRANTS,
    PROMOTIONS,
    TARIFF_LINKS,
    VAT_RATES,
)
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.deck_tables import DECK_LAYOUTS
from ardoise.plainfiles.declare import Column, Table, choice
from ardoise.plainfiles.directory_tables import (
    ACCOUNTS,
    ASSIGNMENTS,
    IDENTIFIERS,
    ISSUERS,
    LINES,
    SHEET_LAYOUTS,
    VAT_REGIMES,
)
from ardoise.plainfiles.price_tables import (
    CALENDAR_RULES,
    CALENDARS,
    EXCHANGE_RATES,
    RATES,
    TARIFF_VERSIONS,
    TARIFFS,
    ZONES,
)
from ardoise.plainfiles.sale_tables import (
    COMMITMENTS,
    DISCOUNT_GRANTS,
    DISCOUNTS,
    METER_READINGS,
    PRODUCT_PRICES,
    PRODUCT_TIERS,
    PRODUCTS,
    PURCHASES,
    SUBSCRIPTIONS,
)

SOURCES = Table(
    name="sources",
    file="sources.toml",
    array="source",
    fr="Sources de tickets : PBX et opérateurs",
    en="Sources of tickets: PBXs and operators",
    model="collect.Source",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code", "code", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column(
            "issuer",
            kinds.Ref(table="issuers"),
            "émetteur dont le compte « non affecté » reçoit l’inconnu",
            'issuer whose "unassigned" account takes what is unknown',
            required=True,
            path="issuer__code",
        ),
        Column("format", kinds.Code(), "format (`ardoise formats`)", "format (`ardoise formats`)", required=True),
        Column(
            "transport",
            choice("tcp_server", "tcp_client", "files", "tail", "sftp", "https", "webhook", "radius", "agent"),
            "comment les tickets arrivent : le PBX se connecte, on se connecte, fichiers déposés ...",
            "how tickets come: the PBX connects, we connect, dropped files ...",
            required=True,
        ),
        Column("host", Text(), "adresse du PBX", "address of the PBX"),
        Column("port", kinds.Whole(least=1, most=65535), "port TCP", "TCP port"),
        Column(
            "link",
            kinds.Options(),
            "réglages du transport ; un secret y est nommé : env:NOM ou file:CHEMIN",
            "settings of the transport; a secret is named there: env:NAME or file:PATH",
            default={},
            quiet=True,
        ),
        Column("folder", Text(), "dossier des fichiers", "folder of the files"),
        Column("pattern", Text(), "motif des noms de fichier", "pattern of the file names", default="*"),
        Column(
            "zone", kinds.TimeZone(), "fuseau de l’heure imprimée", "zone of the printed time", default="Europe/Paris"
        ),
        Column(
            "outside_prefix",
            kinds.Pattern(regex="[0-9*#]{1,8}", fr="chiffres, « 0 »", en="digits, for example 0"),
            "préfixe de sortie",
            "outside prefix",
        ),
        Column(
            "country",
            kinds.Pattern(regex="[1-9][0-9]{0,2}", fr="indicatif, « 33 »", en="a country calling code, for example 33"),
            "indicatif du pays",
            "country calling code",
            default="33",
        ),
        Column(
            "area",
            kinds.Pattern(regex="[0-9]{1,6}", fr="chiffres, « 4 »", en="digits, for example 4"),
            "indicatif régional",
            "area code",
        ),
        Column(
            "prices_internal",
            kinds.YesNo(),
            "tarifer les appels internes",
            "price internal calls",
            default=False,
            quiet=True,
        ),
        Column(
            "assembly",
            kinds.Options(),
            "comment les segments font un appel : qui paie, délais",
            "how segments become a call: who pays, delays",
            default={},
            quiet=True,
        ),
        Column(
            "buffer_tickets",
            kinds.Whole(least=1, most=10_000_000),
            "tickets que le PBX garde quand personne n’écoute",
            "tickets that the PBX keeps while nobody listens",
        ),
        Column("active", kinds.YesNo(), "en service", "in service", default=True),
        Column(
            "late_usage",
            choice("next_invoice", "rebill"),
            "appels arrivés après la facture : sur la suivante, ou en attente que leur facture soit refaite",
            "calls that come after the invoice: on the next one, or waiting until their invoice is made anew",
            default="next_invoice",
            quiet=True,
        ),
        Column(
            "profile",
            kinds.FileText(under="profiles", extension="toml"),
            "profil d’un format délimité",
            "profile of a delimited format",
        ),
        Column("options", kinds.Options(), "réglages du format", "settings of the format", default={}, quiet=True),
    ),
)

PAST_TOTALS = Table(
    name="past_totals",
    file="past_totals.csv",
    fr="Mois facturés avant Ardoise : ce que comparent les contrôles sur douze mois",
    en="Months billed before Ardoise: what the twelve-month controls compare with",
    model="bill.PastTotal",
    key=("account", "month"),
    columns=(
        Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
        Column("month", kinds.Month(), "mois", "month", required=True),
        Column("usage", kinds.Euros(), "communications", "communications", required=True, path="usage_minor"),
        Column("subscription", kinds.Euros(), "abonnements", "subscriptions", required=True, path="subscription_minor"),
        Column("total", kinds.Euros(), "total", "total", required=True, path="total_minor"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ISSUERS,
        SOURCES,
        ACCOUNTS,
        VAT_REGIMES,
        LINES,
        ASSIGNMENTS,
        IDENTIFIERS,
        ZONES,
        CALENDARS,
        CALENDAR_RULES,
        TARIFFS,
        TARIFF_VERSIONS,
        RATES,
        ALLOWANCES,
        PROMOTIONS,
        PRODUCTS,
        PLANS,
        TARIFF_LINKS,
        PROMOTION_GRANTS,
        EXCHANGE_RATES,
        PRODUCT_PRICES,
        PRODUCT_TIERS,
        SUBSCRIPTIONS,
        METER_READINGS,
        PURCHASES,
        DISCOUNTS,
        DISCOUNT_GRANTS,
        COMMITMENTS,
        VAT_RATES,
        DECK_LAYOUTS,
        SHEET_LAYOUTS,
        PAST_TOTALS,
    )
}
