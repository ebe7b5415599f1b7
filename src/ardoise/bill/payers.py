"""Who a charge is billed to, as a column: the department of a statement, the customer or its paying branch."""

from __future__ import annotations

import polars as pl

from ardoise.core.schema import CHARGES
from ardoise.directory.models import Issuer
from ardoise.directory.payers import paying_branches


def payer_of_charge() -> pl.Expr:
    """The id of the payer of each charge: its account on statements, else the nearest paying branch or the root."""
    statements = list(Issuer.objects.filter(documents=Issuer.Documents.STATEMENTS).values_list("id", flat=True))
    invoiced = pl.col(CHARGES.root_id)
    if branches := paying_branches():
        own = pl.col(CHARGES.account_id).replace_strict(branches, default=None, return_dtype=pl.Int64)
        invoiced = own.fill_null(invoiced)
    return pl.when(pl.col(CHARGES.issuer_id).is_in(statements)).then(pl.col(CHARGES.account_id)).otherwise(invoiced)
