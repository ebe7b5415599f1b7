"""A month of calls rated as columns: numpy, Polars and `core` only, so that a cluster worker needs no Django."""

from ardoise.rate.columns.month import RatedFile, RatedMonth, rate_month
from ardoise.rate.columns.totals import IssuerTotal

__all__ = ["IssuerTotal", "RatedFile", "RatedMonth", "rate_month"]
