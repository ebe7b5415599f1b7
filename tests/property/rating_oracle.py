"""The oracle: what every usage must cost, written to be read and not to be fast.

Nothing here is taken from the product but its value types: prefixes by dict, local time by zoneinfo, money in Fraction,
increments block by block. Where it disagrees with the product, one of them is wrong. `oracle_time`: bands and months;
`oracle_price`: the price of a row; `oracle_included`: allowances and promotions; here: who pays, along which tariffs,
at which levels, and what stands in the charge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.property.oracle_included import Frozen, Included, Payer, Taken, fee, months_after, valid
from tests.property.oracle_price import Row, RowAt, counted, remainder, rounded, service, settle, stretch, whole
from tests.property.oracle_time import Bands, month_at

from ardoise.core.snapshot import Snapshot, SnapshotAccount, TariffLink
from ardoise.core.tariffs import Adjustment, Rate, Tariff, TariffVersion
from ardoise.core.usage import Usage

Charge = dict[str, object]


Issued = Mapping[tuple[str, str], Frozen]
"""(usage id, level) -> what the charge on an issued document took."""


def charges(
    snapshot: Snapshot, calls: Sequence[Usage], month: str, issued: Issued | None = None
) -> tuple[list[Charge], list[str]]:
    """The rows of the month, sorted, and the ids of the calls that nobody can be charged for."""
    return Oracle(snapshot, month, issued).charges(calls)


def taken_by(row: Charge) -> Frozen:
    """What an access charge took."""
    text = str(row["draws"]) or (f"{row['allowance_id']}:{row['covered_s']}" if row["allowance_id"] else "")
    draws = tuple(
        (int(allowance), int(covered)) for allowance, covered in (draw.split(":") for draw in text.split(";") if draw)
    )
    return Frozen(draws, row["promotion_id"], row["promoted"])  # type: ignore[arg-type]


def sort_key(row: Charge) -> tuple[object, ...]:
    return row["account_id"], row["at"], row["origin_id"], row["level"], row["part"]


@dataclass(frozen=True)
class Asked:
    """A tariff of a chain, and what its prices become there, nearest to its rows first."""

    tariff: Tariff
    adjustments: tuple[Adjustment, ...]


@dataclass(frozen=True)
class Found:
    asked: Asked
    version: TariffVersion
    rate: Rate
    band: str
    row: Row

    @property
    def tariff(self) -> Tariff:
        return self.asked.tariff


@dataclass(frozen=True)
class Cost:
    access: int
    service: int
    currency: str


@dataclass(frozen=True)
class Missing:
    """Why no tariff of a chain has a row. `linked`: any tariff of the direction stands in the chain."""

    why: str
    linked: bool


class Oracle:
    def __init__(self, snapshot: Snapshot, month: str, issued: Issued | None = None) -> None:
        self.snapshot, self.month, self.issued = snapshot, month, issued or {}
        self.accounts = {account.account_id: account for account in snapshot.accounts}
        self.tariffs = {tariff.tariff_id: tariff for tariff in snapshot.tariffs}
        self.sources = {source.code: source for source in snapshot.sources}
        self.secret = {line.line_id for line in snapshot.lines if line.no_detail}
        self.bands = Bands(snapshot)
        self.included = Included(snapshot, month)
        self._known_rows: dict[tuple[object, ...], Row] = {}
        self._rows: dict[tuple[int, str, bool, str], list[Rate]] = {}
        for tariff in snapshot.tariffs:
            for version in tariff.versions:
                for rate in version.rates:
                    key = version.version_id, rate.kind.value, rate.exact, rate.prefix
                    self._rows.setdefault(key, []).append(rate)

    def charges(self, calls: Sequence[Usage]) -> tuple[list[Charge], list[str]]:
        rows: list[Charge] = []
        nobody: list[str] = []
        first = {usage_id for usage_id, _ in self.issued}
        for call in sorted(calls, key=lambda known: (known.usage_id not in first, known.answered_at, known.usage_id)):
            source = self.sources.get(call.source)
            zone = "UTC" if source is None else self.snapshot.issuers_zone[source.issuer_id]
            if month_at(zone, call.answered_at) != self.month:
                continue
            found = self.who(call)
            if found is None:
                nobody.append(call.usage_id)
                continue
            line_id, account_id, rule = found
            for payer in self.levels(line_id, account_id):
                rows += self.parts(call, payer, rule, secret=line_id in self.secret)
        return sorted(rows, key=sort_key), sorted(nobody)

    # -- who pays

    def who(self, call: Usage) -> tuple[int, int, str] | None:
        """(line, account, rule)"""
        source = self.sources.get(call.source)
        if source is None:
            return None
        for rule, kind, value in (
            ("charged", "extension", call.charged),
            ("party", "extension", call.party),
            ("ddi", "number", call.ddi),
        ):
            if not value:
                continue
            for owner in (call.source, ""):
                names = [
                    known
                    for known in self.snapshot.identifiers
                    if (known.source, known.kind.value, known.value) == (owner, kind, value)
                ]
                names = newest(names, call.answered_at)
                names.sort(key=lambda known: self.issuer_of(known.line_id, call.answered_at) != source.issuer_id)
                if names:
                    account_id = self.account_of(names[0].line_id, call.answered_at)
                    if account_id is not None:
                        return names[0].line_id, account_id, rule
                    break
        return None

    def account_of(self, line_id: int, at: datetime) -> int | None:
        held = newest([known for known in self.snapshot.assignments if known.line_id == line_id], at)
        return held[0].account_id if held else None

    def issuer_of(self, line_id: int, at: datetime) -> int | None:
        account_id = self.account_of(line_id, at)
        return None if account_id is None else self.accounts[account_id].issuer_id

    def levels(self, line_id: int, account_id: int) -> list[Payer]:
        """The customer, then the account that resells to its root, and so on up."""
        account = self.accounts[account_id]
        found = [self.payer("retail", account, line_id)]
        while (reseller_id := self.accounts[account.root_id].reseller_id) is not None:
            account = self.accounts[reseller_id]
            found.append(self.payer(f"reseller{len(found)}", account, None))
        return found

    def payer(self, level: str, account: SnapshotAccount, line_id: int | None) -> Payer:
        family = [account.account_id]
        while (parent_id := self.accounts[family[-1]].parent_id) is not None:
            family.append(parent_id)
        return Payer(level, account.issuer_id, account.root_id, account.account_id, line_id, tuple(family))

    def left_over(self) -> dict[tuple[object, str], int]:
        """(counter, month earned) -> what the allowances take to the next month, once the charges are made."""
        following = date.fromisoformat(f"{months_after(self.month, 1)}-01")
        found: dict[tuple[object, str], int] = {}
        for account in self.snapshot.accounts:
            zone = ZoneInfo(self.snapshot.issuers_zone[account.issuer_id])
            midnight = datetime(following.year, following.month, 1, tzinfo=zone)
            at = midnight.astimezone(UTC) - timedelta(microseconds=1)
            lines = [known.line_id for known in self.snapshot.lines]
            own = [line_id for line_id in lines if self.account_of(line_id, at) == account.account_id]
            payers = [self.payer("retail", account, line_id) for line_id in (*own, None)]
            for lot, left in self.included.left_over(payers, at).items():
                found[lot] = max(left, found.get(lot, 0))
        return found

    # -- which row

    def chain(self, nodes: Sequence[tuple[str, int]], call: Usage, trunk: str | None = None) -> list[Asked]:
        """The tariffs asked for this usage, first to last: each linked one, then its parents."""
        wanted = call.direction.value == "in"
        found: list[Asked] = []
        for node in nodes:
            links = [
                link
                for link in self.snapshot.links
                if (link.owner_kind.value, link.owner_id) == node
                and valid(link, call.answered_at)
                and (trunk is None or link.trunk == trunk)
            ]
            for link in sorted(links, key=lambda known: (known.rank, known.tariff_id)):
                found += self.with_parents(link)
        return [asked for asked in found if asked.tariff.incoming == wanted]

    def with_parents(self, link: TariffLink) -> list[Asked]:
        tariff, adjustments = self.tariffs[link.tariff_id], (link.adjustment,)
        found = [Asked(tariff, adjustments)]
        while tariff.parent is not None:
            adjustments = (tariff.parent.adjustment, *adjustments)
            tariff = self.tariffs[tariff.parent.tariff_id]
            found.append(Asked(tariff, adjustments))
        return found

    def look_up(self, chain: Sequence[Asked], call: Usage, key: str, *, longest: bool) -> Found | Missing:
        if not key and call.kind.value == "call":
            return Missing("unknown_number", bool(chain))
        dated, candidates = False, []
        for asked in chain:
            versions = [version for version in asked.tariff.versions if valid(version, call.answered_at)]
            if not versions:
                continue
            dated = True
            version = max(versions, key=lambda known: (known.valid_from_at, known.version_id))
            band = self.bands.at(asked.tariff.calendar, call.answered_at)
            place_and_rate = self.row_for(version, call, key, band)
            if place_and_rate is not None:
                place, rate = place_and_rate
                row = self.row(asked, rate)
                candidates.append((place, len(candidates), Found(asked, version, rate, band, row)))
                if not longest:
                    break
        if candidates:
            return min(candidates, key=lambda known: known[:2])[2]
        if not chain:
            return Missing("no_tariff", False)
        if not dated:
            return Missing("no_version", True)
        return Missing("unknown_number" if key[:1] in ("", "?") else "no_rate", True)

    def row_for(self, version: TariffVersion, call: Usage, key: str, band: str) -> tuple[int, Rate] | None:
        """How near (exact, category, then the longest prefix) and the row."""
        kind = call.kind.value
        digits = all(character in "0123456789" for character in key)
        places: list[tuple[bool, str]] = [(True, key), (False, f"={call.number_category}")]
        places += [(False, key[:length]) for length in range(len(key), -1, -1)]
        for place, (exact, prefix) in enumerate(places):
            if prefix == "" and kind == "call" and not digits:
                continue
            if prefix in ("", "=") and place < 2:
                continue  # neither a number nor a category
            rows = [
                rate
                for rate in self._rows.get((version.version_id, kind, exact, prefix), [])
                if call.origin.startswith(rate.origin) and rate.band in (band, "")
            ]
            if rows:
                best = max(rows, key=lambda rate: (len(rate.origin), rate.band != ""))
                return min(place, 2) - (len(prefix) if place >= 2 else 10**6), best
        return None

    def row(self, asked: Asked, rate: Rate) -> Row:
        key = asked.tariff.tariff_id, asked.adjustments, id(rate)
        if key not in self._known_rows:
            self._known_rows[key] = Row(asked.tariff, rate, asked.adjustments)
        return self._known_rows[key]

    def rows_at(self, found: Found, call: Usage, key: str, first_second: int) -> RowAt | None:
        """The band and row of each chargeable second of a call whose tariff looks beyond the start."""
        tariff = found.tariff
        if call.kind.value != "call" or tariff.band_border.value == "start" or not tariff.calendar:
            return None
        rows: dict[str, Row | None] = {found.band: found.row}
        start = call.answered_at + timedelta(seconds=first_second)

        def row_at(second: int) -> tuple[str, Row | None]:
            band = self.bands.at(tariff.calendar, start + timedelta(seconds=second))
            if band not in rows:
                known = self.row_for(found.version, call, key, band)
                rows[band] = None if known is None else self.row(found.asked, known[1])
            return band, rows[band]

        return row_at

    # -- what it costs

    def cost(self, call: Usage, key: str, attempt: bool) -> Cost | None:
        """What the operator's tariff asks, in its own currency."""
        source = self.sources[call.source]
        nodes = [("source", source.source_id)]
        chain = self.chain(nodes, call, call.trunk) if call.trunk else []
        found = self.look_up([*chain, *self.chain(nodes, call, "")], call, key, longest=False)
        if isinstance(found, Missing) or found.rate.coefficient is not None:
            return None
        tariff = found.tariff
        if attempt or (call.quantity == 0 and not tariff.bill_zero_seconds):
            return Cost(settle(tariff, found.row.attempt_fee)[0], 0, tariff.currency)
        sign, quantity = (-1 if call.quantity < 0 else 1), abs(call.quantity)
        exact, _ = whole(found.row, quantity, self.rows_at(found, call, key, found.rate.free_s))
        third = settle(tariff, service(found.rate, call.quantity))[0]
        return Cost(settle(tariff, sign * exact)[0], third, tariff.currency)

    def exchanged(self, micros: int, currency: str, wanted: str, at: datetime) -> int | None:
        if currency == wanted:
            return micros
        known = [rate for rate in self.snapshot.exchange_rates if rate.valid_from_at <= at]
        for pair, inverse in (((currency, wanted), False), ((wanted, currency), True)):
            dated = [rate for rate in known if (rate.currency, rate.other) == pair]
            if dated:
                rate = Fraction(max(dated, key=lambda known: known.valid_from_at).rate)
                return rounded(micros / rate if inverse else micros * rate, "half_up")
        return None

    # -- the charge

    def parts(self, call: Usage, payer: Payer, rule: str, *, secret: bool) -> list[Charge]:
        key = "" if secret else call.number_key
        row: Charge = {
            "origin_id": call.usage_id, "level": payer.level, "part": "access", "issuer_id": payer.issuer_id,
            "root_id": payer.root_id, "account_id": payer.account_id, "line_id": payer.line_id,
            "identifier_rule": rule, "billable": self.accounts[payer.account_id].billable, "at": call.answered_at,
            "state": "excluded", "why": "", "section": "", "called": "" if secret else call.called, "number_key": key,
            "talk_s": call.talk_s, "kind": call.kind.value, "units": call.units, "billed_s": 0, "zone": "",
            "tariff_id": None, "version_id": None, "prefix": "", "band": "", "allowance_id": None, "covered_s": 0,
            "draws": "", "promotion_id": None, "promoted": 0, "residue": "", "amount_micros": None,
            "cost_micros": None, "printed_micros": call.operator_micros, "currency": "",
        }  # fmt: skip
        if call.direction.value == "internal" and not self.sources[call.source].prices_internal:
            return [row | {"why": "internal"}]
        if secret or "no_detail" in call.flags.split(","):
            return [row | {"why": "no_detail"}]
        incoming = call.direction.value == "in"
        unanswered = call.status.value in ("unanswered", "abandoned", "busy", "failed")
        nodes = [("account", known) for known in payer.family] + [("issuer", payer.issuer_id)]
        if payer.line_id is not None:
            nodes.insert(0, ("line", payer.line_id))
        longest = payer.issuer_id in self.snapshot.longest_over_all
        found = self.look_up(self.chain(nodes, call), call, key, longest=longest)
        if isinstance(found, Missing):
            if unanswered or call.quantity == 0:
                return [row | {"why": "unanswered"}]
            if incoming and not found.linked:
                return [row | {"why": "incoming"}]
            cost = self.cost(call, key, attempt=False)
            total = None if cost is None else cost.access + cost.service
            return [row | {"state": "unpriced", "why": found.why, "cost_micros": total}]
        row |= {
            "state": "priced", "zone": found.rate.zone, "tariff_id": found.tariff.tariff_id,
            "version_id": found.version.version_id, "prefix": found.rate.prefix, "band": found.band,
            "currency": found.tariff.currency,
        }  # fmt: skip
        if unanswered or (call.quantity == 0 and not found.tariff.bill_zero_seconds):
            return [self.attempt(row, call, found, key)]
        return self.answered(row, call, payer, found, key)

    def attempt(self, row: Charge, call: Usage, found: Found, key: str) -> Charge:
        if not found.row.attempt_fee or found.rate.coefficient is not None:
            nothing = {"tariff_id": None, "version_id": None, "prefix": "", "band": "", "zone": "", "currency": ""}
            return row | nothing | {"state": "excluded", "why": "unanswered"}
        amount, residue = settle(found.tariff, found.row.attempt_fee)
        cost = self.cost(call, key, attempt=True)
        return row | {
            "section": "outside", "amount_micros": amount, "residue": residue,
            "cost_micros": self.cost_total(cost, found, call),
        }  # fmt: skip

    def cost_total(self, cost: Cost | None, found: Found, call: Usage) -> int | None:
        if cost is None:
            return None
        return self.exchanged(cost.access + cost.service, cost.currency, found.tariff.currency, call.answered_at)

    def answered(self, row: Charge, call: Usage, payer: Payer, found: Found, key: str) -> list[Charge]:
        tariff, rate = found.tariff, found.rate
        sign, quantity = (-1 if call.quantity < 0 else 1), abs(call.quantity)
        cost = self.cost(call, key, attempt=False)
        total = self.cost_total(cost, found, call)
        length = counted(rate, quantity)
        demand = max(0, length - rate.free_s) if call.quantity > 0 else 0
        frozen = self.issued.get((call.usage_id, payer.level))

        def billed_alone(seconds: int) -> int:
            return max(seconds, stretch(found.row, seconds, None)[1])

        if rate.coefficient is not None:
            base = call.operator_micros if call.operator_micros is not None else total
            if base is None:
                nothing = {"tariff_id": None, "version_id": None, "prefix": "", "band": "", "zone": "", "currency": ""}
                return [row | nothing | {"state": "unpriced", "why": "no_cost"}]
            taken = self.included.take(call, payer, rate.zone, demand, frozen, billed_alone)
            uncovered = left_of(demand, taken)
            exact, billed = sign * Fraction(rate.coefficient) * base / 10**6, call.quantity
            if taken.draws:  # half covered, half charged
                exact, billed = exact * uncovered / demand, uncovered
        else:
            taken = self.included.take(call, payer, rate.zone, demand, frozen, billed_alone)
            uncovered = left_of(demand, taken)
            if taken.draws:
                exact, billed = remainder(found.row, uncovered, self.rows_at(found, call, key, length - uncovered))
            else:
                exact, billed = whole(found.row, quantity, self.rows_at(found, call, key, rate.free_s))
                billed *= sign
        promotion_id, promoted = None, 0
        if not taken.draws or uncovered:
            before = settle(tariff, sign * exact)[0]
            exact, promotion_id, promoted = self.included.promote(
                call, payer, rate.zone, uncovered=uncovered, exact=exact, undiscounted_micros=before, frozen=frozen
            )
        amount, residue = settle(tariff, sign * exact)
        # what counts usage draws first: a call that only money pays has no draws yet, and no fee
        amount = self.included.pay(call, payer, rate.zone, taken, amount + fee(taken), frozen)
        access = row | {
            "amount_micros": amount, "residue": residue, "billed_s": billed, "covered_s": taken.covered,
            "draws": taken.text, "allowance_id": taken.allowance_id, "promotion_id": promotion_id,
            "promoted": promoted, "section": "included" if taken.draws else "beyond" if taken.open else "outside",
        }  # fmt: skip
        if rate.service_per.value == "" or rate.service_price == 0:
            return [access | {"cost_micros": total}]
        amount, residue = settle(tariff, service(rate, call.quantity))
        split = (None, None)
        if cost is not None:
            at, currency = call.answered_at, tariff.currency
            split = (
                self.exchanged(cost.access, cost.currency, currency, at),
                self.exchanged(cost.service, cost.currency, currency, at),
            )
        third = row | {
            "part": "service", "section": "third_party", "billed_s": call.quantity, "printed_micros": None,
            "amount_micros": amount, "residue": residue, "cost_micros": split[1],
        }  # fmt: skip
        return [access | {"cost_micros": split[0]}, third]


def left_of(demand: int, taken: Taken) -> int:
    """What allowances leave of a demand: one that counts calls covers all of one."""
    if any(drawn.allowance.counted.value == "calls" for drawn in taken.draws):
        return 0
    return demand - sum(drawn.covered for drawn in taken.draws)


def newest(records: list, at: datetime) -> list:  # type: ignore[type-arg]
    kept = [record for record in records if valid(record, at)]
    return sorted(kept, key=lambda record: (record.valid_from_at is None, -(record.valid_from_at or at).timestamp()))
