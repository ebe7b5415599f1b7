"""A small operator without customers; each story adds its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage.company import Company, voxa


@pytest.fixture
def company(home: Path) -> Company:
    return voxa(home)
