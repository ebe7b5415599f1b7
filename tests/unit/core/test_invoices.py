from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from invoice_world import BUYER, EXEMPT, S20, S55, SELLER, invoice, line

from ardoise.core.credit_notes import (
    CreditRefused,
    NothingLess,
    credit,
    left_to_credit,
    portions_of,
    portions_of_amount,
)
from ardoise.core.documents import DocumentKind, DocumentLine, Section, SectionTotal, VatLine
from ardoise.core.invoices import (
    Adjustment,
    NetAmount,
    build_body,
    build_statement,
    compute_totals,
    convert_basis,
    convert_exact,
    validate,
)
from ardoise.core.tariffs import TaxBasis


def codes(document):
    return {problem.code for problem in validate(document)}


# --- building ------------------------------------------------------------------------------------------------------


def test_micros_of_charges_become_cents_once_a_line():
    body = build_body([line("12.344999"), line("12.345000")])
    assert [one.net_minor for one in body.lines] == [1234, 1235]
    assert body.totals.net_minor == 2469
    assert body.totals.vat_minor == 494  # 24.69 x 20 % = 4.938
    assert body.totals.payable_minor == 2963


def test_a_quantity_and_a_price_are_printed_when_they_give_the_amount():
    (printed,) = build_body([line("59.00", quantity=Decimal(10), unit_price=Decimal("5.90"))]).lines
    assert (printed.quantity, printed.unit_price) == (Decimal(10), Decimal("5.90"))


def test_a_prorated_amount_is_printed_as_one_times_the_amount():
    # 59.00 x 22/31 = 41.870968
    (printed,) = build_body([line("41.870968", quantity=Decimal(10), unit_price=Decimal("5.90"))]).lines
    assert (printed.quantity, printed.unit_price, printed.net_minor) == (Decimal(1), Decimal("41.87"), 4187)


def test_a_negative_line_has_a_negative_quantity_and_a_positive_price():
    (printed, priced) = build_body(
        [line("-20.666667"), line("-10.00", quantity=Decimal(2), unit_price=Decimal("-5.00"))]
    ).lines
    assert (printed.quantity, printed.unit_price, printed.net_minor) == (Decimal(-1), Decimal("20.67"), -2067)
    assert (priced.quantity, priced.unit_price) == (Decimal(-2), Decimal("5.00"))


def test_document_allowances_and_charges_enter_their_group():
    computed = compute_totals(
        [NetAmount(10000, S20), NetAmount(5000, S55)],
        [Adjustment(1000, S20), Adjustment(500, S55, is_charge=True)],
        prepaid_minor=2000,
    )
    assert (computed.line_total_minor, computed.allowance_minor, computed.charge_minor) == (15000, 1000, 500)
    assert [(v.basis_minor, v.amount_minor) for v in computed.vat] == [(9000, 1800), (5500, 303)]  # 302.5 -> 303
    assert computed.totals.net_minor == 14500
    assert computed.totals.gross_minor == 16603
    assert computed.totals.payable_minor == 14603


def test_sections_are_in_the_order_of_the_law_and_sum_to_the_document():
    body = build_body(
        [
            line("1.00", section=Section.THIRD_PARTY),
            line("0.03", section=Section.OUTSIDE),
            line("10.02", section=Section.SUBSCRIPTION),
        ]
    )
    assert [s.section for s in body.sections] == [Section.SUBSCRIPTION, Section.OUTSIDE, Section.THIRD_PARTY]
    # 11.05 + 2.21 = 13.26; shares 12.024, 0.036, 1.20 -> the missing cent goes to the largest remainder, 0.036
    assert body.sections == (
        SectionTotal(Section.SUBSCRIPTION, 1002, 1202),
        SectionTotal(Section.OUTSIDE, 3, 4),
        SectionTotal(Section.THIRD_PARTY, 100, 120),
    )
    assert sum(s.gross_minor for s in body.sections) == body.totals.gross_minor


def test_one_section_holds_the_roundings_of_several_rates():
    # VAT 0.5 cent at each rate: 5 x 10 %, 10 x 5 %, 25 x 2 % -> 1 + 1 + 1 cents where the exact sum is 1.5
    inputs = [line("0.05", replace(S20, rate=Decimal(10))), line("0.10", replace(S20, rate=Decimal(5)))]
    inputs.append(line("0.25", replace(S20, rate=Decimal(2))))
    body = build_body(inputs)
    assert [s.gross_minor for s in body.sections] == [43]


def test_with_tax_the_advertised_total_is_due():
    body = build_body([line("9.99"), line("9.99"), line("9.99")], with_tax=True)
    # 29.97 / 1.2 = 24.975 -> 24.98; VAT 4.996 -> 5.00; 29.98; the cent over is BT-114
    assert [one.net_minor for one in body.lines] == [832, 833, 833]
    assert (body.totals.net_minor, body.totals.vat_minor, body.totals.rounding_minor) == (2498, 500, -1)
    assert body.totals.payable_minor == 2997
    assert [one.gross_minor for one in body.lines] == [999, 999, 999]
    assert body.sections == (SectionTotal(Section.SUBSCRIPTION, 2498, 2997),)


def test_two_rates_with_tax_are_two_groups():
    body = build_body([line("12.00"), line("10.55", S55), line("6.00")], with_tax=True)
    assert [(v.rate, v.basis_minor, v.amount_minor) for v in body.vat] == [
        (Decimal("20"), 1500, 300),
        (Decimal("5.5"), 1000, 55),
    ]
    assert body.totals.rounding_minor == 0


def test_a_statement_has_no_vat():
    body = build_statement([line("12.345"), line("1.00", section=Section.OUTSIDE)])
    assert body.vat == ()
    assert (body.totals.net_minor, body.totals.gross_minor, body.totals.payable_minor) == (1335, 1335, 1335)


def test_a_charge_with_tax_on_a_document_without():
    twelve = 12_000_000
    assert convert_basis(twelve, source=TaxBasis.TTC, target=TaxBasis.HT, rate=Decimal(20)) == 10_000_000
    assert convert_basis(10_000_000, source=TaxBasis.HT, target=TaxBasis.TTC, rate=Decimal(20)) == twelve
    assert convert_basis(7, source=TaxBasis.HT, target=TaxBasis.HT, rate=Decimal(20)) == 7


# --- credits -------------------------------------------------------------------------------------------------------


def whole_credit(document, **more):
    return credit(document, number="AV2026-00001", issue_date=date(2026, 11, 20), **more)


def test_a_whole_credit_mirrors_its_invoice():
    issued = invoice(line("9.99"), line("-1.00"), line("5.00", S55), with_tax=True)
    note = whole_credit(issued)
    assert note.kind is DocumentKind.CREDIT_NOTE
    assert note.preceding == (("FA2026-00042", date(2026, 11, 5)),)
    assert note.lines == issued.lines
    assert note.vat == issued.vat
    assert note.totals == issued.totals
    assert validate(note) == []


def test_the_credits_of_an_invoice_with_tax_sum_to_it():
    issued = invoice(line("9.99"), line("9.99"), line("9.99"), with_tax=True)
    notes = []
    for portions in ({1: 333}, {1: 666, 2: 999}, None):
        notes.append(whole_credit(issued, portions=portions, already=notes))
    for name in ("net_minor", "vat_minor", "gross_minor", "rounding_minor", "payable_minor"):
        assert sum(getattr(note.totals, name) for note in notes) == getattr(issued.totals, name), name
    # 333 of 999 with tax: net 832 x 333/999 = 277.33 -> 277, VAT 55.4 -> 55, 332: one cent of rounding keeps 333
    assert (notes[0].totals.net_minor, notes[0].totals.vat_minor, notes[0].totals.rounding_minor) == (277, 55, 1)
    assert all(validate(note) == [] for note in notes)


def test_a_share_of_an_invoice_is_a_share_of_each_line():
    issued = invoice(line("399.00"), line("-250.00"))
    assert portions_of(issued, Fraction(26260, 39900)) == {1: 26260, 2: -16454}  # 250 x 262.60/399 = 164.536
    with pytest.raises(CreditRefused, match="% cannot be credited; write more than 0, 100 at most"):
        portions_of(issued, Fraction(2))


def test_two_halves_of_an_odd_cent_are_the_whole():
    issued = invoice(line("0.33"), line("-0.05"))
    first = whole_credit(issued, portions=portions_of(issued, Fraction(1, 2)))
    assert [one.net_minor for one in first.lines] == [17, -3]  # 16.5 and -2.5, half away from zero
    second = portions_of(issued, Fraction(1, 2), already=[first])
    assert second == {1: 16, 2: -2}
    assert portions_of(issued, Fraction(3, 5), already=[first]) == {1: 20, 2: -2}  # 19.8, which `credit` refuses: 16
    with pytest.raises(CreditRefused, match=r"0\.20 cannot be credited, 0.16 is left"):
        whole_credit(issued, portions={1: 20, 2: -2}, already=[first])


def test_an_amount_is_spread_over_what_the_lines_have_left():
    issued = invoice(line("10.00"), line("5.00"), line("-3.00"))
    # 6.00 of 12.00: half of each line
    assert portions_of_amount(issued, 600) == {1: 500, 2: 250, 3: -150}
    assert portions_of_amount(issued, 1) == {1: 1}  # 0.83 + 0.42 - 0.25: largest remainder
    first = whole_credit(issued, portions={1: 1000})
    assert portions_of_amount(issued, 200, already=[first]) == {2: 500, 3: -300}
    with pytest.raises(CreditRefused, match=r"2\.01 cannot be credited, 2.00 is left"):
        portions_of_amount(issued, 201, already=[first])


@pytest.mark.parametrize(
    ("portions", "message"),
    [
        ({1: 1001}, "10.01 cannot be credited, 10.00 is left"),
        ({1: -1}, "cannot be credited"),
        ({2: 1}, "has no line 2"),
        ({}, "nothing is left"),
    ],
)
def test_a_credit_beyond_what_is_left_is_refused(portions, message):
    with pytest.raises(CreditRefused, match=message):
        whole_credit(invoice(line("10.00")), portions=portions)


def test_what_costs_more_lowers_a_credit_and_can_be_credited_after():
    issued = invoice(line("12.00"), line("0.20"))
    note = whole_credit(issued, portions={1: 200}, debits={2: 30})
    assert [(one.line_no, one.quantity, one.net_minor) for one in note.lines] == [(1, 1, 200), (2, -1, -30)]
    assert (note.totals.net_minor, note.totals.vat_minor, note.totals.payable_minor) == (170, 34, 204)
    assert validate(note) == []
    assert left_to_credit(issued, [note]) == {1: 1000, 2: 50}
    rest = whole_credit(issued, already=[note])
    assert rest.totals.payable_minor == 1464 - 204  # 12.20 and 20 %
    assert validate(rest) == []


def test_a_line_may_cost_more_and_less_at_once():
    issued = invoice(line("12.00"), line("0.20"))
    assert whole_credit(issued, portions={1: 200}, debits={1: 50}).totals.net_minor == 150


@pytest.mark.parametrize("debit", [200, 201])
def test_a_credit_note_gives_something_back(debit):
    with pytest.raises(NothingLess, match="debit it apart"):
        whole_credit(invoice(line("12.00"), line("0.20")), portions={1: 200}, debits={2: debit})


def test_with_tax_what_costs_more_is_at_its_rate():
    issued = invoice(line("12.00"), line("0.03"), with_tax=True)
    note = whole_credit(issued, portions={1: 300}, debits={2: 5})
    # 3.00 is 2.50 and 0.50; 0.05 is 0.04 (0.0417) and 0.01; 2.46 bears 0.492
    assert (note.totals.net_minor, note.totals.vat_minor, note.totals.payable_minor) == (246, 49, 295)


def test_nothing_is_credited_twice():
    issued = invoice(line("10.00"))
    with pytest.raises(CreditRefused, match="nothing is left"):
        whole_credit(issued, already=[whole_credit(issued)])


def test_only_an_invoice_is_credited_and_only_by_its_own_notes():
    issued = invoice(line("10.00"))
    note = whole_credit(issued)
    with pytest.raises(CreditRefused, match="is not an invoice"):
        whole_credit(note)
    other = replace(issued, number="FA2026-00043")
    with pytest.raises(CreditRefused, match="not a credit note of FA2026-00043"):
        whole_credit(other, already=[note])


# --- checks before issuing ------------------------------------------------------------------------------------------


def test_a_sound_invoice_has_no_problem():
    assert validate(invoice(line("59.00", quantity=Decimal(10), unit_price=Decimal("5.90")), line("1.00", S55))) == []
    assert validate(invoice(line("10.00", EXEMPT))) == []
    assert validate(invoice(line("9.99"), with_tax=True)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "FA 2026"}, "BR-FR-02"),
        ({"number": "F" * 36}, "BR-FR-02"),
        ({"number": ""}, "BR-FR-02"),
        ({"due_date": date(2026, 11, 4)}, "BR-FR-CO-07"),
        ({"issue_date": date(1999, 12, 31)}, "BR-FR-03"),
        ({"period_to": date(2026, 9, 1)}, "BR-29"),
        ({"currency": "CHF"}, "BR-FR-CO-12"),
        ({"lines": ()}, "BR-16"),
        ({"buyer": replace(BUYER, address_lines=())}, "PARTY-ADDRESS"),
        ({"buyer": replace(BUYER, country="France")}, "BR-09"),
        ({"buyer": replace(BUYER, siren="")}, "BR-FR-11"),
        ({"buyer": replace(BUYER, siret="11111111100011")}, "BR-FR-09"),
        ({"buyer": replace(BUYER, electronic_address="111111111")}, "BR-FR-21"),
        ({"buyer": replace(BUYER, electronic_address="987654324 X")}, "BR-FR-23"),
        ({"seller": replace(SELLER, siren="12345678")}, "BR-FR-10"),
        ({"penalty_note": ""}, "BR-FR-05"),
        ({"due_date": None}, "BR-CO-25"),
        ({"iban": ""}, "BR-61"),
        ({"kind": DocumentKind.CREDIT_NOTE}, "BR-FR-CO-05"),
        ({"vat": (VatLine("S", Decimal(20), 1000, 201),)}, "BR-CO-17"),
        ({"vat": (VatLine("S", Decimal(20), 999, 200),)}, "BR-S-08"),
        ({"vat": (VatLine("S", Decimal(20), 1000, 200),) * 2}, "BR-CO-18"),
        ({"vat": (VatLine("S", Decimal("21"), 1000, 210),)}, "BR-FR-16"),
        ({"vat": (VatLine("L", Decimal(20), 1000, 200),)}, "BR-FR-15"),
        ({"vat": (VatLine("S", Decimal(0), 1000, 0),)}, "BR-S-05"),
        ({"vat": (VatLine("E", Decimal(0), 1000, 0),)}, "BR-E-10"),
        ({"vat": (VatLine("O", Decimal(0), 1000, 0, "x"),)}, "BR-O-11"),
        ({"vat": (VatLine("AE", Decimal(0), 1000, 0, "x"),), "buyer": replace(BUYER, vat_number="")}, "BR-AE-02"),
    ],
)
def test_what_would_be_refused_is_found(change, code):
    assert code in codes(replace(invoice(line("10.00")), **change))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"label": " "}, "BR-25"),
        ({"quantity": Decimal("1.00001")}, "BR-FR-DEC-02"),
        ({"unit_price": Decimal("10.0000001")}, "BR-FR-DEC-03"),
        ({"vat_rate": Decimal("20.001")}, "BR-FR-DEC-04"),
        ({"quantity": Decimal(-1), "unit_price": Decimal("-10.00")}, "BR-27"),
        ({"quantity": Decimal(2)}, "LINE-NET"),
        ({"net_minor": 1001}, "BR-CO-10"),
        ({"period_from": date(2026, 11, 2), "period_to": date(2026, 11, 1)}, "BR-30"),
    ],
)
def test_what_is_wrong_with_a_line_is_found(change, code):
    issued = invoice(line("10.00"))
    broken: DocumentLine = replace(issued.lines[0], **change)
    assert code in codes(replace(issued, lines=(broken,)))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("net_minor", "BR-CO-10"),
        ("vat_minor", "BR-CO-14"),
        ("gross_minor", "BR-CO-15"),
        ("payable_minor", "BR-CO-16"),
    ],
)
def test_a_wrong_total_is_found(name, code):
    issued = invoice(line("10.00"))
    wrong = replace(issued.totals, **{name: getattr(issued.totals, name) + 1})
    assert code in codes(replace(issued, totals=wrong))


def test_two_lines_of_one_number_and_sections_that_do_not_sum_are_found():
    issued = invoice(line("10.00"), line("5.00"))
    twice = replace(issued, lines=(issued.lines[0], replace(issued.lines[1], line_no=1)))
    assert "BR-21" in codes(twice)
    assert {"SECTIONS-NET", "SECTIONS-GROSS"} <= codes(replace(issued, sections=()))


def test_a_negative_invoice_must_be_a_credit_note():
    (problem,) = validate(invoice(line("-10.00")))
    assert problem.code == "NEGATIVE-TOTAL"
    assert problem.message == "Le total du document est négatif (-12,00\u00a0€)."
    assert problem.remedy == "Faites un avoir, en montants positifs."


def test_a_private_customer_needs_no_siren_nor_business_notes():
    private = replace(BUYER, siren="", vat_number="")
    issued = invoice(line("10.00"), buyer=private, audience="B2C", penalty_note="", indemnity_note="")
    assert validate(issued) == []


def test_a_statement_is_checked_for_its_arithmetic_only():
    body = build_statement([line("10.00")])
    statement = replace(
        invoice(line("10.00")),
        kind=DocumentKind.STATEMENT,
        number="",
        lines=body.lines,
        vat=(),
        totals=body.totals,
        sections=body.sections,
        buyer=replace(BUYER, siren="", address_lines=()),
    )
    assert validate(statement) == []
    assert "BR-CO-10" in codes(replace(statement, totals=replace(body.totals, net_minor=1)))


def test_a_problem_says_what_to_do():
    for problem in validate(replace(invoice(line("10.00")), number="FA 1", iban="", due_date=date(2026, 1, 1))):
        assert problem.message.endswith(".")
        assert problem.remedy.endswith(".")


def test_what_a_tariff_rounds_at_the_line_is_added_exactly_before_the_cent() -> None:
    # Three calls of 1/3 of a micro under half a cent: 4 999 micros + 3 x 1/3 = 5 000 = half a cent, rounded up.
    exact = line("0.004999", residue=3 * Fraction(1, 3))
    short = line("0.004999", residue=Fraction(1, 2))
    assert (exact.amount_minor, short.amount_minor) == (1, 0)
    assert build_body([exact]).totals.net_minor == 1


def test_a_sum_made_with_tax_keeps_its_exact_rest_until_it_is_converted() -> None:
    # 1.2 micros with 20 % of tax are 1 without.
    rest = Fraction(1, 5)
    same = convert_exact(1, rest, source=TaxBasis.HT, target=TaxBasis.HT, rate=Decimal(20))
    changed = convert_exact(1, rest, source=TaxBasis.TTC, target=TaxBasis.HT, rate=Decimal(20))
    assert (same, changed) == ((1, rest), (1, 0))
