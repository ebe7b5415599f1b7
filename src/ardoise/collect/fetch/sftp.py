"""SFTP: files fetched from a server, each once, whole; the server's own key is checked before anything is said.

What was taken is derived from the journal: a file that stays on the server is known again by its name, size and time,
one that is to be deleted or moved by its content. A file leaves its folder only when its bytes are on our disk, and
only if it is still what was read.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import posixpath
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

import asyncssh

from ardoise.collect.files import is_wanted, opened
from ardoise.collect.links import BadLink
from ardoise.collect.receive import Receiver
from ardoise.collect.waiting import Pauses, Stopped, sleep, unless
from ardoise.collect.wording import Said, said_by
from ardoise.store.journal import JournalDamaged, Kind, ReceivedFile

asyncssh.set_log_level(logging.WARNING)

STABLE_S = 5  # between two looks at a folder: a file that did not change is complete
CONNECT_S: Final = 20
LARGEST_FILE_BYTES: Final = 2**30
_ALGORITHMS: Final = {"ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"]}  # of a key, where they are not named as it is


class NotOurServer(Exception):
    """The server's key is not the one expected: nothing was said to it."""


class ServerRefused(Exception):
    """The server cannot be reached, or does not let us do what is needed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a file on the server looks like. `modified_s` is the server's clock, Unix seconds."""

    name: str
    size: int
    modified_s: int


class SftpFetcher(Receiver):
    """Visits one folder of one server again and again. `turns` counts whole visits."""

    turns = 0

    async def run(self, stop: asyncio.Event) -> None:
        self._done: set[Look] = set()  # nothing more to do with them
        self._names: dict[tuple[str, int], datetime] = {}  # name and size of what was taken -> when
        self._digests: set[str] = set()
        await asyncio.to_thread(self._remember)
        pauses, said = Pauses(), ""
        while not stop.is_set():
            pause_s = self.feed.link.whole("every_s")
            try:
                await unless(stop, self._visit(stop))
            except Stopped:
                return
            except (NotOurServer, ServerRefused, BadLink) as error:
                if str(error) != said:
                    said = str(error)
                    self.say("alarm", said_by(error))
                await sleep(min(10 * pauses.next(), pause_s), stop)
                continue
            if said:
                self.say("event", f"{self.feed.host} can be read again")
            said, pauses = "", Pauses()
            self.turns += 1
            await sleep(pause_s, stop)

    def _remember(self) -> None:
        journal = self._commits.writer(self.feed.source).journal
        try:
            for entry in journal.read_last():
                if entry.kind is Kind.FILE:
                    received = ReceivedFile.of(entry)
                    self._names[received.name, received.size_bytes] = entry.arrived_at
                    self._digests.add(received.digest)
        except JournalDamaged:
            return  # fetching again costs a message: the bytes are told by their digest

    # --- one visit

    async def _visit(self, stop: asyncio.Event) -> None:
        try:
            connection = await self._connected()
            try:
                await self._take_all(await connection.start_sftp_client(), stop)
                connection.close()
                await asyncio.wait_for(connection.wait_closed(), CONNECT_S)
            finally:
                connection.abort()  # given up: a polite end would wait for the answer of a server that may give none
        except asyncssh.HostKeyNotVerifiable as error:
            raise NotOurServer(Said("sftp_key", host=self.feed.host, why=self._keys.refused or str(error))) from error
        except asyncssh.PermissionDenied as error:
            user = self.feed.link.text("user")
            raise ServerRefused(Said("sftp_login", host=self.feed.host, user=user, why=error.reason)) from error
        except asyncssh.SFTPError as error:
            said = Said("sftp_folder", host=self.feed.host, folder=self._folder(), why=error.reason)
            raise ServerRefused(said) from error
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise ServerRefused(Said("sftp_down", host=self.feed.host, why=str(error))) from error

    async def _take_all(self, sftp: asyncssh.SFTPClient, stop: asyncio.Event) -> None:
        for look in await self._complete(sftp, stop):
            if stop.is_set():
                return
            await self._commits.room(self.feed.source, stop)
            await self._fetch(sftp, look)

    async def _connected(self) -> asyncssh.SSHClientConnection:
        link = self.feed.link
        self._keys = _HostKeys.of(link.text("host_key"))
        private = link.secret("key")
        return await asyncssh.connect(
            self.feed.host,
            self.feed.port or 22,
            client_factory=lambda: _Client(self._keys),
            known_hosts=b"",  # nothing is known but what the link says: see _Client
            server_host_key_algs=self._keys.algorithms or (),
            username=link.text("user"),
            password=None if private else link.secret("password"),
            client_keys=[_private_key(private, link.secret("password"))] if private else [],
            agent_path=None,
            config=None,
            connect_timeout=CONNECT_S,
            login_timeout=CONNECT_S,
            keepalive_interval=15,
        )

    async def _complete(self, sftp: asyncssh.SFTPClient, stop: asyncio.Event) -> list[Look]:
        """The files to fetch that nobody writes any more, the oldest first."""
        first = {look for look in await self._looks(sftp) if not self._is_finished(look)}
        if not first:
            return []
        await sleep(STABLE_S, stop)
        same = first.intersection(await self._looks(sftp))
        return sorted(same, key=lambda look: (look.modified_s, look.name))

    async def _looks(self, sftp: asyncssh.SFTPClient) -> list[Look]:
        found = []
        for entry in await sftp.readdir(self._folder()):
            name, attrs = str(entry.filename), entry.attrs
            is_file = attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
            if is_file and fnmatchcase(name, self.feed.pattern) and is_wanted(name):
                found.append(Look(name, attrs.size or 0, int(attrs.mtime or 0)))
        return found

    def _is_finished(self, look: Look) -> bool:
        """Whether it was taken and stays where it is; a newer file of the same name and size is looked at again."""
        if look in self._done:
            return True
        taken_at = self._names.get((look.name, look.size))
        return (
            self.feed.link.text("after") == "keep" and taken_at is not None and look.modified_s <= taken_at.timestamp()
        )

    async def _fetch(self, sftp: asyncssh.SFTPClient, look: Look) -> None:
        """Take one file: on our disk first, then off the server if it must go."""
        if look.size > LARGEST_FILE_BYTES:
            self._leave(look, f"it holds {look.size} bytes, more than {LARGEST_FILE_BYTES}: cut it")
            return
        file = await sftp.open(self._path(look.name), "rb")
        data = await file.read()
        await file.close()
        assert isinstance(data, bytes)  # as it was opened
        if len(data) != look.size:
            return  # it grew meanwhile: at the next visit
        data, reason = opened(data, self.feed.format, self.feed.options)
        content = self._redacted(data, self._clock()) if not reason else data
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._digests:
            if reason:
                self._leave(look, reason)
                return
            await self.deliver(look.name, data)
            if not await self.on_disk():
                return  # it stays there: at the next visit
            self._digests.add(digest)
        elif (look.name, look.size) not in self._names:
            self.say("event", f"{look.name} holds bytes that were already taken: nothing is counted twice")
        self._names[look.name, look.size] = self._clock()
        await self._dispose(sftp, look)
        self._done.add(look)

    def _leave(self, look: Look, reason: str) -> None:
        self._done.add(look)
        self.say("alarm", Said("sftp_left", file=look.name, host=self.feed.host, why=reason))

    async def _dispose(self, sftp: asyncssh.SFTPClient, look: Look) -> None:
        """Delete or move what was taken, if it is still that."""
        after, path = self.feed.link.text("after"), self._path(look.name)
        if after == "keep":
            return
        attrs = await sftp.stat(path)
        if (attrs.size, int(attrs.mtime or 0)) != (look.size, look.modified_s):
            return  # written again: it is another file now
        if after == "delete":
            await sftp.remove(path)
            return
        done = posixpath.join(self._folder(), self.feed.link.text("done"))
        await sftp.makedirs(done, exist_ok=True)
        await sftp.rename(path, await _free_name(sftp, done, look.name))

    def _folder(self) -> str:
        return self.feed.link.text("path")

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder(), name)


async def _free_name(sftp: asyncssh.SFTPClient, folder: str, name: str) -> str:
    stem, suffix = posixpath.splitext(name)
    target, number = posixpath.join(folder, name), 1
    while await sftp.exists(target):
        number += 1
        target = posixpath.join(folder, f"{stem}-{number}{suffix}")
    return target


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _HostKeys:
    """The keys by which the server is known, as fingerprints."""

    fingerprints: frozenset[str]
    algorithms: list[str]
    refused: str = ""

    @classmethod
    def of(cls, text: str) -> _HostKeys:
        """Reads fingerprints ("SHA256:...", comma separated) or a line of known_hosts. Raises BadLink."""
        if text.startswith("SHA256:"):
            return cls(frozenset(part.strip().rstrip("=") for part in text.split(",")), [])
        parts = text.split()
        at = next((number for number, part in enumerate(parts) if part.startswith(("ssh-", "ecdsa-"))), None)
        try:
            if at is None:
                raise asyncssh.KeyImportError("no type of key")
            key = asyncssh.import_public_key(" ".join(parts[at : at + 2]))
        except asyncssh.KeyImportError as error:
            raise BadLink(
                f"The link of this sftp source, host_key: {error}; write its fingerprint "
                "(ssh-keyscan HOST | ssh-keygen -lf -) or the line of known_hosts"
            ) from error
        return cls(frozenset({key.get_fingerprint("sha256")}), _ALGORITHMS.get(parts[at], [parts[at]]))

    def hold(self, key: asyncssh.SSHKey) -> bool:
        found = key.get_fingerprint("sha256")
        if found in self.fingerprints:
            return True
        self.refused = (
            f"It shows {found} ({key.get_algorithm()}). If its owner confirms the new key, put it in host_key"
        )
        return False


class _Client(asyncssh.SSHClient):
    def __init__(self, keys: _HostKeys) -> None:
        self._keys = keys

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._keys.hold(key)


def _private_key(text: str, passphrase: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text, passphrase or None)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise BadLink(f"The link of this sftp source, key: {error}") from error
