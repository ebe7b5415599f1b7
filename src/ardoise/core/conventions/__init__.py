"""Which conventions explain the calls an operator priced: docs/algorithms/conventions.md."""

from ardoise.core.conventions.causes import Cause, CauseKind, Unexplained
from ardoise.core.conventions.finder import Audit, NothingToCompare, find
from ardoise.core.conventions.model import Convention, Deck, PricedCall, Terms, as_tariff
from ardoise.core.conventions.verdict import Decider, Doubt, differing, field

__all__ = [
    "Audit",
    "Cause",
    "CauseKind",
    "Convention",
    "Decider",
    "Deck",
    "Doubt",
    "NothingToCompare",
    "PricedCall",
    "Terms",
    "Unexplained",
    "as_tariff",
    "differing",
    "field",
    "find",
]
