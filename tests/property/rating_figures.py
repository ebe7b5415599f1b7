"""What the property tests of rating went through, told at the end of a run."""

from __future__ import annotations

from collections import Counter

FIGURES: Counter[str] = Counter()
