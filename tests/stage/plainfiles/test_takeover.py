"""From ComTrafic to the first invoice made here: a small export, made up, read whole or refused whole."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ardoise.access.scope import EVERYTHING
from ardoise.bill.models import Document, PastTotal, Series
from ardoise.bill.takeover import Opening, TakeoverRefused, record_openings, set_first_numbers
from ardoise.catalog.models import Purchase, Rate, Subscription
from ardoise.cli import takeover_commands
from ardoise.directory.models import Account, Identifier, Issuer, LineAssignment
from ardoise.ledger.models import LedgerEntry, LedgerTransaction
from ardoise.ledger.queries import balances_micros
from ardoise.plainfiles.comtrafic import take_over
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.problems import LoadRefused
from stage.company import ISSUER, TERMS, Company, document_of, voxa

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)

EXPORT = {
    "services.csv": """\
Nom;Adresse;Code postal;Ville;Facturable;Taux;Mail;SIREN;Régime;Mention;Service parent
Épicerie du Rhône;2 rue Haute;69001;Lyon;oui;1;compta@epicerie.example, gerant@epicerie.example;732829320;;;
Chantiers de l’Oyapock;5 rue du Port;97300;Cayenne;oui;0;;552081317;guyane_mayotte;;
Club de voile;1 quai;74000;Annecy;oui;0;;;exonéré;TVA non applicable – article 293 B du CGI;
Entrepôt;;;;oui;1;;;;;Épicerie du Rhône
Interne;;;;non;0;;;;;
""",
    "postes.csv": """\
Poste;Nom;Service;SDA fixe
201;Accueil;Épicerie du Rhône;04 72 00 00 01
202;Réserve;Entrepôt;
0594280000;;Chantiers de l’Oyapock;
""",
    "tarifs.csv": """\
Préfixe;Destination;Prix/min;Mise en relation
0;France;0,02;
06;Mobiles;0,12;0,05
0041;Suisse;0,20;
3639;La Poste;0,00;
""",
    "produits.csv": """\
Produit;Prix;Type;Bien ou service
Abonnement ligne;12,50;récurrent;
Téléphone;80;ponctuel;bien
""",
    "abonnements.csv": """\
Service;Poste;Produit;Quantité;Prix;Du;Au
Épicerie du Rhône;201;Abonnement ligne;1;;01/01/2026;
Entrepôt;;Abonnement ligne;2;10,00;01/01/2026;31/12/2026
""",
    "achats.csv": "Poste;Produit;Quantité;Date\n201;Téléphone;1;05/10/2026\n",
    "factures.csv": """\
Client;09/2026;10/2026
Épicerie du Rhône;41,20;39,90
Club de voile;;12
""",
    "soldes.csv": """\
Client;Solde;Date
Épicerie du Rhône;120,50;31/10/2026
Club de voile;-10,00;31/10/2026
""",
}


def export(folder: Path, **files: str) -> Path:
    """The export, with some files written otherwise ("" = left out)."""
    folder.mkdir(exist_ok=True)
    for name, text in (EXPORT | {f"{stem}.csv": text for stem, text in files.items()}).items():
        (folder / name).unlink(missing_ok=True)
        if text:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def voxa_alone(home: Path, tmp_path: Path) -> None:
    """An issuer, the VAT rates, and nothing else."""
    folder = tmp_path / "issuer"
    folder.mkdir()
    (folder / "issuers.toml").write_text(ISSUER + TERMS, encoding="utf-8")
    rates = "regime,nature,rate,valid_from_date\nstandard,,20,2014-01-01\noverseas_dom,,8.5,2014-01-01\n"
    (folder / "vat_rates.csv").write_text(rates, encoding="utf-8")
    load(folder, recorded_at=NOW)


def taken(path: Path, **more: bool) -> dict[str, tuple[int, int, int]]:
    done = take_over(path, issuer="voxa", now=NOW, tariff_from=date(2026, 1, 1), **more)
    return {count.file: (count.new, count.changed, count.unchanged) for count in done.report.files}


def refusals(path: Path) -> list[str]:
    with pytest.raises(LoadRefused) as refusal:
        taken(path)
    return [str(problem) for problem in refusal.value.problems]


# --- the whole export -------------------------------------------------------------------------------------------------


def test_an_export_becomes_a_directory(voxa_alone: None, tmp_path: Path) -> None:
    taken(export(tmp_path / "ct"))
    accounts = {account.code: account for account in Account.objects.select_related("parent", "issuer")}
    assert sorted(accounts) == ["CHANTIERS-DE-L-OYAPOCK", "CLUB-DE-VOILE", "ENTREPOT", "EPICERIE-DU-RHONE", "INTERNE"]
    grocer = accounts["EPICERIE-DU-RHONE"]
    assert (grocer.vat_regime, grocer.emails) == ("standard", "compta@epicerie.example gerant@epicerie.example")
    assert accounts["CHANTIERS-DE-L-OYAPOCK"].vat_regime == "guyane_mayotte"
    assert (accounts["CLUB-DE-VOILE"].vat_regime, accounts["INTERNE"].billable) == ("exempt", False)
    assert (accounts["ENTREPOT"].parent, accounts["ENTREPOT"].kind) == (grocer, "department")
    held = LineAssignment.objects.values_list("line__code", "account__code").order_by("line__code")
    assert list(held) == [("0594280000", "CHANTIERS-DE-L-OYAPOCK"), ("201", "EPICERIE-DU-RHONE"), ("202", "ENTREPOT")]
    named = set(Identifier.objects.values_list("kind", "value", "line__code"))
    assert named == {
        ("extension", "201", "201"),
        ("number", "33472000001", "201"),  # « SDA fixe »
        ("extension", "202", "202"),
        ("number", "594594280000", "0594280000"),  # a poste of ten digits is a number
    }


def test_prices_costs_months_and_balances_come_along(voxa_alone: None, tmp_path: Path) -> None:
    taken(export(tmp_path / "ct"))
    rates = {(rate.prefix, rate.zone.code): rate for rate in Rate.objects.select_related("zone")}
    assert set(rates) == {("+33", "france"), ("+336", "mobiles"), ("+41", "suisse"), ("3639", "la-poste")}
    sold = Subscription.objects.order_by("reference").values_list("account__code", "line__code", "valid_to_date")
    assert list(sold) == [("EPICERIE-DU-RHONE", "201", None), ("ENTREPOT", None, date(2027, 1, 1))]  # « Au » included
    assert Purchase.objects.get().account.code == "EPICERIE-DU-RHONE"  # the poste says whose
    past = PastTotal.objects.order_by("account__code", "month").values_list("account__code", "month", "total_minor")
    assert list(past) == [
        ("CLUB-DE-VOILE", "2026-10", 1200),
        ("EPICERIE-DU-RHONE", "2026-09", 4120),
        ("EPICERIE-DU-RHONE", "2026-10", 3990),
    ]
    # 120.50 - 10.00 = 110.50 owed in all, against the opening
    micros = balances_micros(EVERYTHING)
    assert (micros["voxa", "411000"], micros["voxa", "890000"]) == (110_500_000, -110_500_000)
    assert LedgerTransaction.objects.get(key="opening:CLUB-DE-VOILE").date == date(2026, 10, 31)


def test_taking_over_again_changes_nothing(voxa_alone: None, tmp_path: Path) -> None:
    first = taken(export(tmp_path / "ct"))
    assert all(new and not changed for new, changed, _ in first.values())
    again = take_over(tmp_path / "ct", issuer="voxa", now=NOW, tariff_from=date(2026, 1, 1))
    assert (again.report.changed_nothing, again.openings) == (True, 0)
    assert LedgerEntry.objects.count() == 4


def test_a_preview_writes_nothing(voxa_alone: None, tmp_path: Path) -> None:
    seen = taken(export(tmp_path / "ct"), only_preview=True)
    assert seen["services.csv"] == (5, 0, 0)
    assert (Account.objects.count(), LedgerTransaction.objects.count(), Rate.objects.count()) == (0, 0, 0)


def test_the_first_invoice_after_a_take_over(home: Path, tmp_path: Path) -> None:
    company: Company = voxa(home)
    company.load()
    taken(export(tmp_path / "ct", tarifs=""))
    set_first_numbers(issuer=Issuer.objects.get(code="voxa"), first={"invoice": 1234}, year=2026, now=NOW)
    company.call("2026-10-05 10:00:00", "0472000001", "0612345678", 60)
    company.bill()
    invoice = document_of("EPICERIE-DU-RHONE")
    assert invoice.number == "FA2026-01234"
    assert dict(invoice.history_minor)["2026-09"] == 4120


def test_what_a_customer_was_owed_comes_off_its_first_invoice(home: Path, tmp_path: Path) -> None:
    company: Company = voxa(home)
    company.load()
    taken(export(tmp_path / "ct", tarifs="", soldes="Client;Solde;Date\nÉpicerie du Rhône;-10,00;31/10/2026\n"))
    company.bill()
    totals = document_of("EPICERIE-DU-RHONE").totals
    assert (totals.prepaid_minor, totals.payable_minor) == (1000, totals.gross_minor - 1000)


# --- refused ----------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, str], str]] = {
    "VAT index 0 without its regime": (
        {"services": "Nom;Adresse;CP;Ville;Taux\nA;1 rue;97300;Cayenne;0\n"},
        "services.csv, line 2, column Taux: VAT index 0 of ComTrafic does not say why A has no VAT: add a column "
        "« Régime » with guyane_mayotte, reverse_charge, intra_eu, export, or exempt and its « Mention »; 97300 "
        "suggests guyane_mayotte",
    ),
    "another VAT index": (
        {"services": "Nom;Adresse;CP;Ville;Taux\nA;1 rue;69001;Lyon;2\n"},
        "services.csv, line 2, column Taux: « 2 » is no VAT index; ComTrafic has 0 and 1",
    ),
    "a poste of nobody": (
        {"postes": "Poste;Service\n209;Inconnu\n"},
        "postes.csv, line 2, column Service: « Inconnu » is not known",
    ),
    "a name of two services": (
        {
            "services": "Code;Nom;Facturable\nA;Agence;non\nB;Agence;non\n",
            "postes": "Poste;Service\n209;Agence\n",
            **dict.fromkeys(("abonnements", "achats", "factures", "soldes"), ""),
        },
        "postes.csv, line 2, column Service: « Agence » is the name of A, B; write the code",
    ),
    "two rows for a poste": (
        {"postes": "Poste;Service\n201;Entrepôt\n201;Interne\n"},
        "postes.csv, line 3: same code « 201 » as line 2; keep one of the two",
    ),
    "a price that is none": (
        {"tarifs": "Préfixe;Prix\n06;gratuit\n"},
        "tarifs.csv, line 2, column Prix: « gratuit »",
    ),
    "a subscription that ends before it starts": (
        {"abonnements": "Service;Produit;Du;Au\nEntrepôt;Abonnement ligne;01/02/2026;01/01/2026\n"},
        "abonnements.csv, line 2, column valid_to_date: « 2026-01-02 » is not after valid_from_date « 2026-02-01 »",
    ),
    "a product without VAT nature": (
        {"produits": "Produit;Prix;Type\nAbonnement ligne;12,50;récurrent\nTéléphone;80;ponctuel\n"},
        "produits.csv, line 3, column nature: is empty: add a column « Bien ou service » for what is sold once",
    ),
    "a product that is not there": (
        {"abonnements": "Service;Produit\nEntrepôt;Abonement ligne\n"},
        "abonnements.csv, line 2, column Produit: « Abonement ligne » is not known; did you mean abonnement ligne?",
    ),
    "an address that is missing": (
        {"services": EXPORT["services.csv"].replace("2 rue Haute;", ";")},
        "services.csv, line 2, column Adresse: is missing: a customer that is invoiced needs its address",
    ),
    "a balance without a day": (
        {"soldes": "Client;Solde\nClub de voile;10\n"},
        "soldes.csv, line 2, column date: has no date; add a column « Date », or give the day with --balance-date",
    ),
    "a header that says nothing": ({"services": "x;y\n1;2\n"}, "services.csv, line 1: no column is called « nom »"),
}


@pytest.mark.parametrize(("files", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_with_file_line_and_column(
    voxa_alone: None, tmp_path: Path, files: dict[str, str], said: str
) -> None:
    found = refusals(export(tmp_path / "ct", **files))
    assert any(problem.startswith(said) for problem in found), "\n".join(found)
    assert (Account.objects.count(), LedgerTransaction.objects.count()) == (0, 0)


def test_a_balance_that_does_not_hold_takes_the_whole_export_back(voxa_alone: None, tmp_path: Path) -> None:
    folder = export(tmp_path / "ct", soldes="Client;Solde;Date\nEntrepôt;10,00;31/10/2026\n")
    with pytest.raises(
        TakeoverRefused, match="line 2: ENTREPOT does not pay: give the balance to the account above it"
    ):
        taken(folder)
    assert Account.objects.count() == 0


def test_a_folder_without_an_export(voxa_alone: None, tmp_path: Path) -> None:
    assert "this folder holds no file of an export; expected services.csv" in refusals(tmp_path / "issuer")[0]


# --- numbers and balances ---------------------------------------------------------------------------------------------


def first_numbers(**first: int) -> dict[str, str]:
    return set_first_numbers(issuer=Issuer.objects.get(code="voxa"), first=first, year=2026, now=NOW)


def test_the_series_go_on_where_the_other_product_stopped(voxa_alone: None) -> None:
    assert first_numbers(invoice=1234, credit_note=56) == {"invoice": "FA2026-01234", "credit_note": "AV2026-00056"}
    assert first_numbers(invoice=1240) == {"invoice": "FA2026-01240"}  # nothing was taken yet: may be said again
    assert Series.objects.get(kind="invoice").last_number == 1239


def test_a_series_is_not_moved_once_a_number_was_taken(home: Path) -> None:
    company = voxa(home)
    company.customer("C1")
    company.line("0472000001", "C1")
    company.call("2026-10-05 10:00:00", "0472000001", "0612345678", 60)
    company.load()
    company.bill()
    with pytest.raises(TakeoverRefused, match="FA2026-00001 was issued here already, the series of 2026 goes on"):
        first_numbers(invoice=500)
    assert first_numbers(credit_note=7) == {"credit_note": "AV2026-00007"}
    assert Series.objects.get(kind="invoice").last_number == 1


def test_no_document_is_dated_before_the_last_one_of_the_other_product(home: Path) -> None:
    company = voxa(home)
    company.customer("C1")
    company.line("0472000001", "C1")
    company.call("2026-10-05 10:00:00", "0472000001", "0612345678", 60)
    company.load()
    issuer, now = Issuer.objects.get(code="voxa"), company.now
    set_first_numbers(issuer=issuer, first={"invoice": 9}, year=2026, now=now, last_date=date(2026, 11, 4))
    company.rate()
    company.preview(on=date(2026, 11, 3))
    from ardoise.bill.operations import IssueRefused

    with pytest.raises(IssueRefused, match="the last document of the series is dated 2026-11-04"):
        company.issue(on=date(2026, 11, 3))
    assert Document.objects.count() == 0
    with pytest.raises(TakeoverRefused, match="cannot be the day of the last document of 2026"):
        set_first_numbers(issuer=issuer, first={"invoice": 9}, year=2026, now=now, last_date=date(2026, 12, 1))


def test_an_opening_balance_is_posted_once_and_never_changed(voxa_alone: None, tmp_path: Path) -> None:
    taken(export(tmp_path / "ct", soldes=""))
    openings = [Opening("CLUB-DE-VOILE", date(2026, 10, 31), 1000), Opening("INTERNE", date(2026, 10, 31), 0)]
    assert record_openings(openings=openings, now=NOW) == 1
    assert record_openings(openings=openings, now=NOW) == 0
    other = [
        Opening("CLUB-DE-VOILE", date(2026, 10, 31), 1100, line=2),
        Opening("NOBODY", date(2026, 10, 31), 5, line=3),
    ]
    with pytest.raises(TakeoverRefused) as refusal:
        record_openings(openings=other, now=NOW)
    assert str(refusal.value).splitlines() == [
        "line 2: CLUB-DE-VOILE was taken over with 10,00\u00a0€ on 2026-10-31 already: an entry is never changed; "
        "repeat that balance, or leave the account out",
        "line 3: account NOBODY does not exist; import it first",
    ]
    assert LedgerEntry.objects.count() == 2


# --- the commands -----------------------------------------------------------------------------------------------------

app = typer.Typer()
app.add_typer(takeover_commands.takeover, name="takeover")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["takeover", *(str(word) for word in words), "--today", "2026-11-02"])


def test_the_commands(voxa_alone: None, tmp_path: Path) -> None:
    folder = export(tmp_path / "ct", soldes="")
    looked = run("comtrafic", folder, "--preview")
    assert looked.exit_code == 0, looked.output
    assert "Nothing was written." in looked.stdout
    assert json.loads(run("comtrafic", folder, "--json").stdout)["taken_over"] is True
    (tmp_path / "b.csv").write_text("compte;solde\nCLUB-DE-VOILE;10,00\n", encoding="utf-8")
    posted = run("balances", tmp_path / "b.csv", "--balance-date", "2026-10-31")
    assert "1 opening balance posted, 0 known" in posted.stdout, posted.output
    assert (
        "0 opening balances posted, 1 known"
        in run("balances", tmp_path / "b.csv", "--balance-date", "2026-10-31").stdout
    )
    assert "The next invoice is FA2026-01234." in run("numbers", "--invoice", 1234).stdout
    assert run("numbers").exit_code == 2
    refused = run("comtrafic", export(tmp_path / "ct", postes="Poste;Service\n1;X\n"))
    assert (refused.exit_code, "« X » is not known" in refused.stderr) == (1, True)
