"""A document by line and user: every cent of its lines given to what used or subscribed it, and no cent twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ardoise.core.documents import DocumentLine, Section, UserTotal
from ardoise.core.invoices import spread

_COLUMN = {Section.SUBSCRIPTION: 0, Section.INCLUDED: 1, Section.BEYOND: 1, Section.OUTSIDE: 1}
_OTHER = 2


@dataclass(frozen=True, slots=True)
class Part:
    """What the charges of one user (None: of the account itself) come to on one line of the document."""

    line_no: int
    user: int | None
    micros: int


def by_user(
    lines: Sequence[DocumentLine], parts: Iterable[Part], *, names: Mapping[int, str], with_tax: bool
) -> tuple[UserTotal, ...]:
    """The amounts of the lines by branch and user, in the order of the branches, users by name, the branch itself last.

    The cents of a line are spread over its users in proportion to their charges, by largest remainder: the rows sum to
    the document. `with_tax`: the printed amounts are those with tax.
    """
    of_line: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        of_line[part.line_no].append(part)
    sums: dict[tuple[str, int | None], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in lines:
        members = of_line[line.line_no] or [Part(line.line_no, None, 1)]
        whole = sum(part.micros for part in members)
        printed = line.net_minor if not with_tax or line.gross_minor is None else line.gross_minor
        exact = [Fraction(printed * part.micros, whole) if whole else Fraction(0) for part in members]
        for part, minor in zip(members, spread(printed, exact), strict=True):
            sums[line.group, part.user][_COLUMN.get(line.section, _OTHER)] += minor
    groups = list(dict.fromkeys(line.group for line in lines))
    order = sorted(sums, key=lambda key: (groups.index(key[0]), key[1] is None, names.get(key[1] or 0, "")))
    return tuple(
        UserTotal(group, names.get(user, "") if user is not None else "", *sums[group, user]) for group, user in order
    )
