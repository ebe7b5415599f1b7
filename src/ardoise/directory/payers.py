"""Who is invoiced: the customer at the top, or the nearest branch with an invoice of its own (`own_invoice`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ardoise.directory.models import Account

# What a branch leaves empty is said by the account above it. Its address and its VAT regime are not among them: the
# establishment decides the regime (bill.parties).
INHERITED = ("siren", "vat_number", "emails", "purchase_order", "payment_terms", "resells")


def paying_branches() -> dict[int, int]:
    """Account -> the branch that pays for it, for the accounts that their customer does not pay for."""
    rows: dict[int, tuple[int | None, bool]] = {
        pk: (parent_id, pays) for pk, parent_id, pays in Account.objects.values_list("id", "parent_id", "own_invoice")
    }
    found: dict[int, int] = {}
    if any(pays and parent_id is not None for parent_id, pays in rows.values()):
        for account_id in rows:
            payer = _nearest(account_id, rows)
            if rows[payer][0] is not None:
                found[account_id] = payer
    return found


def _nearest(account_id: int, rows: Mapping[int, tuple[int | None, bool]]) -> int:
    parent_id, pays = rows[account_id]
    while not pays and parent_id is not None:
        account_id = parent_id
        parent_id, pays = rows[account_id]
    return account_id


def invoiced(account_ids: Collection[int]) -> dict[int, Account]:
    """Accounts to invoice by id, with their issuer; what a branch leaves empty is filled in from above."""
    accounts = Account.objects.select_related("issuer", "parent").in_bulk(list(account_ids))
    for account in accounts.values():
        for above in _above(account):
            for name in INHERITED:
                if not getattr(account, name):
                    setattr(account, name, getattr(above, name))
    return accounts


def customer_of(account: Account) -> Account:
    """The account at the top of its tree."""
    while account.parent is not None:
        account = account.parent
    return account


def _above(account: Account) -> Iterator[Account]:
    while account.parent is not None:
        account = account.parent
        yield account
