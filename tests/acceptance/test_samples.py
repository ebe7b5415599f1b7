"""Each record of a folder of samples is read as its expected.json says (`pytest tests/acceptance --samples DIR`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.adapters.samples import SampleCase, cases, data_files, differences, product_format, readings


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" in metafunc.fixturenames:
        folder = Path(metafunc.config.getoption("--samples"))
        found: list[SampleCase | None] = [*cases(folder)] if folder.is_dir() else []
        metafunc.parametrize("sample", found or [None], ids=str)


def test_a_record_is_read_as_expected(sample: SampleCase | None, case: Callable[[str, str], None]) -> None:
    case("samples", sample.family if sample else "(none)")
    if sample is None:
        pytest.skip("no folder of samples (--samples DIR or ARDOISE_SAMPLES)")
    name = product_format(sample)
    if name is None:
        pytest.skip("format not built yet")
    assert data_files(sample.expected_file), "the data file of this expected.json is missing"
    found = readings(sample.expected_file, name)
    line = sample.record.get("line", sample.number)
    assert line in found, f"the stream has {len(found)} records"
    assert differences(sample.record, found[line]) == {}
