"""Eleven earlier months of an account, coherent with October: within a quarter of it, by the season."""

from __future__ import annotations

from random import Random

SEASON = {
    "2025-11": 97, "2025-12": 90, "2026-01": 99, "2026-02": 95, "2026-03": 104, "2026-04": 98, "2026-05": 92,
    "2026-06": 103, "2026-07": 93, "2026-08": 80, "2026-09": 102,
}  # fmt: skip  # percent of October


def past_rows(
    account: str, usage_minor: int, subscription_minor: int, *, one_off_minor: int
) -> list[dict[str, str | int | None]]:
    """Rows of past_totals.csv. Amounts of a usual month, in cents without tax; `one_off_minor` was sold in March."""
    random = Random(f"past {account}")
    rows: list[dict[str, str | int | None]] = []
    for month, percent in SEASON.items():
        usage = usage_minor * percent * random.randint(94, 106) // 10_000
        sold = one_off_minor if month == "2026-03" else 0
        total = usage + subscription_minor + sold
        rows.append(
            {
                "account": account,
                "month": month,
                "usage": _euros(usage),
                "subscription": _euros(subscription_minor),
                "total": _euros(total),
            }
        )
    return rows


def _euros(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
