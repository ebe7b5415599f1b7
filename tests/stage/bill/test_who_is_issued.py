"""VAT regimes side by side, and what happens to an account that cannot be issued: the others are, it is listed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.core.documents import Document
from ardoise.directory.models import Account
from stage.company import Company, document_of, finished, numbers

pytestmark = pytest.mark.django_db(transaction=True)

# Nobody has added the rate that follows: the loader looks at regimes, only a run looks at the dates of supply.
ENDED_OVERSEAS = """\
regime,nature,rate,valid_from_date,valid_to_date
standard,,20,2014-01-01,
overseas_dom,,8.5,2014-01-01,2026-11-01
"""


def subscribed(company: Company, code: str, **fields: object) -> None:
    """A customer who pays 10 € a month for a service."""
    company.customer(code, **fields)
    if not company.tables.get("products"):
        company.product("abo", "10.00")
    company.subscribe(f"S-{code}", code, product="abo", valid_from_date="2026-11-01")


def taxed(document: Document) -> tuple[str, Decimal, int, str]:
    (group,) = document.vat
    return group.category, group.rate, group.amount_minor, document.audience


def test_every_regime_in_one_run(company: Company) -> None:
    subscribed(company, "PARIS")
    subscribed(company, "REUNION", vat_regime="overseas_dom", postal_code="97400", city="Saint-Denis")
    subscribed(company, "GUYANE", vat_regime="guyane_mayotte", postal_code="97300", city="Cayenne")
    subscribed(company, "OPERATEUR", vat_regime="reverse_charge", vat_number="FR44732829320", resells="yes")
    subscribed(company, "ASSO", vat_regime="exempt", vat_reason="TVA non applicable – article 293 B du CGI")
    abroad = {"siren": "", "emails": "compta@exemple.eu"}  # BT-49: no entry in the French directory of addresses
    subscribed(company, "MADRID", vat_regime="intra_eu", vat_number="ESA13585625", country="ES", **abroad)
    subscribed(company, "GENEVE", vat_regime="export", country="CH", postal_code="1201", city="Genève", **abroad)
    subscribed(company, "REY", audience="B2C", basis="ttc", siren="")
    subscribed(company, "DUPOND", audience="B2C", siren="", country="BE", postal_code="1000", city="Bruxelles")
    company.load()
    (done,) = company.bill()
    assert (len(done.numbers), done.faulty, done.moved) == (9, {}, [])
    none = Decimal(0)
    assert {code: taxed(document_of(code)) for code in ("PARIS", "REUNION", "GUYANE", "OPERATEUR", "ASSO")} == {
        "PARIS": ("S", Decimal(20), 200, "B2B"),
        "REUNION": ("S", Decimal("8.5"), 85, "B2B"),  # 10.00 x 8.5 %
        "GUYANE": ("E", none, 0, "B2BINT"),
        "OPERATEUR": ("AE", none, 0, "B2B"),
        "ASSO": ("E", none, 0, "B2B"),
    }
    assert taxed(document_of("MADRID")) == ("AE", none, 0, "B2BINT")
    assert taxed(document_of("GENEVE")) == ("G", none, 0, "B2BINT")
    assert taxed(document_of("REY")) == ("S", Decimal(20), 200, "B2C")
    assert taxed(document_of("DUPOND")) == ("S", Decimal(20), 200, "B2CINT")
    assert document_of("ASSO").vat[0].exemption_code == "VATEX-FR-FRANCHISE"


def test_an_account_without_a_vat_rate_is_left_out_with_the_remedy_and_the_others_are_issued(company: Company) -> None:
    company.files["vat_rates.csv"] = ENDED_OVERSEAS
    subscribed(company, "PARIS")
    subscribed(company, "REUNION", vat_regime="overseas_dom", postal_code="97400", city="Saint-Denis")
    company.load()
    company.rate()
    (previewed,) = company.preview()
    assert (previewed.drafts, list(previewed.faulty)) == (1, ["REUNION"])
    (done,) = company.issue()
    assert done.numbers == ["FA2026-00001"]
    (problem,) = done.faulty["REUNION"]
    assert "no VAT rate for the regime overseas_dom (services) on 2026-11-01" in problem.message
    assert "add a dated rate" in problem.remedy
    assert not finished()


def test_an_account_without_a_regime_is_left_out_with_the_remedy(company: Company) -> None:
    subscribed(company, "PARIS")
    subscribed(company, "LYON")
    company.load()
    # The loader refuses it: as an old database may hold.
    Account.objects.filter(code="LYON").update(vat_regime="", country="BE", postal_code="1000")
    (done,) = company.bill()
    assert done.numbers == ["FA2026-00001"]
    (problem,) = done.faulty["LYON"]
    assert ("no VAT regime" in problem.message, "choose one of" in problem.remedy) == (True, True)


def test_a_customer_without_an_address_is_left_out_then_issued_once_it_has_one(company: Company) -> None:
    subscribed(company, "PARIS")
    subscribed(company, "LYON")
    company.load()
    Account.objects.filter(code="LYON").update(address="")
    (done,) = company.bill()
    assert done.numbers == ["FA2026-00001"]
    assert [(problem.code, problem.remedy) for problem in done.faulty["LYON"]] == [
        ("PARTY-ADDRESS", "Complétez la fiche du client.")
    ]
    company.load()  # the file has it
    company.preview()
    (done,) = company.issue()
    assert (done.numbers, done.faulty) == (["FA2026-00002"], {})
    assert numbers() == ["FA2026-00001", "FA2026-00002"]
    assert finished()


def test_every_account_faulty_issues_nothing_and_says_why(company: Company) -> None:
    subscribed(company, "REUNION", vat_regime="overseas_dom", postal_code="97400", city="Saint-Denis")
    company.files["vat_rates.csv"] = ENDED_OVERSEAS
    company.load()
    (done,) = company.bill()
    assert (done.numbers, list(done.faulty)) == ([], ["REUNION"])


def test_a_private_person_abroad_or_not_is_not_held_to_the_rules_of_invoices_between_businesses(
    company: Company,
) -> None:
    subscribed(company, "REY", audience="B2C", siren="", emails="")
    company.load()
    (done,) = company.bill()
    assert (done.numbers, done.faulty) == (["FA2026-00001"], {})


def test_a_business_without_the_mention_of_the_indemnity_is_refused(company: Company) -> None:
    company.files["issuers.toml"] = company.files["issuers.toml"].replace("indemnity_note", "header")
    subscribed(company, "PARIS")
    company.load()
    (done,) = company.bill()
    assert done.numbers == []
    assert "BR-FR-05" in {problem.code for problem in done.faulty["PARIS"]}
