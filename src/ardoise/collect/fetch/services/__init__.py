"""The services that can be asked for calls, by the name that `service` has in the link of an https source."""

from __future__ import annotations

from ardoise.collect.fetch.service import NewService
from ardoise.collect.fetch.services.api import Api
from ardoise.collect.fetch.services.ovh import Ovh
from ardoise.collect.fetch.services.teams import Teams
from ardoise.collect.fetch.services.twilio import Twilio
from ardoise.collect.fetch.services.yeastar import Yeastar

SERVICES: dict[str, NewService] = {"api": Api, "ovh": Ovh, "teams": Teams, "twilio": Twilio, "yeastar": Yeastar}
