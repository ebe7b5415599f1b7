"""The tables of docs/algorithms/invoice-arithmetic.md and numbers-of-documents.md."""

from decimal import Decimal

import pytest
from invoice_world import invoice, line
from worked_tables import minor, minors, rows, terms

from ardoise.core.credit_notes import credit
from ardoise.core.documents import Totals
from ardoise.core.invoices import (
    NetAmount,
    build_body,
    compute_totals,
    file_name,
    format_number,
    line_net_minor,
    spread,
)
from ardoise.core.money import minor_to_decimal
from ardoise.core.naming import BadPattern
from ardoise.core.vat import VatTreatment

PAGE, NAMES = "invoice-arithmetic.md", "numbers-of-documents.md"


def taxed(rate):
    return VatTreatment("S" if Decimal(rate) else "Z", Decimal(rate))


@pytest.mark.parametrize("row", rows(PAGE, "Lines"), ids=str)
def test_lines(row):
    net = line_net_minor(
        Decimal(row["quantity"]), Decimal(row["unit price"]), base_quantity=Decimal(row["base quantity"])
    )
    assert net == minor(row["net"])


@pytest.mark.parametrize("row", rows(PAGE, "VAT"), ids=str)
def test_vat_is_on_the_sum(row):
    computed = compute_totals([NetAmount(net, taxed(row["rate"])) for net in minors(row["net lines"])])
    (group,) = computed.vat
    assert (group.basis_minor, group.amount_minor) == (minor(row["basis"]), minor(row["VAT"]))


@pytest.mark.parametrize("row", rows(PAGE, "Documents with tax"), ids=str)
def test_documents_with_tax(row):
    totals = build_body([line(row["gross"], taxed(row["rate"]))], with_tax=True).totals
    assert totals == Totals(
        net_minor=minor(row["net"]),
        vat_minor=minor(row["VAT"]),
        gross_minor=minor(row["net"]) + minor(row["VAT"]),
        rounding_minor=minor(row["rounding"]),
        payable_minor=minor(row["due"]),
    )


@pytest.mark.parametrize("row", rows(PAGE, "Sharing cents"), ids=str)
def test_sharing_cents(row):
    total = int(row["total"])
    shares = [total * share for share in terms(row["shares"])]
    assert spread(total, shares) == [int(part) for part in terms(row["parts"])]


@pytest.mark.parametrize("row", rows(PAGE, "Credit notes"), ids=str)
def test_credits_sum_to_the_invoice(row):
    issued = invoice(*(line(str(minor_to_decimal(net)), taxed(row["rate"])) for net in minors(row["lines"])))
    notes = []
    for position, amount in enumerate(minors(row["credits"])):
        line_no = min(position + 1, len(issued.lines))
        note = credit(issued, number="AV1", issue_date=issued.issue_date, portions={line_no: amount}, already=notes)
        notes.append(note)
    assert [note.totals.vat_minor for note in notes] == minors(row["VAT of each"])
    assert sum(note.totals.gross_minor for note in notes) == issued.totals.gross_minor


@pytest.mark.parametrize("row", rows(NAMES, "Invoice numbers"), ids=str)
def test_invoice_numbers(row):
    values = {"year": int(row["year"]), "month": int(row["month"]), "sequence": int(row["sequence"])}
    if row["number"] == "refused":
        with pytest.raises(BadPattern):
            format_number(row["pattern"], **values)
    else:
        assert format_number(row["pattern"], **values) == row["number"]


@pytest.mark.parametrize("row", rows(NAMES, "File names"), ids=str)
def test_file_names(row):
    values = {name: row[name] for name in ("issuer", "customer", "month")}
    if row["name"] == "refused":
        with pytest.raises(BadPattern):
            file_name(row["pattern"], extension="pdf", **values)
    else:
        assert file_name(row["pattern"], extension="pdf", **values) == row["name"]
