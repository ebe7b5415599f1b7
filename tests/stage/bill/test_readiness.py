"""What a careful biller looks at before issuing: each finding once, under a name that stays; waived by name."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from ardoise import flow
from ardoise.bill import operations as billing
from ardoise.bill.models import Document, Waiver
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, RATES, Company, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, STRANGER = "0472000001", "0472999999"


def call_every_day(company: Company, *, until: date, number: str = PHONE) -> None:
    day = date(2026, 10, 1)
    while day <= until:
        company.call(f"{day} 10:00:00", number, LANDLINE, 60)
        day += timedelta(days=1)


@pytest.fixture
def sound(company: Company) -> Company:
    """A customer with a line and a subscription, who calls every day of the month."""
    company.customer("C1", "Mairie")
    company.line(PHONE, "C1")
    company.product("abo", "10.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-01-01", line=f"L{PHONE}")
    company.files["issuers.toml"] += 'first_month = "2026-10"\n'
    return company


def findings(company: Company, *, rated: bool = False) -> list[str]:
    if not rated:
        company.rate()
    company.preview()
    names = [finding.name for finding in flow.check(month=MONTH)]
    assert max(Counter(names).values(), default=1) == 1, "a finding stands there twice"
    return names


def test_a_sound_month_has_nothing_to_say_and_may_be_issued(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    assert findings(sound) == []
    done = flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=sound.now)
    assert done.numbers == ["FA2026-00001"]


def test_a_subscription_older_than_the_catch_up_is_named_until_the_issuer_says_where_billing_begins(
    sound: Company,
) -> None:
    sound.row("subscriptions", reference="S1")["valid_from_date"] = "2024-10-31"  # the run catches up from 1 November
    with_month = sound.files["issuers.toml"]
    sound.files["issuers.toml"] = with_month.replace('first_month = "2026-10"\n', "")
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    assert [name for name in findings(sound) if name.startswith("too-old")] == ["too-old:voxa"]
    sound.files["issuers.toml"] = with_month
    sound.load()
    assert findings(sound) == []


def test_a_subscription_billed_before_is_not_too_old(sound: Company) -> None:
    sound.row("subscriptions", reference="S1")["valid_from_date"] = "2024-10-31"
    sound.files["issuers.toml"] = sound.files["issuers.toml"].replace('first_month = "2026-10"\n', "")
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    for name in findings(sound):
        billing.waive(month=MONTH, finding=name, reason="repris", waived_by="moi", now=sound.now)
    flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=sound.now)
    assert not [found for found in flow.check(month="2026-11") if found.name.startswith("too-old")]


def test_a_business_without_a_siren_is_named_before_its_invoice_is_refused(sound: Company) -> None:
    sound.row("accounts", code="C1")["siren"] = ""
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    assert findings(sound) == ["no-siren:C1"]
    sound.row("accounts", code="C1")["audience"] = "B2C"
    sound.load()
    assert findings(sound) == []


def test_a_source_silent_from_the_27th_is_named_with_its_day(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 26))
    assert findings(sound) == ["source-silent:op"]
    (finding,) = flow.check(month=MONTH)
    assert "muette depuis le 27/10/2026" in finding.french


def test_a_source_that_is_quiet_on_sundays_is_not_silent_on_the_last_one(sound: Company) -> None:
    sound.load()
    for day in range(1, 32):
        if date(2026, 10, day).isoweekday() <= 5:  # 31 October 2026 is a Saturday
            sound.call(f"2026-10-{day:02d} 10:00:00", PHONE, LANDLINE, 60)
    assert findings(sound) == []


def test_a_source_without_a_single_call_is_silent_since_the_first(sound: Company) -> None:
    sound.load()
    assert findings(sound) == ["no-usage:C1", "source-silent:op"]
    assert "01/10/2026" in flow.check(month=MONTH)[1].french


def test_a_customer_without_calls_and_a_customer_without_subscription(sound: Company) -> None:
    sound.customer("C2", "Sans appel")
    sound.subscribe("S2", "C2", product="abo", valid_from_date="2026-01-01")
    sound.customer("C3", "Sans abonnement")
    sound.line("0472000003", "C3")
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    sound.call("2026-10-05 10:00:00", "0472000003", LANDLINE, 60)
    assert findings(sound) == ["no-subscription:C3", "no-usage:C2"]


def test_a_customer_billed_once_a_year_has_a_subscription_in_every_month(sound: Company) -> None:
    sound.product("an", "120.00", period="P1Y")
    sound.customer("C2", "À l’année")
    sound.branch("C2-A", "Agence", parent="C2")
    sound.line("0472000002", "C2-A")
    sound.subscribe("S2", "C2-A", product="an", valid_from_date="2026-01-01")
    sound.customer("C3", "Parti")
    sound.line("0472000003", "C3")
    sound.subscribe("S3", "C3", product="an", valid_from_date="2025-01-01", valid_to_date="2026-10-01")
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    for number in ("0472000002", "0472000003"):
        sound.call("2026-10-05 10:00:00", number, LANDLINE, 60)
    assert findings(sound) == ["no-subscription:C3"]


def test_communications_five_times_the_habit(sound: Company) -> None:
    sound.files["past_totals.csv"] = "account,month,usage,subscription,total\n" + "".join(
        f"C1,2026-{month:02d},20.00,10.00,30.00\n" for month in range(6, 10)
    )
    sound.load()
    call_every_day(sound, until=date(2026, 10, 30))
    sound.call("2026-10-31 08:00:00", PHONE, MOBILE, 833 * 60)  # 833 x 0.12 = 99.96, and 30 x 0.02 = 0.60
    assert findings(sound) == ["amount-far:C1"]
    (finding,) = flow.check(month=MONTH)
    assert (
        finding.french.replace("\u00a0", " ") == "Mairie : 100,56 € HT de communications, au lieu de 20,00 € d'habitude"
    )


def test_communications_within_the_habit_say_nothing(sound: Company) -> None:
    sound.files["past_totals.csv"] = "account,month,usage,subscription,total\n" + "".join(
        f"C1,2026-{month:02d},20.00,10.00,30.00\n" for month in range(6, 10)
    )
    sound.load()
    call_every_day(sound, until=date(2026, 10, 30))
    sound.call("2026-10-31 08:00:00", PHONE, MOBILE, 200 * 60)  # 24.00 + 0.60: 1.23 times the habit
    assert findings(sound) == []


def test_an_identifier_nobody_knows_is_named_once_whatever_the_number_of_its_calls(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    call_every_day(sound, until=date(2026, 10, 3), number=STRANGER)
    assert findings(sound) == ["unassigned:op:+33472999999"]
    assert "3 appels" in flow.check(month=MONTH)[0].french


def test_calls_to_a_prefix_without_a_rate_are_counted_by_prefix(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    for hour in (8, 9):
        sound.call(f"2026-10-05 {hour:02d}:00:00", PHONE, "0041223456789", 60)
    assert findings(sound) == ["unpriced:no_rate:4122"]
    assert "2 appels sans prix" in flow.check(month=MONTH)[0].french


def test_calls_that_name_nobody_are_counted_and_the_equation_holds(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    sound.call("2026-10-05 11:00:00", "", LANDLINE, 60)
    assert findings(sound) == ["nameless:op"]
    (found,) = flow.check(month=MONTH)
    assert found.french.startswith("1 appel de la source") and found.english.startswith("1 call of the source")


def test_the_issue_is_refused_by_name_while_a_finding_is_open_and_passes_once_it_is_waived(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 26))
    assert findings(sound) == ["source-silent:op"]
    with pytest.raises(flow.NotReady, match=r"what is open: source-silent:op\. Mend them, or accept each by name"):
        flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=sound.now)
    assert not Document.objects.exists()
    billing.waive(month=MONTH, finding="source-silent:op", reason="fermé", waived_by="Claire", now=sound.now)
    assert [finding.waived for finding in flow.check(month=MONTH)] == ["fermé"]
    assert flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=sound.now).numbers == ["FA2026-00001"]


def test_a_waiver_needs_a_reason_and_holds_for_one_month(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 26))
    with pytest.raises(billing.IssueRefused, match="needs a reason"):
        billing.waive(month=MONTH, finding="source-silent:op", reason=" ", waived_by="Claire", now=sound.now)
    billing.waive(month="2026-09", finding="source-silent:op", reason="fermé", waived_by="Claire", now=sound.now)
    findings(sound)
    assert [finding.waived for finding in flow.check(month=MONTH)] == [""]


def test_a_waiver_given_twice_keeps_the_first_reason(sound: Company) -> None:
    for reason in ("fermé", "autre chose"):
        billing.waive(month=MONTH, finding="source-silent:op", reason=reason, waived_by="Claire", now=sound.now)
    assert list(Waiver.objects.values_list("reason", flat=True)) == ["fermé"]


def test_what_was_issued_is_checked_as_what_was_drafted(sound: Company) -> None:
    sound.files["past_totals.csv"] = "account,month,usage,subscription,total\n" + "".join(
        f"C1,2026-{month:02d},20.00,10.00,30.00\n" for month in range(6, 10)
    )
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))  # 0.62 of calls: far below the habit
    assert findings(sound) == ["amount-far:C1"]
    sound.waive_everything()
    flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=sound.now)
    sound.preview()  # no draft is left: the check reads the documents
    assert [finding.name for finding in flow.check(month=MONTH)] == ["amount-far:C1"]


def test_a_zone_sold_below_what_the_operator_asks_is_named_with_the_loss(sound: Company) -> None:
    # 31 calls of 60 s: sold 31 x 0.02 = 0.62, bought 31 x 0.05 = 1.55, lost 0.93.
    sound.files["tariffs/cost.toml"] = tariff("cost")
    sound.files["tariffs/cost-2026-01-01.csv"] = RATES.replace("+33,,fixe,,0.02", "+33,,fixe,,0.05")
    sound.files["tariff_links.csv"] += "source,op,cost\n"
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    assert findings(sound) == ["below-cost:voxa:fixe"]
    (finding,) = flow.check(month=MONTH)
    assert "0,93" in finding.french


def test_a_tariff_loaded_since_the_rating_is_named_until_the_month_is_rated_again(sound: Company) -> None:
    sound.load()
    call_every_day(sound, until=date(2026, 10, 31))
    sound.rate()
    sound.files["tariffs/public-2026-01-01.csv"] = RATES.replace("0.02", "0.03")
    sound.load()
    assert findings(sound, rated=True) == ["outdated:voxa"]
    assert findings(sound) == []
