"""Plain files of the directory: issuers, accounts, lines, and what names them."""

from __future__ import annotations

from dataclasses import dataclass

from ardoise.core.snapshot import IdentifierKind
from ardoise.core.vat import RegimeKind
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text
from ardoise.plainfiles.declare import TAX_BASIS, Column, Table, choice, validity

_ADDRESS = (
    Column("address", Text(), "rue et numéro", "street and number"),
    Column("address_more", Text(), "complément d’adresse", "second address line"),
    Column(
        "postal_code", Text(), "code postal : il dit le territoire de TVA", "postal code: it tells the VAT territory"
    ),
    Column("city", Text(), "ville", "city"),
    Column("country", kinds.Country(), "pays", "country", default="FR"),
)
_LEGAL = (
    Column("siren", kinds.Siren(), "SIREN", "SIREN"),
    Column("siret", kinds.Siret(), "SIRET de l’établissement", "SIRET of the establishment"),
    Column("vat_number", kinds.VatNumber(), "n° de TVA intracommunautaire", "VAT number"),
)
_VAT_REGIME = kinds.Choice(
    words=tuple(RegimeKind),
    aliases=(("1", RegimeKind.STANDARD.value),),
    refused=(
        (
            "0",
            "VAT index 0 of ComTrafic does not say why there is no VAT; give the regime: guyane_mayotte, "
            "reverse_charge, intra_eu, export, or exempt with its legal mention in vat_reason",
        ),
    ),
)
_NOTE = Text(multiline=True)


@dataclass(frozen=True)
class SheetColumns(kinds.Options):
    """Column -> the header above it in the spreadsheets of somebody."""

    fr = 'table { name = "Raison sociale" }'
    en = 'table { name = "Raison sociale" }'


ISSUERS = Table(
    name="issuers",
    file="issuers.toml",
    array="issuer",
    fr="Émetteurs : marques ou entités juridiques qui émettent les documents",
    en="Issuers: brands or legal entities that issue documents",
    model="directory.Issuer",
    key=("code",),
    columns=(
        Column("code", kinds.Slug(), "code de l’émetteur", "code of the issuer", required=True),
        Column("name", Text(), "nom imprimé", "printed name", required=True),
        Column(
            "company",
            Text(),
            "société ; plusieurs marques la partagent",
            "company, shared by its brands",
            required=True,
        ),
        Column(
            "documents",
            choice("invoices", "statements"),
            "factures légales, ou relevés de refacturation interne",
            "legal invoices, or internal statements",
            default="invoices",
        ),
        *_ADDRESS,
        *_LEGAL,
        Column("legal_mention", _NOTE, "forme, capital, RCS", "legal form, capital, register"),
        Column("email", kinds.Emails(most=1), "adresse électronique de contact", "contact e-mail"),
        Column("phone", Text(), "téléphone de contact", "contact telephone"),
        Column("iban", kinds.Iban(), "IBAN imprimé sur les factures", "IBAN printed on invoices"),
        Column("bic", kinds.Bic(), "BIC", "BIC"),
        Column(
            "zone", kinds.TimeZone(), "fuseau horaire des périodes", "time zone of the periods", default="Europe/Paris"
        ),
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
        Column("language", choice("fr", "en"), "langue des documents", "language of the documents", default="fr"),
        Column("logo", kinds.FileText(under="logos", extension="svg"), "logo, SVG", "logo, SVG", path="logo_svg"),
        Column(
            "accent",
            kinds.Pattern(regex="#[0-9a-fA-F]{6}", fr="couleur « #1f4e79 »", en="a colour like #1f4e79"),
            "couleur d’accent",
            "accent colour",
            default="#1f4e79",
        ),
        Column("header", _NOTE, "ligne sous le logo", "line under the logo"),
        Column("footer", _NOTE, "pied de page", "page footer"),
        Column(
            "invoice_number", Text(), "forme du n° de facture", "form of invoice numbers", default="FA{year}-{seq:05d}"
        ),
        Column(
            "credit_number", Text(), "forme du n° d’avoir", "form of credit note numbers", default="AV{year}-{seq:05d}"
        ),
        Column("file_name", Text(), "nom des fichiers", "name of the files", default="{issuer} {customer} {month}"),
        Column(
            "payment_terms",
            kinds.Terms(),
            "conditions de paiement",
            "terms of payment",
            default="30d",
            was="payment_days",
        ),
        Column("penalty_note", _NOTE, "pénalités de retard", "late penalties"),
        Column("indemnity_note", _NOTE, "indemnité forfaitaire de 40 €", "fixed indemnity of 40 €"),
        Column("discount_note", _NOTE, "escompte", "discount for early payment"),
        Column("vat_on_debits", kinds.YesNo(), "TVA d’après les débits", "VAT due on invoices (debits)", default=True),
        Column(
            "first_month",
            kinds.Month(),
            "premier mois facturé ici ; vide = depuis toujours",
            "first month billed here; empty = since ever",
        ),
        Column(
            "negative",
            choice("carry", "credit_note"),
            "total négatif : reporté sur la facture suivante, ou avoir",
            "negative total: carried to the next invoice, or a credit note",
            default="carry",
            quiet=True,
        ),
        Column(
            "longest_over_all",
            kinds.YesNo(),
            "le préfixe le plus long de toutes les grilles l’emporte, et non la première grille",
            "the longest prefix over all tariffs wins, not the first tariff",
            default=False,
            quiet=True,
        ),
        Column(
            "change_lookback",
            kinds.Span(),
            "jusqu’où un changement antidaté d’abonnement refait ce qui est facturé ; vide = jusqu’à sa date",
            "how far before a run a back-dated change of a subscription bills anew; empty = to its date",
            quiet=True,
        ),
        Column(
            "user_totals",
            kinds.YesNo(),
            "les documents finissent par ce que coûte chaque ligne et son utilisateur",
            "documents end with what each line and its user cost",
            default=False,
            quiet=True,
        ),
    ),
)

ACCOUNTS = Table(
    name="accounts",
    file="accounts.csv",
    fr="Annuaire : clients, sites, services, personnes ; un parent peut suivre son enfant",
    en="Directory: customers, branches, departments, people; a parent may stand after its child",
    model="directory.Account",
    key=("code",),
    columns=(
        Column("code", kinds.Code(), "code du compte", "code of the account", required=True),
        Column("name", Text(), "nom", "name", required=True),
        Column(
            "kind",
            choice("customer", "branch", "department", "person"),
            "nature du nœud",
            "kind of node",
            default="customer",
        ),
        Column(
            "issuer",
            kinds.Ref(table="issuers"),
            "émetteur ; vide = celui du parent",
            "issuer; empty = its parent's",
            path="issuer__code",
        ),
        Column(
            "parent",
            kinds.Ref(table="accounts"),
            "compte parent ; vide = client",
            "parent account; empty = a customer",
            path="parent__code",
        ),
        Column("billable", kinds.YesNo(), "facturable", "invoiced (else priced and reported only)", default=True),
        Column(
            "audience", choice("B2B", "B2C"), "entreprise ou particulier", "business or private person", default="B2B"
        ),
        Column(
            "basis", TAX_BASIS, "document hors taxe ou taxes comprises", "document without or with tax", default="ht"
        ),
        Column(
            "vat_regime",
            _VAT_REGIME,
            "régime de TVA d’un payeur ; vide = celui de son établissement (1 de ComTrafic = standard)",
            "VAT regime of a payer; empty = that of its establishment (1 of ComTrafic = standard)",
        ),
        Column("vat_reason", _NOTE, "mention légale d’exonération", "legal mention of an exemption"),
        *_LEGAL,
        *_ADDRESS,
        Column("emails", kinds.Emails(), "destinataires des factures", "recipients of invoices"),
        Column("purchase_order", Text(), "n° de commande du client", "the customer's order number"),
        Column(
            "payment_terms",
            kinds.Terms(),
            "conditions de paiement ; vide = celles du compte parent, puis de l’émetteur",
            "terms of payment; empty = those of the parent account, then the issuer's",
            was="payment_days",
        ),
        Column(
            "own_invoice",
            kinds.YesNo(),
            "un site qui reçoit sa propre facture ; sinon le parent paie",
            "a branch with an invoice of its own; else its parent pays",
            default=False,
            rare=True,
        ),
        Column(
            "resells",
            kinds.YesNo(),
            "opérateur qui achète pour revendre : condition de l’autoliquidation",
            "operator that buys to resell: a condition of reverse charge",
            default=False,
            rare=True,
        ),
        Column(
            "cycle",
            kinds.Pattern(
                regex="P[1-9][0-9]{0,2}[DWMY]", fr="une durée « P1M », « P3M », « P45D »", en="a length: P1M, P3M, P45D"
            ),
            "période de facturation d’un client : P1M, P3M, P6M, P1Y, ou des jours, P30D",
            "billing period of a customer: P1M, P3M, P6M, P1Y, or days, P30D",
            default="P1M",
            rare=True,
        ),
        Column(
            "cycle_day",
            kinds.Whole(least=1, most=31),
            "jour de facturation, 31 = le dernier du mois ; vide = le 1er, ou l’anniversaire de cycle_start_date",
            "billing day, 31 = the last of the month; empty = the 1st, or the anniversary of cycle_start_date",
            rare=True,
        ),
        Column(
            "cycle_start_date",
            kinds.Day(),
            "anniversaire, ou premier jour d’une période en jours",
            "anniversary, or first day of a period in days",
            rare=True,
        ),
        Column(
            "threshold",
            kinds.Threshold(),
            "communications, dans la base du document, facturées avant la fin de la période dès ce montant",
            "usage, in the basis of the document, billed before the period is over from this amount on",
            rare=True,
        ),
        Column(
            "reseller",
            kinds.Ref(table="accounts"),
            "compte qui revend à ce client : il paie sa propre grille pour les mêmes appels",
            "account that resells to this customer: it pays its own tariff for the same calls",
            path="reseller__code",
            rare=True,
        ),
        Column(
            "provisional", kinds.YesNo(), "compte créé par Ardoise", "account made by Ardoise", default=False, rare=True
        ),
    ),
)

VAT_REGIMES = Table(
    name="vat_regimes",
    file="vat_regimes.csv",
    fr="Régimes de TVA datés : celui d’un compte au jour de la prestation ; les autres jours, celui d’accounts.csv",
    en="Dated VAT regimes: that of an account on the day of supply; on other days, the one of accounts.csv",
    model="directory.VatRegime",
    key=("account", "valid_from_date"),
    dated=True,
    columns=(
        Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
        Column("vat_regime", _VAT_REGIME, "régime de TVA", "VAT regime", required=True),
        Column("vat_reason", _NOTE, "mention légale d’exonération", "legal mention of an exemption"),
        *validity(),
    ),
)

LINES = Table(
    name="lines",
    file="lines.csv",
    fr="Lignes : postes, SIM, faisceaux, accès",
    en="Lines: extensions, SIM cards, trunks, accesses",
    model="directory.Line",
    key=("code",),
    columns=(
        Column("code", kinds.Code(), "code de la ligne", "code of the line", required=True),
        Column("name", Text(), "nom", "name"),
        Column(
            "kind",
            kinds.Code(),
            "nature : extension, sim, trunk…",
            "kind: extension, sim, trunk...",
            default="extension",
        ),
        Column(
            "no_detail",
            kinds.YesNo(),
            "représentant du personnel : numéros jamais conservés",
            "staff representative: numbers are never kept",
            default=False,
        ),
        Column("ended_date", kinds.Day(), "lendemain du dernier jour de service", "day after the last day of service"),
        Column(
            "provisional", kinds.YesNo(), "ligne créée par Ardoise", "line made by Ardoise", default=False, rare=True
        ),
    ),
)

ASSIGNMENTS = Table(
    name="assignments",
    file="assignments.csv",
    fr="Affectations : à quel compte appartient une ligne, entre deux dates",
    en="Assignments: which account a line belongs to, between two dates",
    model="directory.LineAssignment",
    key=("line", "valid_from_date"),
    dated=True,
    columns=(
        Column("line", kinds.Ref(table="lines"), "ligne", "line", required=True, path="line__code"),
        Column("account", kinds.Ref(table="accounts"), "compte", "account", required=True, path="account__code"),
        *validity(),
    ),
)

IDENTIFIERS = Table(
    name="identifiers",
    file="identifiers.csv",
    fr="Identifiants : ce qui nomme une ligne dans les tickets d’une source, entre deux dates",
    en="Identifiers: what names a line in the tickets of a source, between two dates",
    model="directory.Identifier",
    key=("source", "kind", "value", "valid_from_date"),
    dated=True,
    columns=(
        Column(
            "source", kinds.Ref(table="sources"), "source ; vide = toutes", "source; empty = any", path="source_code"
        ),
        Column("kind", choice(*IdentifierKind), "poste, ou numéro", "extension, or number", required=True),
        Column(
            "value",
            Text(),
            "poste tel qu’imprimé ; numéro « +33472000001 » ou « 0472000001 »",
            'extension as printed; number "+33472000001" or "0472000001"',
            required=True,
        ),
        Column("line", kinds.Ref(table="lines"), "ligne", "line", required=True, path="line__code"),
        *validity(),
    ),
)

SHEET_LAYOUTS = Table(
    name="sheet_layouts",
    file="sheet_layouts.toml",
    array="sheet_layout",
    fr="Tableurs de l’annuaire : leurs en-têtes, retenus par `ardoise directory import --layout`",
    en="Spreadsheets of the directory: their headers, remembered by `ardoise directory import --layout`",
    model="directory.SheetLayout",
    key=("name", "kind"),
    columns=(
        Column("name", kinds.Slug(), "nom", "name", required=True),
        Column(
            "kind",
            choice("accounts", "lines", "identifiers", "subscriptions"),
            "nature des lignes",
            "kind of rows",
            required=True,
        ),
        Column("columns", SheetColumns(), "en-tête de chaque colonne", "header of each column", default={}),
    ),
)
