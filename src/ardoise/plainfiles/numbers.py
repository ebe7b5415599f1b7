"""Numbers in plain files: people write "+33472000001" or "0472000001", the directory keeps Usage.number_key."""

from __future__ import annotations

import re

from ardoise.core.phone import DialPlan, identify


def key_of(text: str, *, country: str) -> str:
    """The key of a number as people write it; "?login" (SIP) and "!3639" (short number) are keys already."""
    if text.startswith(("?", "!")):
        return text
    if re.fullmatch(r"\+[1-9][0-9]{5,14}", text):
        return text[1:]
    return identify(text, DialPlan(country=country), outgoing=False).key


def written(key: str) -> str:
    """The inverse of `key_of` on every key."""
    return f"+{key}" if key[:1].isdigit() else key
