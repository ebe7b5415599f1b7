"""Ardoise: telecom billing and call accounting. Start with `flow.py`, then `ARCHITECTURE.md`."""

__version__ = "0.1.0"
