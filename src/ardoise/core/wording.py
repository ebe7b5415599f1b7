"""Things counted in words: a number and a noun that agrees with it, in English or in French."""

from __future__ import annotations

from ardoise.core.money import count_text


def counted(number: int, noun: str, plural: str = "", *, french: bool = False) -> str:
    """ "1 call", "0 calls", "2,345 calls"; « 1 appel », « 0 appel », « 2 345 appels ». `plural` where it takes no s."""
    one = abs(number) <= 1 if french else abs(number) == 1
    return f"{count_text(number, french=french)} {noun if one else plural or noun + 's'}"
