from decimal import Decimal

from ardoise.core.documents import DocumentLine, Section, UserTotal
from ardoise.core.recaps import Part, by_user

NAMES = {1: "2001 – Ana", 2: "2002 – Bo", 3: "2003 – Chloé"}


def line(number, section, net_minor, group=""):
    return DocumentLine(number, section, group, "x", "", Decimal(1), Decimal(0), net_minor, "S", Decimal(20))


def test_the_cents_of_a_line_go_to_its_users_and_sum_to_it():
    # 1.00 over three users of 1/3 each: 33 + 33 + 34; a rent of the account itself; a phone of Bo
    lines = [line(1, Section.SUBSCRIPTION, 3000), line(2, Section.OUTSIDE, 100), line(3, Section.ONE_OFF, 8900)]
    parts = [Part(1, None, 30_000_000), Part(3, 2, 89_000_000), *(Part(2, user, 333_333) for user in (1, 2, 3))]
    assert by_user(lines, parts, names=NAMES, with_tax=False) == (
        UserTotal("", "2001 – Ana", 0, 33, 0),
        UserTotal("", "2002 – Bo", 0, 33, 8900),
        UserTotal("", "2003 – Chloé", 0, 34, 0),
        UserTotal("", "", 3000, 0, 0),
    )


def test_branches_keep_the_order_of_the_document_and_credits_are_mirrored():
    lines = [line(1, Section.SUBSCRIPTION, 1000, "Siège"), line(2, Section.SUBSCRIPTION, -333, "Agence")]
    parts = [Part(1, 1, 10_000_000), Part(2, 2, -2_000_000), Part(2, 3, -1_330_000)]
    assert by_user(lines, parts, names=NAMES, with_tax=False) == (
        UserTotal("Siège", "2001 – Ana", 1000, 0, 0),
        UserTotal("Agence", "2002 – Bo", -200, 0, 0),
        UserTotal("Agence", "2003 – Chloé", -133, 0, 0),
    )


def test_a_line_of_nothing_is_of_the_account():
    free = by_user([line(1, Section.INCLUDED, 0)], [Part(1, 1, 0)], names=NAMES, with_tax=False)
    assert free == (UserTotal("", "2001 – Ana", 0, 0, 0),)
