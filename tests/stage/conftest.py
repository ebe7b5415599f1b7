"""Stage tests run on a real database and a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django.fixtures import Settings


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    """An empty installation folder: journal, blobs, tables and documents of the test go there."""
    folder = tmp_path / "home"
    folder.mkdir()
    settings.ARDOISE_HOME = folder
    return folder
