"""Who sells, who buys, how it looks: copies of the directory taken when a document is made."""

from __future__ import annotations

from decimal import Decimal

from ardoise.core.documents import Brand, Party
from ardoise.core.vat import DOMESTIC, RegimeKind
from ardoise.directory.models import Account, Issuer

NO_VAT = Decimal(0)
# Sales to Guyane, Mayotte, the overseas collectivities and other countries are reported as international.
_INTERNATIONAL = frozenset({RegimeKind.GUYANE_MAYOTTE, RegimeKind.INTRA_EU, RegimeKind.EXPORT})


def seller(issuer: Issuer) -> Party:
    return Party(
        name=issuer.company,
        address_lines=tuple(line for line in (issuer.address, issuer.address_more) if line),
        postal_code=issuer.postal_code,
        city=issuer.city,
        country=issuer.country,
        siren=issuer.siren,
        siret=issuer.siret,
        vat_number=issuer.vat_number,
        email=issuer.email,
        phone=issuer.phone,
        legal_mention=issuer.legal_mention,
        electronic_address=issuer.siren,
    )


def buyer(account: Account) -> Party:
    return Party(
        name=account.name,
        address_lines=tuple(line for line in (account.address, account.address_more) if line),
        postal_code=account.postal_code,
        city=account.city,
        country=account.country,
        siren=account.siren,
        siret=account.siret,
        vat_number=account.vat_number,
        email=account.emails.split()[0] if account.emails else "",
        customer_code=account.code,
        electronic_address=account.siren,
    )


def brand(issuer: Issuer) -> Brand:
    return Brand(
        code=issuer.code,
        display_name=issuer.name,
        logo_svg=issuer.logo_svg,
        accent_hex=issuer.accent,
        header=issuer.header,
        footer=issuer.footer,
        language=issuer.language,
    )


def audience(account: Account, regime: RegimeKind | None) -> str:
    """Which flow of the French reform a document belongs to (note BAR): B2B, B2C, B2BINT or B2CINT."""
    abroad = account.country not in DOMESTIC or regime in _INTERNATIONAL
    return f"{account.audience}INT" if abroad else account.audience
