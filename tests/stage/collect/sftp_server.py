"""A real OpenSSH server on this machine, as the current user, with keys of its own in a temporary folder."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.collect.collector_process import free_port

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass
class SftpServer:
    home: Path
    port: int

    @property
    def folder(self) -> Path:
        """What the server offers."""
        return self.home / "files"

    @property
    def fingerprint(self) -> str:
        said = subprocess.run(
            ["ssh-keygen", "-lf", str(self.home / "host_key.pub")], check=True, capture_output=True, text=True
        )
        return said.stdout.split()[1]

    @property
    def known_hosts_line(self) -> str:
        return f"127.0.0.1 {(self.home / 'host_key.pub').read_text()}"

    def link(self, **settings: str) -> dict[str, str]:
        link = {"user": getpass.getuser(), "key": f"file:{self.home / 'user_key'}", "host_key": self.fingerprint}
        return link | {"path": str(self.folder), "every_s": "1"} | settings


@contextmanager
def sftp_server(home: Path) -> Iterator[SftpServer]:
    """Skips, visibly, where there is no sshd (apt-get install openssh-server)."""
    if not Path(SSHD).exists() or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd on this machine: apt-get install openssh-server")
    server = SftpServer(home, free_port())
    server.folder.mkdir(parents=True)
    for name in ("host_key", "user_key"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)]
        subprocess.run(make, check=True, capture_output=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)  # where a server of root separates its privileges
    config = home / "sshd_config"
    config.write_text(
        f"Port {server.port}\nListenAddress 127.0.0.1\nHostKey {home / 'host_key'}\nPidFile none\n"
        f"AuthorizedKeysFile {home / 'user_key.pub'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=(home / "sshd.log").open("wb"))
    try:
        _wait(server.port, process, home / "sshd.log")
        yield server
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not answer: {log.read_text()}")
