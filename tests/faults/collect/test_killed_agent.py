"""kill -9 of the agent of a site and of the central collector, at any moment: the centre holds what the site's journal
holds, in its order, and counts it once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path

from ardoise.collect.simulator import SendingPbx, play
from ardoise.store.journal import Entry, Journal, Kind
from faults.collect.collector_process import Installation, stopped, wait_for
from faults.collect.test_killed_collector import tickets
from unit.collect.agent_world import make_certificate

TICKETS = 1500
KILLS = int(os.environ.get("ARDOISE_KILLS", "10"))  # of either side, in turn
AGENT = "from ardoise.cli.agent_commands import agent; agent()"


def entries_of(home: Path) -> list[Entry]:
    return [entry for entry in Journal(home / "journal", "ipo").read() if entry.kind is not Kind.MARK]


def said_by(entries: list[Entry]) -> list[tuple[object, ...]]:
    return [(entry.arrived_at, entry.connection, entry.kind, entry.payload) for entry in entries]


def received(centre: Installation) -> int:
    return int(str(centre.rows("select coalesce(sum(received), 0) from ardoise_collect_daycount")[0][0]))


def prepared(folder: Path) -> tuple[Installation, Installation]:
    """A centre, and a site that knows its certificate and its token."""
    certificate, key = make_certificate(folder)
    (folder / "token").write_text("not-a-real-token\n")
    link = {"token": f"file:{folder / 'token'}", "certificate": str(certificate), "key": str(key)}
    centre = Installation.prepare(folder / "centre", transport="agent", link=link)
    site = Installation.prepare(folder / "site")
    (site.home / "agent.toml").write_text(
        f'[central]\naddress = "127.0.0.1:{centre.port}"\nca = "{certificate}"\n'
        f'[tokens]\nipo = "file:{folder / "token"}"\n'
    )
    return centre, site


def agent_of(site: Installation) -> subprocess.Popen[str]:
    """Start `ardoise agent run` and wait until it listens to the PBX."""
    return site.listening(AGENT)


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_kill_9_of_either_side_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    centre, site = prepared(tmp_path)
    central, agent = centre.collector(), agent_of(site)
    with SendingPbx("127.0.0.1", site.port, buffer_records_max=TICKETS) as pbx:
        player = threading.Thread(target=play, args=(pbx, tickets(TICKETS)), kwargs={"tickets_per_s": 60})
        player.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 2.5))
            if chance.random() < 0.5:
                killed(agent)
                agent = agent_of(site)
            else:
                killed(central)
                central = centre.collector()
        player.join(timeout=120)
        wait_for(lambda: pbx.waiting == 0 or not pbx.produce(tickets(1)[0]), 60)
    stopped(agent)
    agent = agent_of(site)  # what the first one had not forwarded yet
    wait_for(lambda: len(entries_of(centre.home)) >= len(entries_of(site.home)), 60)
    stopped(agent)
    (status,) = json.loads(site._python(AGENT, "status", "--json").stdout)
    assert status["waiting"]["entries"] <= 1 and status["error"] == "stopped"
    there = entries_of(site.home)
    wait_for(lambda: received(centre) == len(site.journalled()), 60)
    stopped(central)
    here = entries_of(centre.home)
    print(f"{len(there)} entries of the site, {len(here)} of the centre, after {KILLS} kills")
    # the last stop of the agent may have journalled that the collector stopped, behind what it could still forward
    assert said_by(here) == said_by(there)[: len(here)] and len(there) - len(here) <= 1, f"seed {seed}"
    assert received(centre) == len(site.journalled()) > TICKETS / 3, f"seed {seed}"
