"""Whatever a file holds, it is a deck or a refusal with places; what is read is what was written, to the last digit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as draw

from ardoise.catalog.decks.deck import Key, Priced, Terms
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.problems import DeckRefused
from ardoise.catalog.decks.queries import TariffShown, VersionShown
from ardoise.catalog.decks.reading import Target, read_deck
from ardoise.catalog.decks.writing import as_csv, as_xlsx, deck_table
from ardoise.catalog.decks.zones import KnownZone

TODAY = date(2026, 11, 5)
TARGET = Target("EUR", frozenset({"nuit"}), TODAY)

HEADERS = """Code|Prefix|Country Code|Area Code|Destination|Zone|Rate|Price USD|Tarif (€/min)|Rate per second|Effective
End date|Increment|First|Next|Off-peak|Band|Status||x"""
CELLS = """33|+336|0044|33-36|33, 34|33,612|3.3E+10|0.02|0,02|1,234|-1|€ 5|1.2.3|60/60|0/1|05/06/2026|31/02/2026
2026-12-01|2026-13-01|nuit|deleted|France||"|#1"""

headers = draw.builds(
    lambda sure, more: [*sure, *more],
    draw.sampled_from((["Code", "Destination", "Rate"], ["Country Code", "Area Code", "Zone", "Tarif"], [])),
    draw.lists(draw.sampled_from(HEADERS.replace("\n", "|").split("|")), max_size=4),
)
cells = draw.sampled_from(CELLS.replace("\n", "|").split("|")) | draw.text(max_size=8)


@given(
    headers,
    draw.lists(draw.lists(cells, max_size=8), max_size=6),
    draw.sampled_from(",;\t|"),
    draw.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
)
def test_any_table_is_read_or_refused_with_sentences(
    header: list[str], rows: list[list[str]], separator: str, encoding: str
) -> None:
    text = "\n".join(separator.join(row) for row in [header, *rows])
    try:
        deck = read_deck(text.encode(encoding, "replace"), file="deck.csv", layout=Layout(), target=TARGET)
    except DeckRefused as refusal:
        assert refusal.problems
        assert all(problem.message and str(problem).isprintable() for problem in refusal.problems)
    else:
        assert all(entry.terms is None or entry.terms.price_per_min is not None for entry in deck.entries)
        assert len({(entry.key, entry.from_date) for entry in deck.entries}) == len(deck.entries)


@given(draw.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_deck(data, file="deck", layout=Layout(), target=TARGET)
    except DeckRefused as refusal:
        assert refusal.problems


prices = draw.decimals(0, 1000, places=8)
terms = draw.builds(
    lambda price, first_s, next_s, fee, free_s, maximum: Terms(
        price_per_min=price, first_s=first_s, next_s=next_s, connection_fee=fee, free_s=free_s, maximum=maximum
    ),
    prices,
    draw.integers(1, 3600),
    draw.integers(1, 3600),
    prices,
    draw.integers(0, 60),
    draw.none() | prices,
)
keys = draw.builds(
    lambda prefix, exact, band, origin: Key(prefix, exact=exact, band=band, origin=origin),
    draw.from_regex(r"\A(\+[1-9][0-9]{0,14}|[0-9]{2,6}|\+|=[a-z]{1,9})\Z"),
    draw.booleans(),
    draw.sampled_from(("", "nuit")),
    draw.sampled_from(("", "+44")),
)


@given(draw.dictionaries(keys, terms, min_size=1, max_size=12), draw.sampled_from((as_csv, as_xlsx)))
def test_a_version_written_as_a_deck_reads_as_itself(rows: dict[Key, Terms], write: object) -> None:
    version = VersionShown(1, TODAY, None, len(rows))
    tariff = TariffShown("t", "t", "EUR", "ht", frozenset({"nuit"}), (version,))
    priced = {key: Priced("z", one) for key, one in rows.items()}
    table = deck_table(priced, tariff, version, zones=[KnownZone("z", "=Zone", "Zone")])
    deck = read_deck(write(*table), file="deck", layout=Layout(), target=TARGET)  # type: ignore[operator]
    assert {entry.key: entry.terms for entry in deck.entries} == rows
    assert {entry.destination.name for entry in deck.entries} == {"=Zone"}
    assert {str(entry.from_date) for entry in deck.entries} == {"2026-11-05"}
    assert all(isinstance(entry.terms.price_per_min, Decimal) for entry in deck.entries if entry.terms)
