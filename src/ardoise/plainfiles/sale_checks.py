"""Errors between rows of what is sold: products that no run could bill, subscriptions of what is no subscription."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from ardoise.catalog.values import discount_of, meter_of, tier_of
from ardoise.core.counting import CountAt
from ardoise.core.discounts import DiscountError
from ardoise.core.engagement import LONGEST_FOR_CONSUMERS_MONTHS
from ardoise.core.metering import MeterError, Tier
from ardoise.core.recurring import FirstStub
from ardoise.plainfiles.problems import Problem, one_of
from ardoise.plainfiles.rows import Cells
from ardoise.plainfiles.world import World


def _kinds(world: World) -> Iterator[Problem]:
    products = world.cells["products"]

    def kind_of(product: str) -> str:
        return str(products[product,]["kind"]) if (product,) in products else ""

    for row in world.rows("subscriptions"):
        if bool(row.cells["product"]) == bool(row.cells["plan"]):
            yield row.problem("product", "write a product or a plan, and only one of them")
        if kind_of(row.cells["product"]) == "one_off":
            yield row.problem(
                "product", f"« {row.cells['product']} » is one_off; a subscription needs a recurring product"
            )
    for row in world.rows("plans"):
        if kind_of(row.cells["product"]) == "one_off":
            yield row.problem("product", f"« {row.cells['product']} » is one_off; a plan needs a recurring product")
    for row in world.rows("purchases"):
        if kind_of(row.cells["product"]) == "recurring":
            yield row.problem("product", f"« {row.cells['product']} » is recurring; write it in subscriptions.csv")


def _products(world: World) -> Iterator[Problem]:
    for row in world.rows("products"):
        cells = row.cells
        if cells["counted"] and cells["in_advance"] and not CountAt(cells["counted_at"]).known_in_advance:
            yield row.problem(
                "counted_at", f"« {cells['counted_at']} » is known when the period is over; write in_advance no"
            )
        if cells["counted_of"] and cells["counted"] not in ("lines", "plans"):
            yield row.problem("counted_of", "lines and plans only are counted by kind; write counted, or nothing here")
        if cells["counted"] == "plans" and (cells["counted_of"],) not in world.cells["plans"]:
            yield row.problem("counted_of", "names the plan whose lines are counted; write the code of a plan")
        if (cells["first_stub"] == FirstStub.BY_DAYS) != bool(cells["deferred_below_days"]):
            yield row.problem("deferred_below_days", "goes with first_stub by_days; write both, or neither")
        if cells["exit_share"] > 100:
            yield row.problem("exit_share", f"« {cells['exit_share']} » is more than what is left; write 100 at most")


def _minimum_terms(world: World) -> Iterator[Problem]:
    for row in world.rows("subscriptions"):
        product = _product_of(world, row.cells)
        account = world.cells["accounts"].get((row.cells["account"],))
        months = product["engaged_months"] if product else 0
        if account and account["audience"] == "B2C" and months > LONGEST_FOR_CONSUMERS_MONTHS:
            yield row.problem(
                "plan" if row.cells["plan"] else "product",
                f"engages a consumer for {months} months; choose one of {LONGEST_FOR_CONSUMERS_MONTHS} at most "
                "(Code de la consommation, article L224-28)",
            )


def _product_of(world: World, cells: Cells) -> dict[str, Any] | None:
    plan = world.cells["plans"].get((cells["plan"],))
    return world.cells["products"].get((plan["product"] if plan else cells["product"],))


def _one_customer(world: World) -> Iterator[Problem]:
    """All terms of a subscription are of one line; of one account too, but for an account that moved on a day."""
    holders: dict[str, str] = {}
    for cells in world.cells["subscriptions"].values():
        if cells["change"] == 0:
            holders[cells["reference"]] = cells["line"]
    for row in world.rows("subscriptions"):
        first = holders.get(row.cells["reference"])
        if first is None:
            yield row.problem("change", f"« {row.cells['reference']} » has no row without a change; write that one too")
        elif first != row.cells["line"]:
            yield row.problem(
                "line", "is not the line that subscribed; end the subscription, and write another reference"
            )


def _prices(world: World) -> Iterator[Problem]:
    for row in world.rows("product_prices"):
        cells = row.cells
        if (cells["unit_price"] is None) == (cells["coefficient"] is None):
            yield row.problem("unit_price", "write a price or a coefficient, and only one of them")
        product = world.cells["products"].get((cells["product"],))
        told = (cells["valid_from_date"] - cells["notice_date"]).days
        if product and told < product["notice_days"] and cells["valid_to_date"] != cells["valid_from_date"]:
            yield row.problem(
                "notice_date",
                f"tells a new price {told} days before; {product['notice_days']} are asked (notice_days of the "
                "product): begin it later",
            )


def _meters(world: World) -> Iterator[Problem]:
    tiers: dict[str, list[Tier]] = defaultdict(list)
    for _, cells in sorted(world.cells["product_tiers"].items(), key=lambda pair: pair[0][1] or math.inf):
        tiers[cells["product"]].append(tier_of(cells))
    for row in world.rows("products"):
        if row.cells["metered"]:
            try:
                meter_of(row.cells, tuple(tiers[row.cells["code"]]))
            except MeterError as error:
                yield row.problem("metered", f"{error} (product_tiers.csv)")
            if row.cells["in_advance"]:
                yield row.problem("metered", "is known when the period is over; write in_advance no")
    references = {cells["reference"] for cells in world.cells["subscriptions"].values()}
    for row in world.rows("meter_readings"):
        if row.cells["reference"] not in references:
            yield row.problem("reference", f"« {row.cells['reference']} » is not a subscription; write its reference")


def _discounts(world: World) -> Iterator[Problem]:
    for row in world.rows("discounts"):
        try:
            discount_of(row.cells, 0, date.min, None)
        except DiscountError as error:
            yield row.problem("percentage", str(error))
        if row.cells["products"] and row.cells["section"]:
            yield row.problem("section", "products or a section are aimed at, not both; leave one of them empty")
    references = sorted({cells["reference"] for cells in world.cells["subscriptions"].values()})
    known = {"account": world.codes("accounts"), "issuer": world.codes("issuers"), "subscription": references}
    for row in world.rows("discount_grants"):
        if row.cells["owner"] not in known[row.cells["owner_kind"]]:
            yield row.problem("owner", one_of(row.cells["owner"], known[row.cells["owner_kind"]]))


def _commitments(world: World) -> Iterator[Problem]:
    for row in world.rows("commitments"):
        if row.cells["amount"] <= 0:
            yield row.problem("amount", "is the least of a period; write more than 0")


SALE_CHECKS = (_kinds, _products, _minimum_terms, _one_customer, _prices, _meters, _discounts, _commitments)
