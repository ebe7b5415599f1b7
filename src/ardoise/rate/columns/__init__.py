"""A month of calls rated as columns: numpy, Polars and `core` only, so that a cluster worker needs no Django."""

from ardoise.rate.columns.month import IssuerTotal, RatedFile, RatedMonth, rate_month

__all__ = ["IssuerTotal", "RatedFile", "RatedMonth", "rate_month"]
