"""The ways in: the receiver of each transport (dropped files have none: see `files`)."""

from __future__ import annotations

from ardoise.collect.agent.central import AgentReceiver
from ardoise.collect.fetch.pull import Puller
from ardoise.collect.fetch.sftp import SftpFetcher
from ardoise.collect.radius import RadiusServer
from ardoise.collect.receive import Receiver
from ardoise.collect.tail import Tail
from ardoise.collect.tcp import Dialer, Listener
from ardoise.collect.webhook import Webhook

RECEIVERS: dict[str, type[Receiver]] = {
    "tcp_server": Listener,
    "tcp_client": Dialer,
    "radius": RadiusServer,
    "webhook": Webhook,
    "https": Puller,
    "sftp": SftpFetcher,
    "agent": AgentReceiver,
    "tail": Tail,
}
