"""Who pays: identifier -> line -> account -> root, at the moment of the call. The first step of rating.

The line is named, in this order, by the extension the PBX charges, by the one that called or answered, by the DDI
received or the number presented ("SDA fixe"). The rule that named it is kept, so that anybody can ask why a call is on
this account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ardoise.core.snapshot import IdentifierKind, LineAssignment, Snapshot, SnapshotAccount, SnapshotIdentifier
from ardoise.core.usage import Usage

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""An open beginning, for comparisons."""


class NoLine(StrEnum):
    """Why nobody can be named."""

    NO_SOURCE = "no_source"  # the snapshot does not know the source: neither its company nor its month can be told
    NO_LINE = "no_line"  # no identifier of the call is known at that moment
    NO_ACCOUNT = "no_account"  # the line is known, but no account holds it at that moment


class IncompleteSnapshot(ValueError):
    """A record of the snapshot names another one that is not there."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """`line_id` is None only for a quote asked for an account."""

    line_id: int | None
    account_id: int
    root_id: int
    issuer_id: int
    identifier_rule: str  # charged, party, ddi
    billable: bool
    no_detail: bool


@dataclass(frozen=True, slots=True)
class Unattributed:
    """A call that names no line: it stays out of the charges until its identifiers are registered."""

    usage_id: str
    source: str
    charged: str
    party: str
    ddi: str
    why: NoLine


def in_force(at: datetime, *, valid_from_at: datetime | None, valid_to_at: datetime | None) -> bool:
    """Half-open validity, None = open."""
    return (valid_from_at is None or valid_from_at <= at) and (valid_to_at is None or at < valid_to_at)


def root_bucket(root_id: int, *, buckets: int) -> int:
    """The partition of a customer's charges: a function of its immutable id and nothing else."""
    return root_id % buckets


class Attributor:
    """The directory of one snapshot, indexed for questions at any instant."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.accounts: dict[int, SnapshotAccount] = {account.account_id: account for account in snapshot.accounts}
        self._no_detail = {line.line_id: line.no_detail for line in snapshot.lines}
        self._issuer_of_source = {source.code: source.issuer_id for source in snapshot.sources}
        self._assignments: dict[int, list[LineAssignment]] = {}
        for assignment in snapshot.assignments:
            if assignment.account_id not in self.accounts:
                raise IncompleteSnapshot(
                    f"line {assignment.line_id} is assigned to account {assignment.account_id}, "
                    "which the snapshot lacks"
                )
            self._assignments.setdefault(assignment.line_id, []).append(assignment)
        self._identifiers: dict[tuple[str, IdentifierKind, str], list[SnapshotIdentifier]] = {}
        for identifier in snapshot.identifiers:
            key = (identifier.source, identifier.kind, identifier.value)
            self._identifiers.setdefault(key, []).append(identifier)
        self._ancestors = {account_id: self._climb(account_id) for account_id in self.accounts}

    def _climb(self, account_id: int) -> tuple[int, ...]:
        chain = [account_id]
        while (parent_id := self.accounts[chain[-1]].parent_id) is not None:
            if parent_id in chain or parent_id not in self.accounts:
                raise IncompleteSnapshot(f"account {chain[-1]} has parent {parent_id}: missing, or its own descendant")
            chain.append(parent_id)
        return tuple(chain)

    def ancestors(self, account_id: int) -> tuple[int, ...]:
        """The account itself, then its parents up to the root."""
        return self._ancestors[account_id]

    def attribute(self, usage: Usage) -> Attribution | Unattributed:
        """Name the line and the payer of one call."""
        found = self.named(
            source=usage.source, charged=usage.charged, party=usage.party, ddi=usage.ddi, at=usage.answered_at
        )
        if isinstance(found, Attribution):
            return found
        return Unattributed(usage.usage_id, usage.source, usage.charged, usage.party, usage.ddi, found)

    def named(self, *, source: str, charged: str, party: str, ddi: str, at: datetime) -> Attribution | NoLine:
        """The same, for the three identifiers of a source at an instant."""
        if source not in self._issuer_of_source:
            return NoLine.NO_SOURCE
        failure = NoLine.NO_LINE
        for rule, kind, value in (
            ("charged", IdentifierKind.EXTENSION, charged),
            ("party", IdentifierKind.EXTENSION, party),
            ("ddi", IdentifierKind.NUMBER, ddi),
        ):
            line_id = self._line(source, kind, value, at) if value else None
            if line_id is None:
                continue
            account = self._account(line_id, at)
            if account is not None:
                return self.of_account(account, line_id=line_id, identifier_rule=rule)
            failure = NoLine.NO_ACCOUNT
        return failure

    def of_line(self, line_id: int, at: datetime) -> Attribution | NoLine:
        """Who pays for a line at an instant, when the line itself is known (a quote)."""
        account = self._account(line_id, at)
        return NoLine.NO_ACCOUNT if account is None else self.of_account(account, line_id=line_id, identifier_rule="")

    def of_account(
        self, account: SnapshotAccount, *, line_id: int | None = None, identifier_rule: str = ""
    ) -> Attribution:
        return Attribution(
            line_id=line_id,
            account_id=account.account_id,
            root_id=account.root_id,
            issuer_id=account.issuer_id,
            identifier_rule=identifier_rule,
            billable=account.billable,
            no_detail=line_id is not None and self._no_detail.get(line_id, False),
        )

    def _line(self, source: str, kind: IdentifierKind, value: str, at: datetime) -> int | None:
        """The source's own identifier, else the one of any source; a company's own line before another's."""
        for owner in dict.fromkeys((source, "")):
            valid = [
                known
                for known in self._identifiers.get((owner, kind, value), ())
                if in_force(at, valid_from_at=known.valid_from_at, valid_to_at=known.valid_to_at)
            ]
            if len(valid) > 1:
                issuer_id = self._issuer_of_source[source]
                own = [known for known in valid if self._issuer_of_line(known.line_id, at) == issuer_id]
                valid = own or valid
            if valid:
                return max(valid, key=lambda known: (known.valid_from_at or LONG_AGO, -known.line_id)).line_id
        return None

    def _issuer_of_line(self, line_id: int, at: datetime) -> int | None:
        account = self._account(line_id, at)
        return None if account is None else account.issuer_id

    def _account(self, line_id: int, at: datetime) -> SnapshotAccount | None:
        valid = [
            assignment
            for assignment in self._assignments.get(line_id, ())
            if in_force(at, valid_from_at=assignment.valid_from_at, valid_to_at=assignment.valid_to_at)
        ]
        if not valid:
            return None
        latest = max(valid, key=lambda known: (known.valid_from_at or LONG_AGO, -known.account_id))
        return self.accounts[latest.account_id]
