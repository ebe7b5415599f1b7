"""Priced calls and bundles of peers' suites: one case per JSON line of --rating-cases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from .adapters import rating as adapter

DEFAULT = "../shared/cases/rating"
FINEST = Decimal("0.000001")  # the product's charges are micros; some peers print more places


def _cases(config: pytest.Config) -> Iterator[dict[str, Any]]:
    folder = config.getoption("--rating-cases", default=None) or os.environ.get("ARDOISE_RATING_CASES", DEFAULT)
    for path in sorted((config.rootpath / folder).glob("*.jsonl")):
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rating_case" in metafunc.fixturenames:
        cases = list(_cases(metafunc.config))
        metafunc.parametrize("rating_case", cases or [None], ids=[case["id"] for case in cases] or ["no cases"])


def test_rating_case(rating_case: dict[str, Any] | None, record_property) -> None:
    record_property("suite", "rating")
    if rating_case is None:
        record_property("family", "no cases")
        pytest.skip("no rating cases: give the folder by --rating-cases or ARDOISE_RATING_CASES")
    record_property("family", f"{rating_case['semantics']}/{rating_case['family']}")
    try:
        produced = adapter.produced(rating_case)
    except adapter.Unsupported as reason:
        pytest.skip(str(reason))
    wanted = adapter.expected(rating_case)
    if not wanted:
        pytest.skip("the case asserts no price and no billed time")
    assert_same(produced, wanted)


def assert_same(produced: Any, wanted: Any) -> None:
    """Numbers exact to the last place the product has; « x +-y » is the peer's own tolerance."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert_same(produced[name], value)
    elif isinstance(wanted, list):
        assert len(produced) == len(wanted)
        for one, other in zip(produced, wanted, strict=True):
            assert_same(one, other)
    elif isinstance(wanted, str) and "+-" in wanted:
        centre, tolerance = (Decimal(part) for part in wanted.split("+-"))
        assert abs(produced - centre) <= tolerance
    elif isinstance(produced, Decimal | int) and not isinstance(produced, bool):
        exact = Decimal(str(wanted))
        finer = exact.as_tuple().exponent < -6  # type: ignore[operator]
        assert produced == (exact.quantize(FINEST) if finer else exact)
    else:
        assert produced == wanted
