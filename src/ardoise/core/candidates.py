"""A world in which everybody has a given tariff: what "what if" and "compare" ask about."""

from __future__ import annotations

from dataclasses import replace

from ardoise.core.snapshot import OwnerKind, Snapshot, TariffLink


class NoSuchTariff(ValueError):
    """No tariff of the snapshot has this code; the message names those that exist."""


def under_tariff(snapshot: Snapshot, code: str) -> Snapshot:
    """The same directory, allowances and costs, all calls sold at one tariff. Raises NoSuchTariff.

    The tariff takes the place of every link of lines, accounts and issuers: what it has no row for has no price, so
    that a deck with holes shows them.
    """
    tariff_id = {tariff.code: tariff.tariff_id for tariff in snapshot.tariffs}.get(code)
    if tariff_id is None:
        known = ", ".join(sorted(tariff.code for tariff in snapshot.tariffs)) or "none yet"
        raise NoSuchTariff(f"no tariff has the code « {code} »; the tariffs are: {known}")
    costs = tuple(link for link in snapshot.links if link.owner_kind is OwnerKind.SOURCE)
    sold = tuple(
        TariffLink(OwnerKind.ISSUER, issuer_id, tariff_id, 0, None, None) for issuer_id in sorted(snapshot.issuers_zone)
    )
    return replace(snapshot, links=costs + sold)
