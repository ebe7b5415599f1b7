"""How long a received number takes to be read: dial plan, French plan, overseas, world. The best of several rounds.

    python benchmarks/reading_numbers.py [--numbers 20000] [--json]

The aim is under 10 microseconds a number, so that reading never weighs beside parsing the ticket. The peer is the
`phonenumbers` library, which the house uses at import only.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import phonenumbers

from ardoise.core.phone import DialPlan, identify

PBX = DialPlan(outside_prefix="0", area="17345")
TEXTS = ("00612345678", "0000447700900123", "03639", "+33145678901", "anonymous")
ROUNDS = 3


def ours(text: str) -> object:
    return identify(text, PBX, outgoing=True)


def peer(text: str) -> object:
    """The library given what the dial plan would have left it: no outside prefix."""
    try:
        number = phonenumbers.parse(text.removeprefix("0"), "FR")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.number_type(number)


def best_us(read: Callable[[str], object], numbers: int) -> float:
    """Microseconds a number, of the best round."""
    times = max(1, numbers // len(TEXTS))
    for text in TEXTS:
        read(text)  # the tables are parsed at first use
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            for text in TEXTS:
                read(text)
        rounds.append(time.perf_counter() - start)
    return min(rounds) / (times * len(TEXTS)) * 1e6


def run(numbers: int) -> dict[str, object]:
    us, peer_us = best_us(ours, numbers), best_us(peer, numbers)
    return {"us_a_number": round(us, 2), "phonenumbers_us": round(peer_us, 2), "times_faster": round(peer_us / us, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    measured = run(asked.numbers)
    if asked.json:
        print(json.dumps(measured))
    else:
        print(
            f"{measured['us_a_number']} µs a number; phonenumbers {measured['phonenumbers_us']} µs: "
            f"{measured['times_faster']} times faster"
        )


if __name__ == "__main__":
    main()
