"""What the acceptance suites share. The options are in tests/conftest.py, the counting in report.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def case(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """`case(suite, family)` files the running test under its row of the acceptance table."""

    def file_under(suite: str, family: str) -> None:
        record_property("suite", suite)
        record_property("family", family)

    return file_under
