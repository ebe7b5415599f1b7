from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.checks import CREDIT_VAT_TOLERANCE_MINOR, vat_minor
from ardoise.core.credit_notes import credit
from ardoise.core.documents import Brand, Document, DocumentKind, Party, Section
from ardoise.core.invoices import LineInput, build_body, validate
from ardoise.core.money import micros_to_minor
from ardoise.core.postings import post_invoice
from ardoise.core.vat import VatTreatment

RATES = ["0", "2.1", "5.5", "8.5", "10", "20"]
TREATMENTS = [VatTreatment("S" if Decimal(rate) else "Z", Decimal(rate)) for rate in RATES]


def inputs(least):
    return st.lists(
        st.builds(
            LineInput,
            section=st.sampled_from(Section),
            label=st.just("Ligne"),
            amount_micros=st.integers(least, 10**11),
            vat=st.sampled_from(TREATMENTS),
        ),
        min_size=1,
        max_size=25,
    )


ANY, POSITIVE = inputs(-(10**11)), inputs(0)
PARTY = Party("P", ("1 rue",), "69001", "Lyon", "FR", siren="123456782")


def document(lines, with_tax):
    body = build_body(lines, with_tax=with_tax)
    today = date(2026, 11, 5)
    return Document(
        kind=DocumentKind.INVOICE,
        number="F1",
        issue_date=today,
        due_date=today,
        period_from=today,
        period_to=today,
        currency="EUR",
        seller=PARTY,
        buyer=PARTY,
        brand=Brand("b", "B", "", "", "", ""),
        lines=body.lines,
        vat=body.vat,
        totals=body.totals,
        sections=body.sections,
        with_tax=with_tax,
        audience="B2C",
        iban="FR7630006000011234567890189",
    )


@given(ANY, st.booleans())
def test_totals_add_up(lines, with_tax):
    body = build_body(lines, with_tax=with_tax)
    totals = body.totals
    assert sum(line.net_minor for line in body.lines) == totals.net_minor == sum(v.basis_minor for v in body.vat)
    assert totals.gross_minor == totals.net_minor + totals.vat_minor
    assert all(v.amount_minor == vat_minor(v.basis_minor, v.rate) for v in body.vat)
    assert totals.payable_minor == totals.gross_minor + totals.rounding_minor
    assert sum(s.gross_minor for s in body.sections) == totals.payable_minor
    assert sum(s.net_minor for s in body.sections) == totals.net_minor


@given(ANY)
def test_the_advertised_total_with_tax_is_due(lines):
    body = build_body(lines, with_tax=True)
    assert body.totals.payable_minor == sum(micros_to_minor(line.amount_micros) for line in lines)
    assert abs(body.totals.rounding_minor) <= len(body.vat)  # at most a cent a rate


@given(POSITIVE)
def test_the_rounding_amount_is_only_for_totals_no_net_can_reach(lines):
    body = build_body(lines[:1], with_tax=True)
    gross, rate = micros_to_minor(lines[0].amount_micros), lines[0].vat.rate
    around = round(gross / (1 + Fraction(rate) / 100))
    reachable = any(net + vat_minor(net, rate) == gross for net in range(around - 2, around + 3))
    assert (body.totals.rounding_minor == 0) == reachable


@given(ANY, st.booleans())
def test_amounts_of_the_opposite_sign_give_the_mirror(lines, with_tax):
    opposite = [
        LineInput(section=one.section, label=one.label, amount_micros=-one.amount_micros, vat=one.vat) for one in lines
    ]
    one, other = build_body(lines, with_tax=with_tax), build_body(opposite, with_tax=with_tax)
    assert [-line.net_minor for line in one.lines] == [line.net_minor for line in other.lines]
    assert -one.totals.payable_minor == other.totals.payable_minor


@given(POSITIVE, st.booleans())
def test_what_is_built_is_valid_and_balanced(lines, with_tax):
    issued = document(lines, with_tax)
    assert validate(issued) == []
    if issued.totals.payable_minor:
        assert sum(p.amount_micros for p in post_invoice(issued).postings) == 0


@given(POSITIVE, st.booleans(), st.data())
def test_the_credits_of_an_invoice_sum_to_the_invoice(lines, with_tax, data):
    issued = document(lines, with_tax)
    left = {line.line_no: line.gross_minor if with_tax else line.net_minor for line in issued.lines}
    notes = []
    while any(left.values()):
        if len(notes) < 3:
            portions = {no: data.draw(st.integers(0, rest)) for no, rest in left.items() if rest}
        else:
            portions = {no: rest for no, rest in left.items() if rest}
        if not any(portions.values()):
            portions = {no: rest for no, rest in left.items() if rest}
        note = credit(issued, number="A1", issue_date=issued.issue_date, portions=portions, already=notes)
        for no, amount in portions.items():
            left[no] -= amount
        notes.append(note)
    for name in ("net_minor", "vat_minor", "gross_minor", "rounding_minor", "payable_minor"):
        assert sum(getattr(note.totals, name) for note in notes) == (getattr(issued.totals, name) if notes else 0), name
    for note in notes:
        assert all(v.amount_minor >= 0 for v in note.vat)
        assert all(
            abs(v.amount_minor - vat_minor(v.basis_minor, v.rate)) < CREDIT_VAT_TOLERANCE_MINOR for v in note.vat
        )
