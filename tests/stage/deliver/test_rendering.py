"""What was issued becomes files, whatever happens in between; the readable names never hide one another."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest

from ardoise import flow
from ardoise.access.models import OutboxMessage
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.deliver import operations as delivery
from ardoise.deliver.models import Rendering
from ardoise.directory.models import Issuer
from ardoise.store.blobs import Blobs
from stage.company import ISSUE_DATE, LANDLINE, OWN_COSTS, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def billed(company: Company) -> Company:
    """An invoice with calls, one with a subscription only."""
    company.customer("C1", "Mairie")
    company.customer("C2", "École")
    company.line(PHONE, "C1")
    company.product("abo", "10.00")
    company.subscribe("S2", "C2", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 180)
    company.bill()
    return company


def names(home: Path) -> list[str]:
    return sorted(path.relative_to(home / "documents").as_posix() for path in (home / "documents").rglob("*.*"))


def attachments(pdf: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return list(opened.attachments)


def test_an_invoice_becomes_a_pdf_with_its_xml_the_xml_and_the_itemised_calls(billed: Company) -> None:
    delivered = flow.deliver(now=billed.now)
    assert (delivered.rendered, delivered.failed) == (2, {})
    assert names(billed.home) == [
        "voxa/2026-10/Voxa Télécom Mairie 2026-10 détail.pdf",
        "voxa/2026-10/Voxa Télécom Mairie 2026-10.pdf",
        "voxa/2026-10/Voxa Télécom Mairie 2026-10.xml",
        "voxa/2026-10/Voxa Télécom École 2026-10.pdf",
        "voxa/2026-10/Voxa Télécom École 2026-10.xml",
    ]
    blobs = Blobs(billed.home / "blobs")
    pdf = blobs.get(Rendering.objects.get(document__account__code="C1", kind="pdf").blob)
    xml = blobs.get(Rendering.objects.get(document__account__code="C1", kind="xml").blob)
    assert attachments(pdf) == ["factur-x.xml"]
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert opened.attachments["factur-x.xml"].get_file().read_bytes() == xml
    for rendering in Rendering.objects.all():
        assert delivery.path_of(rendering).read_bytes() == blobs.get(rendering.blob)


def test_delivering_again_renders_nothing(billed: Company) -> None:
    flow.deliver(now=billed.now)
    assert flow.deliver(now=billed.now).rendered == 0


def test_the_same_document_gives_the_same_bytes(billed: Company) -> None:
    flow.deliver(now=billed.now)
    before = dict(Rendering.objects.values_list("id", "blob"))
    OutboxMessage.objects.update(done_at=None)
    flow.deliver(now=billed.now)
    assert dict(Rendering.objects.values_list("id", "blob")) == before
    for row in Document.objects.all():
        files = {rendering.kind: rendering.blob for rendering in row.renderings.all()}
        again = Blobs(billed.home / "blobs").put(delivery.facturx_xml(canonical.from_json(row.content)))
        assert files["xml"] == again


def test_a_statement_is_a_pdf_without_any_electronic_invoice(company: Company) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,usine,public\n"
    company.department("ATELIER", "Atelier", issuer="usine")
    company.line(PHONE, "ATELIER")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.bill()
    assert flow.deliver(now=company.now).failed == {}
    assert sorted(Rendering.objects.values_list("kind", flat=True)) == ["annex", "pdf"]
    pdf = Blobs(company.home / "blobs").get(Rendering.objects.get(kind="pdf").blob)
    assert attachments(pdf) == []


def test_a_credit_note_carries_its_number_in_its_name(billed: Company) -> None:
    flow.credit(
        invoice=Document.objects.get(account__code="C1"), issue_date=ISSUE_DATE, now=billed.now, reason="Erreur"
    )
    flow.deliver(now=billed.now)
    assert "voxa/2026-10/Voxa Télécom Mairie 2026-10 AV2026-00001.pdf" in names(billed.home)


def test_two_customers_of_one_name_have_files_of_their_own(company: Company) -> None:
    company.product("abo", "10.00")
    for code, name in (("C1", "Dupont"), ("C2", "DUPONT"), ("C3", "Durand")):
        company.customer(code, name)
        company.subscribe(f"S{code}", code, product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    flow.deliver(now=company.now)
    pdfs = [name for name in names(company.home) if name.endswith(".pdf")]
    assert pdfs == [
        "voxa/2026-10/Voxa Télécom DUPONT 2026-10 FA2026-00002.pdf",
        "voxa/2026-10/Voxa Télécom Dupont 2026-10.pdf",
        "voxa/2026-10/Voxa Télécom Durand 2026-10.pdf",
    ]
    paths = [delivery.path_of(rendering) for rendering in Rendering.objects.all()]
    assert len({str(path).lower() for path in paths}) == len(paths) == 6


def test_a_second_document_of_the_month_does_not_take_the_name_of_the_first(billed: Company) -> None:
    flow.deliver(now=billed.now)
    billed.call("2026-10-30 10:00:00", PHONE, LANDLINE, 60)
    billed.bill()
    flow.deliver(now=billed.now)
    assert "voxa/2026-10/Voxa Télécom Mairie 2026-10 FA2026-00003.pdf" in names(billed.home)
    first = Rendering.objects.get(document__number="FA2026-00001", kind="pdf")
    assert delivery.path_of(first).read_bytes() == Blobs(billed.home / "blobs").get(first.blob)


def test_a_logo_that_cannot_be_drawn_keeps_no_document_from_being_issued_and_the_error_is_kept(
    company: Company,
) -> None:
    company.customer("C1")
    company.product("abo", "10.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    Issuer.objects.update(logo_svg="<svg")  # as an old database may hold
    company.bill()
    delivered = flow.deliver(now=company.now)
    assert (delivered.rendered, list(delivered.failed)) == (0, ["FA2026-00001"])
    message = OutboxMessage.objects.get()
    assert (message.tries, message.done_at, message.last_error != "") == (1, None, True)
    assert Document.objects.get().number == "FA2026-00001"


def test_a_rendering_that_failed_is_made_by_the_next_run(billed: Company) -> None:
    blobs, aside = billed.home / "blobs", billed.home / "aside"
    blobs.rename(aside)
    blobs.write_bytes(b"")  # a file where the folder should be: nothing can be stored (even by root)
    delivered = flow.deliver(now=billed.now)
    assert (delivered.rendered, sorted(delivered.failed)) == (0, ["FA2026-00001", "FA2026-00002"])
    assert not Rendering.objects.exists()
    blobs.unlink()
    aside.rename(blobs)
    delivered = flow.deliver(now=billed.now)
    assert (delivered.rendered, delivered.failed) == (2, {})
    assert {message.tries for message in OutboxMessage.objects.all()} == {1}
    assert len(names(billed.home)) == 5


def test_a_copy_that_somebody_deleted_comes_back_when_rendered_again(billed: Company) -> None:
    flow.deliver(now=billed.now)
    rendering = Rendering.objects.filter(kind="pdf").first()
    assert rendering is not None
    path = delivery.path_of(rendering)
    path.unlink()
    OutboxMessage.objects.update(done_at=None)
    flow.deliver(now=billed.now)
    assert path.exists()
