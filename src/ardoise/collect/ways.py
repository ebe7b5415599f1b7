"""The ways in: the receiver of each transport (dropped files have none: see `files`)."""

from __future__ import annotations

from typing import cast

from django.utils.module_loading import import_string

from ardoise.collect.receive import Receiver

# By name: the clients of SSH and HTTPS are slow to load, and most collectors need neither.
RECEIVERS = {
    "tcp_server": "ardoise.collect.tcp.Listener",
    "tcp_client": "ardoise.collect.tcp.Dialer",
    "radius": "ardoise.collect.radius.RadiusServer",
    "webhook": "ardoise.collect.webhook.Webhook",
    "https": "ardoise.collect.fetch.pull.Puller",
    "sftp": "ardoise.collect.fetch.sftp.SftpFetcher",
    "agent": "ardoise.collect.agent.central.AgentReceiver",
    "tail": "ardoise.collect.tail.Tail",
}


def receiver_of(transport: str) -> type[Receiver]:
    """What receives the tickets of a source; KeyError for a transport that nothing receives."""
    return cast(type[Receiver], import_string(RECEIVERS[transport]))
