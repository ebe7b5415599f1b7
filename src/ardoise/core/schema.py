"""The columns of the usage and charge tables: declared once (name, type, unit, meaning), used as `CHARGES.talk_s`.

`store` turns the types into files, `rate/columns` into arrays. Types: `text`, `label` (text with few distinct values),
`int`, `instant` (UTC, microseconds), `flag`. A column that may be empty says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    meaning: str
    unit: str = ""
    optional: bool = False
    name: str = ""

    def __set_name__(self, owner: object, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __get__(self, instance: object, owner: object = None) -> str:
        return self.name


class Table:
    """A table's columns; reading one gives its name, `columns()` gives them all in file order."""

    @classmethod
    def columns(cls) -> dict[str, Column]:
        return {name: column for name, column in vars(cls).items() if isinstance(column, Column)}


class USAGE(Table):
    """One row a call, partitioned by UTC month of answer and source. The fields of `core.usage.Usage`."""

    usage_id = Column("text", "ticket id of the first leg: source:segment:offset")
    source = Column("label", "code of the source")
    start_at = Column("instant", "first ringing or seizure")
    answered_at = Column("instant", "start + ringing, else start: decides version, band, period, allowance order")
    direction = Column("label", "in, out, internal, transferred, unknown")
    status = Column("label", "answered, unanswered, abandoned, busy, voicemail, failed")
    talk_s = Column("int", "conversation", "s")
    ring_s = Column("int", "ringing", "s")
    charged = Column("text", "extension the PBX charges")
    party = Column("text", "extension that called or answered")
    ddi = Column("text", "DDI received, or number presented")
    calling = Column("text", "calling number as received")
    called = Column("text", "called number as received")
    number_key = Column("text", "what tariffs match: E.164 digits, !short number, ?text, empty")
    number_category = Column("label", "category of the numbering plan")
    trunk = Column("label", "trunk")
    account_code = Column("text", "account code dialled by the user")
    asked = Column("text", "extension asked for")
    obtained = Column("text", "extension that took the call")
    transferred = Column("flag", "the call was transferred")
    legs = Column("int", "number of tickets it was made of")
    operator_micros = Column("int", "price printed by the operator", "1e-6 currency", optional=True)
    flags = Column("label", "dst_ambiguous, dst_missing, no_year, minute_precision, no_detail, low_confidence")
    kind = Column("label", "call, sms, mms, data, event")
    units = Column("int", "messages, octets or units of what is not a call; negative takes back")
    origin = Column("label", "number that calls, or visited network, that rates by origin match")
    shares = Column("text", "who talked how long, 201:33;202:180; empty = one extension", optional=True)


class CHARGES(Table):
    """One row an amount. The key is (origin_kind, origin_id, level, part). Partitioned by month and root bucket."""

    origin_kind = Column("label", "usage, recurring, purchase, adjustment")
    origin_id = Column("text", "usage id, or subscription:period, or purchase id")
    level = Column("label", "retail, or reseller and its rank from the customer: reseller1, reseller2")
    part = Column("label", "access, service, or empty")
    month = Column("label", "billing month YYYY-MM, of answered_at in the issuer's zone")
    issuer_id = Column("int", "issuer")
    root_id = Column("int", "customer at the top of the account tree")
    account_id = Column("int", "account that pays")
    line_id = Column("int", "line that used it", optional=True)
    state = Column("label", "priced, unpriced, excluded")
    why = Column("label", "reason of unpriced (no_tariff, no_rate ...), rule of excluded (internal, no_detail ...)")
    billable = Column("flag", "invoiced or on a statement; else priced and reported only")
    section = Column(
        "label", "part of a legal telecom bill: subscription, included, beyond, outside, one_off, third_party"
    )
    at = Column("instant", "answered_at of a call, start of a recurring period, date of a purchase")
    source = Column("label", "code of the source")
    direction = Column("label", "in, out, internal, transferred, unknown")
    status = Column("label", "answered, unanswered, abandoned, busy, voicemail, failed")
    identifier_rule = Column("label", "which identifier named the line: charged, party, ddi, provisional")
    calling = Column("text", "calling number as received")
    called = Column("text", "called number as received")
    number_key = Column("text", "what the tariff matched against")
    number_category = Column("label", "category of the numbering plan")
    talk_s = Column("int", "conversation", "s")
    billed_s = Column("int", "seconds (or units) charged after increments", "s")
    kind = Column("label", "call, sms, mms, data, event; empty for what is no usage")
    units = Column("int", "messages, octets or units of what is not a call")
    origin = Column("label", "number that calls, or visited network, that the row matched by origin")
    account_code = Column("text", "account code")
    zone = Column("label", "zone of the rate")
    tariff_id = Column("int", "tariff", optional=True)
    version_id = Column("int", "tariff version", optional=True)
    prefix = Column("text", "prefix of the rate that matched")
    band = Column("label", "band of the calendar")
    allowance_id = Column("int", "first allowance used", optional=True)
    covered_s = Column("int", "seconds (or what the allowance counts) covered", "s")
    draws = Column("text", "when several allowances covered: allowance:covered;allowance:covered, in their order")
    promotion_id = Column("int", "promotion applied", optional=True)
    promoted = Column("int", "how much of the usage it applied to, in what it counts; 0 = all of it")
    residue = Column("text", "exact rest n/d of a micro, of amounts rounded at the invoice line")
    amount_micros = Column("int", "price; empty when unpriced or excluded", "1e-6 currency", optional=True)
    tax_basis = Column("label", "ht or ttc: what amount_micros is")
    currency = Column("label", "ISO 4217")
    cost_micros = Column("int", "what the operator's tariff says it costs us, HT", "1e-6 currency", optional=True)
    printed_micros = Column("int", "what the operator printed", "1e-6 currency", optional=True)
    vat_nature = Column("label", "goods or services")
    label = Column("text", "product name of a recurring or purchased charge")
    quantity = Column("text", "exact decimal, of a recurring or purchased charge")
    product = Column("label", "code of the product of a recurring or purchased charge", optional=True)
    period_from = Column("label", "first date of a recurring charge, ISO")
    period_to = Column("label", "date after the last, ISO")


class FROZEN(CHARGES):
    """A charge bound to an issued document: write-once.

    A later document takes a charge back by a row of its own: same key, amounts and quantities negated, `cancels_id` the
    document whose row it cancels. A charge *stands* while no row cancels it (`store.queries.standing`).
    """

    document_id = Column("int", "invoice, credit note or statement")
    line_no = Column("int", "line of that document")
    cancels_id = Column("int", "document whose charge of the same key this row takes back", optional=True)

    @classmethod
    def columns(cls) -> dict[str, Column]:
        return {**CHARGES.columns(), **super().columns()}


CHARGE_KEY = (CHARGES.origin_kind, CHARGES.origin_id, CHARGES.level, CHARGES.part)
