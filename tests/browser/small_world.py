"""A small company for the console: built as a user builds one, through the house's own doors, in about two seconds.

Two brands of one operator (alto, brio) with their customers, and a company that splits its own costs (roch). October
2026 is collected, priced, checked, issued and rendered. Arithmetic of the calls that tests name:

- alto, 5 calls each of the 22 working days, plus 3 by hand: 113 calls;
- a mobile 61 s: two started minutes at 0.12 = 0.24; a landline 90 s at 0.02 a minute = 0.03;
- 0899123456, 90 s: access 0, service 90 s at 0.80 a minute = 1.20;
- +883512345678: no rate.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

DATA = Path(__file__).parent / "data"
MONTH = "2026-10"
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
ALTO_CALLS = 113
PASSWORD = "ardoise-password"
ADMIN, BRIO_BILLING, ALTO_READER = "admin@alto.example", "billing@brio.example", "reader@alto.example"


def build(*, rendered: bool = True) -> None:
    """Fill the installation that Django's settings point to."""
    from ardoise import flow
    from ardoise.bill.operations import waive
    from ardoise.collect import operations as collecting
    from ardoise.collect.batch import journal_of
    from ardoise.plainfiles.loading import load
    from ardoise.store.journal import Arrival, Kind

    load(DATA / "company", recorded_at=NOW)
    make_users()
    for source in ("cdr-alto", "cdr-brio"):
        collecting.drop_file(source=source, file=DATA / "tickets" / f"{source}.csv")
    with journal_of("pbx").writer() as writer:
        writer.append([Arrival(NOW, 1, Kind.CONNECT, b"192.0.2.10:40001")])
        writer.append([Arrival(NOW, 1, Kind.BYTES, (DATA / "tickets" / "pbx.smdr").read_bytes())])
    flow.collect(now=NOW)
    collecting.close_waiting(source="pbx", now=NOW)
    flow.rate(month=MONTH, now=NOW)
    flow.preview(month=MONTH, issue_date=date(2026, 11, 5), now=NOW)
    for finding in flow.check(month=MONTH):
        waive(month=MONTH, finding=finding.name, reason="Accepté pour l'essai", waived_by=ADMIN, now=NOW)
    flow.issue(month=MONTH, issue_date=date(2026, 11, 5), now=NOW)
    if rendered:
        flow.deliver(now=NOW)


def make_users() -> None:
    """An administrator of everything, a biller of one brand, a reader of the other."""
    from ardoise.access.models import Grant, User
    from ardoise.access.operations import ensure_user

    ensure_user(email=ADMIN, name="Ada <b>Admin</b>", password=PASSWORD, role="admin")
    for email, role, issuer in ((BRIO_BILLING, "billing", "brio"), (ALTO_READER, "reader", "alto")):
        user = User.objects.create_user(email, PASSWORD, name=f"{role} of {issuer}")
        Grant.objects.create(user=user, role=role, issuer_code=issuer)


def main() -> None:
    """Build in ARDOISE_HOME and say on standard output what a test of pages needs to know."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
    import django

    django.setup()
    from ardoise.bill.models import Document
    from ardoise.cli.wiring import ready_database

    ready_database()
    build()
    json.dump({row.number: row.pk for row in Document.objects.all()}, sys.stdout)


if __name__ == "__main__":
    main()
