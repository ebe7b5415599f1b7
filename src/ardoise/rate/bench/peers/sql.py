"""The query that the SQL peers share, with the few words that differ from engine to engine.

All arithmetic is on integers, so that it is exact everywhere. Prices are in 1e-4 euro a minute: a sum of price x
seconds is in 1/600,000 euro, 5/3 of a micro; a fee counts as its price for a minute. Rounding is half up, to `unit`
micros (1 or 100). An allowance is a running sum of seconds a counter, in order of answer: what of a call lies below its
quantity is covered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ardoise.core.schema import CHARGES
from ardoise.rate.bench import world

PRICING = ("prefix", "zone", "included", "price", "price2", "inc", "from2", "inc2", "fee")
"""Columns of a row of a tariff, beside its version and band."""

SUMS = f"""
select {CHARGES.state}, {CHARGES.why}, count(*), sum({CHARGES.amount_micros}), sum({CHARGES.cost_micros}),
       sum({CHARGES.billed_s}), sum({CHARGES.covered_s})
from charges group by 1, 2
"""
"""The rows of `Answer.of_states`."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`divide` is whole division. `longest` is the engine's own way to take the longest prefix: given an alias and the
    columns of version and band, the joins that give the row of `u.number_key` under that alias, or nulls; `first` is a
    table that these joins may use. `join`: the word for the joins that begin at the calls.
    """

    divide: str
    longest: Callable[[str, str, str], str]
    integer: str = "bigint"
    first: str = ""
    join: str = "join"


def _first(step: str, charge: str, divide: str) -> str:
    """Billed seconds at the first price: up to the second step, in increments."""
    stop = f"case when {step}_from2 > 0 and {step}_from2 < {charge} then {step}_from2 else {charge} end"
    return f"(({stop}) + {step}_inc - 1) {divide} {step}_inc * {step}_inc"


def _second(step: str, charge: str, divide: str) -> str:
    """Billed seconds at the second price: what the first step's increments left, in increments."""
    left = f"({charge} - {step}_first)"
    blocks = f"({left} + {step}_inc2 - 1) {divide} {step}_inc2 * {step}_inc2"
    return f"case when {step}_from2 > 0 and {left} > 0 then {blocks} else 0 end"


def _micros(step: str, fee: str, unit: str, divide: str) -> str:
    exact = f"({step}_price * {step}_first + {step}_price2 * {step}_second + {fee} * 60)"
    return f"({exact} * 200 + 60 * {unit}) {divide} (120 * {unit}) * {unit}"


def query(dialect: Dialect) -> str:
    """Every attributed call of `usage` as a row of charges, in no order."""
    parts = ", ".join(filter(None, (dialect.first, _attributed(dialect.join), _matched(dialect), _priced(dialect))))
    return f"with {parts} select {_columns(dialect)} from twice"


def _attributed(join: str) -> str:
    """Who pays, and which versions and which band hold at the instant of the call."""
    return f"""
named as (
    select u.*, i.line, case when u.charged <> '' then 'charged' else 'ddi' end as rule
    from usage u
    {join} identifier i on i.source = u.source and i.value = case when u.charged <> '' then u.charged else u.ddi end
),
paid as (
    select u.*, a.account, a.root, a.tariff, v.version, v.unit, v.bills_zero, b.band,
           w.version as c_version, w.unit as c_unit, w.bills_zero as c_bills_zero
    from named u
    {join} assignment a on a.line = u.line and u.answered_at >= a.from_at and u.answered_at < a.to_at
    {join} version v on v.tariff = a.tariff and u.answered_at >= v.from_at and u.answered_at < v.to_at
    {join} band b on b.calendar = v.calendar and u.answered_at >= b.from_at and u.answered_at < b.to_at
    {join} source s on s.source = u.source
    {join} version w on w.tariff = s.tariff and u.answered_at >= w.from_at and u.answered_at < w.to_at
)
"""


def _matched(dialect: Dialect) -> str:
    """The rows of price and cost, what excludes a call or leaves it without a price, and what it may draw from."""
    rows = ", ".join(f"{step}.{name} as {step}_{name}" for step in ("p", "c") for name in PRICING)
    silent = "(status = 'unanswered' or (direction = 'in' and talk_s = 0))"
    unbilled = "(talk_s = 0 and (p_price is null or not bills_zero))"
    return f"""
found as (
    select u.*, {rows}
    from paid u
    {dialect.longest("p", "u.version", "u.band")}
    {dialect.longest("c", "u.c_version", "''")}
),
decided as (
    select f.*,
           case when {silent} then 'unanswered' when direction = 'in' then 'incoming'
                when {unbilled} then 'unanswered' when p_price is null then 'no_rate' else '' end as why,
           coalesce(g.allowance, h.allowance) as allowance, coalesce(g.quantity, h.quantity) as quantity,
           coalesce(g.owner, h.owner) as owner
    from found f
    left join allowance g on g.owner = f.line
    left join allowance h on h.owner = -f.root
),
drawing as (
    select d.*, case when why = '' and p_included and owner is not null then talk_s end as demand_s from decided d
)
"""


def _priced(dialect: Dialect) -> str:
    """Seconds covered by the allowance, and billed seconds of both steps of price and cost."""
    divide = dialect.divide
    return f"""
summed as (
    select d.*,
           cast(sum(coalesce(demand_s, 0)) over (
               partition by case when demand_s is null then line * 2 else owner * 2 + 1 end
               order by answered_at, usage_id rows unbounded preceding
           ) as {dialect.integer}) as reached_s
    from drawing d
),
covered as (
    select s.*,
           case when demand_s is null or reached_s - talk_s >= quantity then 0
                when reached_s <= quantity then talk_s else quantity - reached_s + talk_s end as covered_s
    from summed s
),
charged_s as (
    select c.*, case when covered_s > 0 then talk_s - covered_s when talk_s > 0 then talk_s else 1 end as p_charge_s,
           case when talk_s > 0 then talk_s else 1 end as c_charge_s
    from covered c
),
once as (
    select c.*, {_first("p", "p_charge_s", divide)} as p_first, {_first("c", "c_charge_s", divide)} as c_first
    from charged_s c
),
twice as (
    select o.*, {_second("p", "p_charge_s", divide)} as p_second, {_second("c", "c_charge_s", divide)} as c_second
    from once o
)
"""


def _columns(dialect: Dialect) -> str:
    """The columns of CHARGES, in their order."""
    divide = dialect.divide
    priced, excluded = "why = ''", "why in ('unanswered', 'incoming')"
    fee = "case when covered_s > 0 then 0 else p_fee end"
    amount = _micros("p", fee, "unit", divide)
    cost = _micros("c", "c_fee", "c_unit", divide)
    made = {
        CHARGES.origin_kind: "'usage'",
        CHARGES.origin_id: "usage_id",
        CHARGES.level: "'retail'",
        CHARGES.part: "'access'",
        CHARGES.month: f"'{world.MONTH}'",
        CHARGES.issuer_id: "1",
        CHARGES.root_id: "root",
        CHARGES.account_id: "account",
        CHARGES.line_id: "line",
        CHARGES.state: f"case when {priced} then 'priced' when {excluded} then 'excluded' else 'unpriced' end",
        CHARGES.why: "why",
        CHARGES.billable: "true",
        CHARGES.section: f"case when not ({priced}) then '' when covered_s > 0 then 'included' "
        "when demand_s is not null then 'beyond' else 'outside' end",
        CHARGES.at: "answered_at",
        CHARGES.identifier_rule: "rule",
        CHARGES.billed_s: f"case when {priced} then p_first + p_second else 0 end",
        CHARGES.zone: f"case when {priced} then p_zone else '' end",
        CHARGES.tariff_id: f"case when {priced} then tariff end",
        CHARGES.version_id: f"case when {priced} then version end",
        CHARGES.prefix: f"case when {priced} then p_prefix else '' end",
        CHARGES.band: f"case when {priced} then band else '' end",
        CHARGES.allowance_id: "case when covered_s > 0 then allowance end",
        CHARGES.covered_s: "covered_s",
        CHARGES.amount_micros: f"case when {priced} then {amount} end",
        CHARGES.tax_basis: f"case when {priced} then 'ht' else '' end",
        CHARGES.currency: f"case when {priced} then 'EUR' else '' end",
        CHARGES.cost_micros: f"case when {excluded} or c_price is null then null "
        f"when talk_s = 0 and not c_bills_zero then 0 else {cost} end",
        CHARGES.printed_micros: "operator_micros",
        CHARGES.vat_nature: "'services'",
    }
    return ", ".join(f"{made.get(name) or _other(name, dialect)} as {name}" for name in CHARGES.columns())


COPIED = (
    CHARGES.source, CHARGES.direction, CHARGES.status, CHARGES.calling, CHARGES.called, CHARGES.number_key,
    CHARGES.number_category, CHARGES.talk_s, CHARGES.kind, CHARGES.units, CHARGES.account_code,
)  # fmt: skip


def _other(name: str, dialect: Dialect) -> str:
    if name in COPIED:
        return name
    column = CHARGES.columns()[name]
    if column.optional:
        return f"cast(null as {dialect.integer})"
    return "0" if column.type == "int" else "''"
