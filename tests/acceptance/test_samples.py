"""Each record of a folder of samples is read as its expected.json says (`pytest tests/acceptance --samples DIR`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance.adapters.samples import (
    CALL_KEYS,
    SampleCase,
    assembled_calls,
    cases,
    data_files,
    differences,
    expected_calls,
    product_format,
    readings,
)
from ardoise.formats.guess import guess


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" in metafunc.fixturenames:
        folder = Path(metafunc.config.getoption("--samples"))
        found: list[SampleCase | None] = [*cases(folder)] if folder.is_dir() else []
        metafunc.parametrize("sample", found or [None], ids=str)
    if "first_sample" in metafunc.fixturenames:
        folder = Path(metafunc.config.getoption("--samples"))
        firsts = [sample for sample in cases(folder) if sample.number == 1] if folder.is_dir() else []
        metafunc.parametrize("first_sample", [one for one in firsts if product_format(one)] or [None], ids=str)
    if "sample_with_calls" in metafunc.fixturenames:
        folder = Path(metafunc.config.getoption("--samples"))
        firsts = [sample for sample in cases(folder) if sample.number == 1] if folder.is_dir() else []
        with_calls = [sample for sample in firsts if expected_calls(sample.expected_file) and product_format(sample)]
        metafunc.parametrize("sample_with_calls", with_calls or [None], ids=str)


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


def test_the_records_of_a_stream_become_the_calls_expected(sample_with_calls: SampleCase | None) -> None:
    """Not a row of the table (a case is a record); only what a call of this product holds is compared."""
    name = product_format(sample_with_calls) if sample_with_calls else None
    if sample_with_calls is None or name is None:
        pytest.skip("no sample with calls in a format that is built")
    found = assembled_calls(sample_with_calls.expected_file, name)
    for expected in expected_calls(sample_with_calls.expected_file):
        asserted = {key: value for key, value in expected.items() if key in CALL_KEYS}
        assert differences(asserted, found[str(expected["call_id"])]) == {}, expected["call_id"]


def test_the_format_of_a_sample_comes_first_among_the_guesses(first_sample: SampleCase | None) -> None:
    """Not a row of the table either: what `ardoise formats guess` says of the bytes alone."""
    if first_sample is None:
        pytest.skip("no folder of samples, or no format built")
    best = guess(b"".join(file.read_bytes() for file in data_files(first_sample.expected_file)))[0]
    assert best.name == product_format(first_sample)
