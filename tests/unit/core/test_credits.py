"""docs/algorithms/credits.md, row by row."""

import pytest
from worked_tables import minor, rows

from ardoise.core.credits import capped_minor, in_favour_minor, taken_minor

PAGE = "credits.md"


@pytest.mark.parametrize("row", rows(PAGE, "Never more than what is left"), ids=str)
def test_never_more_than_what_is_left(row):
    billed, before = minor(row["billed"]), minor(row["credited before"])
    assert capped_minor(minor(row["asked"]), billed_minor=billed, credited_minor=before) == minor(row["credit"])


@pytest.mark.parametrize("row", rows(PAGE, "In favour of the customer"), ids=str)
def test_in_favour_of_the_customer(row):
    owed = minor(row["invoices"]) - minor(row["credit notes"]) - minor(row["paid"])
    assert owed == minor(row["owed"])
    assert in_favour_minor(owed) == minor(row["to its credit"])


@pytest.mark.parametrize("row", rows(PAGE, "Taken by the next document"), ids=str)
def test_taken_by_the_next_document(row):
    due = minor(row["document"])
    taken = taken_minor(minor(row["to its credit"]), due_minor=due)
    assert taken == minor(row["taken"])
    assert due - taken == minor(row["still due"])
