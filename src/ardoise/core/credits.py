"""Credits after issue: how much of one may be made, what of it is in favour of a customer, how much the next document
takes. Cents, tax included. How a credit note is computed from its invoice: `core.credit_notes.credit`.
docs/algorithms/credits.md has the worked tables.
"""

from __future__ import annotations


def capped_minor(asked_minor: int, *, billed_minor: int, credited_minor: int = 0) -> int:
    """A credit, never more than what was billed and not credited before, never under zero."""
    return max(0, min(asked_minor, billed_minor - credited_minor))


def in_favour_minor(owed_minor: int) -> int:
    """What a customer has to its credit, of what it owes: paid beyond what its documents come to. It may be refunded;
    the rest of a credit only lowers what is owed.
    """
    return max(0, -owed_minor)


def taken_minor(credit_minor: int, *, due_minor: int) -> int:
    """What of a credit a document takes as paid before: as far as it goes. One in favour of the customer takes none."""
    return max(0, min(credit_minor, due_minor))
