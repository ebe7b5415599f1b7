"""What each transport must know beside host and port: the settings of `Source.link`, checked, with their secrets.

A secret is never written in the settings: `env:NAME` names an environment variable of the collector, `file:PATH` a file
it can read (its last line feed is left out). Secrets are read when they are needed, so that a new one is taken at the
next attempt.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


class BadLink(ValueError):
    """A setting of a transport is missing, unknown or wrong; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a transport; `kind`: text | secret | whole (a number) | networks | url_path."""

    name: str
    meaning_fr: str
    meaning_en: str
    default: str = ""
    required: bool = False
    kind: str = "text"
    choices: tuple[str, ...] = ()  # empty = free


@dataclass(frozen=True, slots=True)
class Way:
    """A transport: which columns of a source it needs, and the settings of its link."""

    needs: tuple[str, ...]  # among host, port
    settings: tuple[Setting, ...] = ()


_LOGIN = (
    Setting("user", "identifiant, si le PBX en demande un", "user, when the PBX asks for one"),
    Setting("password", "mot de passe, si le PBX en demande un", "password, when the PBX asks for one", kind="secret"),
)

_TAIL = (
    Setting(
        "start",
        "où commencer un fichier inconnu",
        "where to begin a file never seen",
        "beginning",
        choices=("beginning", "end"),
    ),
)
_SFTP = (
    Setting("user", "compte sur le serveur", "account on the server", required=True),
    Setting("password", "mot de passe, ou phrase de la clé", "password, or passphrase of the key", kind="secret"),
    Setting("key", "clé privée SSH (file:CHEMIN)", "private SSH key (file:PATH)", kind="secret"),
    Setting(
        "host_key",
        "clé du serveur : ligne de known_hosts, ou empreinte SHA256:...",
        "key of the server: a line of known_hosts, or its fingerprint SHA256:...",
        required=True,
    ),
    Setting("path", "dossier des fichiers sur le serveur", "folder of the files on the server", "."),
    Setting(
        "after",
        "ce que devient un fichier pris",
        "what becomes of a file once taken",
        "keep",
        choices=("keep", "delete", "move"),
    ),
    Setting(
        "done", "dossier où déplacer les fichiers pris (after = move)", "folder for files taken (after = move)", "done"
    ),
    Setting("every_s", "secondes entre deux visites", "seconds between two visits", "60", kind="whole"),
)
_HTTPS = (
    Setting(
        "service",
        "service à interroger",
        "service to ask",
        required=True,
        choices=("api", "ovh", "teams", "twilio", "yeastar"),
    ),
    Setting("url", "adresse, si ce n'est pas celle du service", "address, when it is not the service's own"),
    Setting("certificate", "fichier PEM auquel se fier", "PEM file to trust", kind="path"),
    Setting("user", "identifiant (Client ID, SID ...)", "user (Client ID, SID ...)"),
    Setting("password", "son secret", "its secret", kind="secret"),
    Setting("every_s", "secondes entre deux tours", "seconds between two turns", kind="whole"),
    Setting(
        "push_port",
        "port où le service poste aussi ses enregistrements (yeastar)",
        "port where the service posts its records too (yeastar)",
        kind="whole",
    ),
    Setting("push_host", "adresse d'écoute de ces envois ; vide : toutes", "address to listen on; empty: all"),
    Setting("push_path", "chemin de l'adresse de ces envois", "path of the address of these posts", "/"),
    Setting("push_secret", "secret qui signe ces envois", "secret that signs these posts", kind="secret"),
    Setting(
        "since",
        "premier jour à lire (AAAA-MM-JJ) ; défaut : le 1er du mois",
        "first day to read; else the 1st of the month",
    ),
    Setting(
        "time_format",
        "yeastar, api : unix, ou un motif (%d/%m/%Y %H:%M:%S) ; api : iso par défaut",
        "yeastar, api: unix, or a pattern (%d/%m/%Y %H:%M:%S); api: iso by default",
    ),
    Setting(
        "auth",
        "api : manière de se faire reconnaître",
        "api: how to log in",
        choices=("none", "basic", "bearer", "header", "oauth2"),
    ),
    Setting("header", "api : nom de l'en-tête qui porte le secret", "api: name of the header that holds the secret"),
    Setting("token_url", "api : adresse du jeton (oauth2)", "api: address of the token (oauth2)"),
    Setting("scope", "api : portée demandée (oauth2)", "api: scope asked for (oauth2)"),
    Setting("records", "api : chemin de la liste des appels", "api: path of the list of calls"),
    Setting("next", "api : chemin de l'adresse de la page suivante", "api: path of the address of the next page"),
    Setting("application_key", "ovh : clé d'application", "ovh: application key"),
    Setting("application_secret", "ovh : secret d'application", "ovh: application secret", kind="secret"),
    Setting("consumer_key", "ovh : clé de consommateur", "ovh: consumer key", kind="secret"),
    Setting("billing_account", "ovh : groupe de facturation", "ovh: billing account"),
    Setting("service_name", "ovh : service de téléphonie", "ovh: telephony service"),
    Setting("account", "twilio : SID du compte (AC...)", "twilio: SID of the account (AC...)"),
    Setting("tenant", "teams : identifiant de l'annuaire", "teams: directory ID"),
    Setting(
        "reports",
        "teams : pstn, direct_routing ou both",
        "teams: pstn, direct_routing or both",
        choices=("pstn", "direct_routing", "both"),
    ),
    Setting(
        "login_url", "teams : adresse de connexion, si elle est autre", "teams: address of the login, when another"
    ),
)

_AGENT = (
    Setting("token", "jeton que l’agent présente", "token that the agent shows", required=True, kind="secret"),
    Setting("certificate", "certificat TLS de ce serveur (PEM)", "TLS certificate of this server (PEM)", required=True),
    Setting("key", "clé privée de ce certificat (PEM)", "private key of that certificate (PEM)", required=True),
)

_WEBHOOK = (
    Setting("path", "chemin de l’adresse, /site-1", "path of the address, /site-1", "/", kind="url_path"),
    Setting("secret", "secret qui prouve l’envoyeur", "secret that proves the sender", required=True, kind="secret"),
    Setting(
        "proof",
        "preuve : X-Signature de Yeastar, HMAC du corps, jeton Bearer, ou nom:mot de passe (secret)",
        "proof: X-Signature of Yeastar, HMAC of the body, a bearer token, or name:password (the secret)",
        required=True,
        choices=("yeastar", "hmac", "bearer", "basic"),
    ),
    Setting("header", "hmac : en-tête de la signature", "hmac: header of the signature", "X-Signature"),
    Setting("algorithm", "hmac : hachage", "hmac: hash", "sha256", choices=("sha256", "sha1", "sha512")),
    Setting("encoding", "hmac : écriture", "hmac: encoding", "hex", choices=("hex", "base64")),
    Setting("prefix", "hmac : ce qui précède la signature (sha256=)", "hmac: what precedes the signature (sha256=)"),
    Setting(
        "certificate", "certificat TLS (PEM), sans mandataire devant", "TLS certificate (PEM), without a proxy in front"
    ),
    Setting("key", "clé privée de ce certificat (PEM)", "private key of that certificate (PEM)"),
)

WAYS: dict[str, Way] = {
    "tcp_server": Way(("port",)),
    "tcp_client": Way(("host", "port"), _LOGIN),
    "files": Way(()),
    "webhook": Way(("port",), _WEBHOOK),
    "radius": Way(
        ("port",),
        (
            Setting(
                "secret",
                "secret partagé avec les équipements",
                "secret shared with the NAS",
                kind="secret",
                required=True,
            ),
            Setting(
                "clients",
                "adresses des équipements, séparées par des virgules ; vide : toutes",
                "addresses of the NAS, separated by commas; empty: any",
                kind="networks",
            ),
        ),
    ),
    "https": Way((), _HTTPS),
    "sftp": Way(("host",), _SFTP),
    "agent": Way(("port",), _AGENT),
    "tail": Way((), _TAIL),
}


@dataclass(frozen=True, slots=True)
class Link:
    """The settings of one source, defaults included."""

    transport: str
    values: Mapping[str, str]

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def whole(self, name: str) -> int:
        return int(self.values[name])

    def secret(self, name: str) -> str:
        """The secret that this setting names; "" when it is not set. Raises BadLink."""
        return read_secret(name, self.values.get(name, ""))

    def login(self) -> dict[str, str]:
        """`user` and `password`, for a conversation. Raises BadLink."""
        return {"user": self.text("user"), "password": self.secret("password")}


def link_of(transport: str, values: Mapping[str, str]) -> Link:
    """The settings of a transport, each one known and well written. Raises BadLink; secrets are not read."""
    known = {setting.name: setting for setting in WAYS[transport].settings} if transport in WAYS else {}
    for name in values:
        if name not in known:
            raise BadLink(f"The link of a {transport} source has no {name!r}; it has: {', '.join(known) or 'nothing'}.")
    for setting in known.values():
        _check(transport, setting, values.get(setting.name, ""))
    return Link(transport, {name: values.get(name) or setting.default for name, setting in known.items()})


def _check(transport: str, setting: Setting, value: str) -> None:
    where = f"The link of this {transport} source, {setting.name}"
    if not value:
        if setting.required:
            raise BadLink(f"{where} is missing: {setting.meaning_en}.")
        return
    if setting.choices and value not in setting.choices:
        raise BadLink(f"{where}: {value!r} is not one of {', '.join(setting.choices)}.")
    if setting.kind == "whole" and not (value.isascii() and value.isdecimal()):
        raise BadLink(f"{where}: {value!r} is not a whole number.")
    if setting.kind == "url_path" and not (value.startswith("/") and value.isascii() and value.isprintable()):
        raise BadLink(f"{where}: {value!r} must begin with /, such as /site-1.")
    if setting.kind == "networks" and not all(map(_is_network, value.split(","))):
        raise BadLink(f"{where}: write addresses or networks separated by commas, such as 10.1.2.3, 10.2.0.0/16.")
    if setting.kind == "secret" and not value.startswith(("env:", "file:")):
        raise BadLink(f"{where} must name the secret, not hold it: write env:NAME or file:PATH.")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text.strip())
    except ValueError:
        return False
    return True


def problems(transport: str, *, host: str, port: int | None, link: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a source still lacks for its transport: (column, message), in words for whoever configures it."""
    given = {"host": bool(host), "port": port is not None}
    for column in WAYS[transport].needs if transport in WAYS else ():
        if not given[column]:
            yield column, f"is missing: the transport {transport} needs it"
    try:
        link_of(transport, link)
    except BadLink as error:
        yield "link", str(error)


def check_secrets(link: Link) -> None:
    """Read every secret once, so that a missing one is said before the first connection. Raises BadLink."""
    for setting in WAYS[link.transport].settings if link.transport in WAYS else ():
        if setting.kind == "secret":
            link.secret(setting.name)


def read_secret(name: str, reference: str) -> str:
    """What `env:NAME` or `file:PATH` holds; "" for "". Raises BadLink."""
    if not reference:
        return ""
    kind, _, place = reference.partition(":")
    if kind == "env":
        if (value := os.environ.get(place)) is None:
            raise BadLink(f"Setting {name} is {reference}: the collector has no environment variable {place}.")
        return value
    if kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadLink(f"Setting {name} is {reference}: that file cannot be read ({error}).") from error
    raise BadLink(f"Setting {name} must name its secret: env:NAME or file:PATH.")
