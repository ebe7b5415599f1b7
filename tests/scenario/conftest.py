"""Scenarios run on the same empty installation folder as the stages."""

from stage.conftest import home

__all__ = ["home"]
