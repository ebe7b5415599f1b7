"""A small operator without customers; each story adds its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage.company import LANDLINE, MOBILE, Company, voxa

PHONE, OTHER = "0472000001", "0472000002"


@pytest.fixture
def company(home: Path) -> Company:
    return voxa(home)


@pytest.fixture
def two(company: Company) -> Company:
    """Two customers with a call each, rated: C1 calls a mobile (0.12), C2 a landline for a minute (0.02)."""
    company.customer("C1")
    company.customer("C2")
    company.line(PHONE, "C1")
    company.line(OTHER, "C2")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-05 10:00:00", OTHER, LANDLINE, 60)
    company.rate()
    return company
