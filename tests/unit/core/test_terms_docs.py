"""The tables of docs/algorithms/terms.md."""

from datetime import date

import pytest
from worked_tables import rows

from ardoise.core.terms import AGREED, SUMMARY, TermsError, excess, parse_terms


@pytest.mark.parametrize("row", rows("terms.md", "What is written"), ids=lambda row: row["written"])
def test_reading_and_wording(row):
    if row["short form"] == "refused":
        with pytest.raises(TermsError):
            parse_terms(row["written"])
        return
    terms = parse_terms(row["written"])
    assert str(terms) == row["short form"]
    assert parse_terms(str(terms)) == terms
    assert (terms.wording("fr"), terms.wording("en")) == (row["French document"], row["English document"])


@pytest.mark.parametrize("row", rows("terms.md", "When it is due"), ids=lambda row: f"{row['terms']} {row['issued']}")
def test_due_date(row):
    assert parse_terms(row["terms"]).due_date(date.fromisoformat(row["issued"])) == date.fromisoformat(row["due"])


@pytest.mark.parametrize("row", rows("terms.md", "What the law allows"), ids=lambda row: row["terms"])
def test_legal_maximum(row):
    terms = parse_terms(row["terms"])
    found = [str(over.days) if (over := excess(terms, limit)) else "" for limit in (AGREED, SUMMARY)]
    assert found == [row["over 60 days or 45 end of month"], row["over 45 days of a summary invoice"]]
