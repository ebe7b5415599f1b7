"""A small company with its sources, and journals written as the receivers write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ardoise.collect.models import Source
from ardoise.directory.models import Issuer
from stage.collect.pbx_wire import Pbx


@pytest.fixture
def issuer(db: None) -> Issuer:
    return Issuer.objects.create(code="acme", name="Acme", company="Acme")


@pytest.fixture
def make_source(issuer: Issuer, home: Path) -> Callable[..., Source]:
    def make(code: str = "ipo", **fields: object) -> Source:
        settings = {
            "name": code,
            "format": "avaya_ipoffice",
            "transport": Source.Transport.TCP_SERVER,
            "outside_prefix": "0",
        }
        return Source.objects.create(code=code, issuer=issuer, **settings | fields)

    return make


@pytest.fixture
def avaya(make_source: Callable[..., Source]) -> Pbx:
    pbx = Pbx(make_source())
    pbx.connects()
    return pbx


@pytest.fixture
def mitel(make_source: Callable[..., Source]) -> Pbx:
    pbx = Pbx(make_source("mitel", format="mitel_3300", transport=Source.Transport.TCP_CLIENT))
    pbx.connects()
    return pbx
