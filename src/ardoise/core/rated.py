"""What rating says of one usage: priced, unpriced with a reason, or excluded by a named rule, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ardoise.core.allowances import RETAIL, Draw, covered_of
from ardoise.core.attribution import Attribution
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare, LaterRow
from ardoise.core.tariffs import Promotion, TariffVersion
from ardoise.core.usage import CallStatus, Usage


class State(StrEnum):
    PRICED = "priced"
    UNPRICED = "unpriced"
    EXCLUDED = "excluded"


class Why(StrEnum):
    """Reasons of an unpriced call, rules of an excluded one."""

    NONE = ""
    UNKNOWN_NUMBER = "unknown_number"  # no number, or text that no tariff has a row for
    NO_TARIFF = "no_tariff"  # no tariff on the line, its accounts or the issuer
    NO_VERSION = "no_version"  # tariffs, but none has a version in force at the moment of the call
    NO_RATE = "no_rate"  # versions, but no row for the number
    NO_COST = "no_cost"  # a row that prices by the cost, and no cost is known
    INTERNAL = "internal"
    NO_DETAIL = "no_detail"
    UNANSWERED = "unanswered"
    INCOMING = "incoming"


class PartName(StrEnum):
    """`access` is the call itself (C), kept as its key whatever its state; `service` the surcharge of an SVA number
    (S).
    """

    ACCESS = "access"
    SERVICE = "service"


class Section(StrEnum):
    """Where a priced part stands on a telecom bill."""

    NONE = ""
    INCLUDED = "included"
    BEYOND = "beyond"
    OUTSIDE = "outside"
    THIRD_PARTY = "third_party"


NOT_ANSWERED = (CallStatus.UNANSWERED, CallStatus.ABANDONED, CallStatus.BUSY, CallStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Match:
    """The row that prices a usage, in the band of its start, and the changes of band while it lasts.

    `through`: the code of the linked tariff when the row is that of its parent.
    """

    rate: CompiledRate
    version: TariffVersion
    band: str
    later: tuple[LaterRow, ...] = ()
    through: str = ""

    def fare(self, cost_micros: int | None = None) -> Fare:
        """What the usage pays; the cost is only asked by a row with a coefficient."""
        return Fare(self.rate, self.later, cost_micros)


@dataclass(frozen=True, slots=True)
class RatedPart:
    """One charge to be, with everything that explains it. Amounts in micros; None when there is no price.

    `cost_micros` is in the currency of the price, or of the operator's tariff when there is no price.
    """

    usage: Usage
    payer: Attribution
    part: PartName
    month: str
    state: State
    why: Why
    section: Section = Section.NONE
    billed_s: int = 0
    match: Match | None = None
    draws: tuple[Draw, ...] = ()
    amount_micros: int | None = None
    cost_micros: int | None = None
    cost_match: Match | None = None
    printed_micros: int | None = None
    residue: str = ""  # what amount_micros lacks of the exact amount, when it is rounded at the invoice line
    promotion: Promotion | None = None
    promoted: int = 0  # how much of the call it applies to, in what it counts; 0 = all of it
    level: str = RETAIL  # or reseller1, reseller2 ...: the account that resells to the one before

    @property
    def covered_s(self) -> int:
        return covered_of(self.draws)
