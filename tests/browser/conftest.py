"""A real Chromium before a real server of the product, on data of its own. No browser: skipped, in CI failed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize, sync_playwright

from browser import small_world

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_S = 60
WAIT_MS = 20_000
DESK: ViewportSize = {"width": 1280, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@dataclass(frozen=True)
class Site:
    """The console under test: its address, the log of its server, the ids of its documents by number."""

    url: str
    log: Path
    documents: dict[str, int]


def _chromium() -> str:
    chosen = os.environ.get("ARDOISE_CHROMIUM", "")
    for name in [chosen] if chosen else NAMES:
        if path := shutil.which(name):
            return path
    missing = f"no Chromium ({chosen or ', '.join(NAMES)}): install one, or name it in ARDOISE_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = _chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Build the small world in a home of its own, then serve it as `ardoise` does."""
    home = tmp_path_factory.mktemp("console")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ARDOISE_", "DJANGO_"))}
    environment |= {"ARDOISE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "ardoise.project.settings"}
    built = subprocess.run(
        [sys.executable, str(Path(small_world.__file__))], env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    port, log = _free_port(), home / "server.log"
    command = f"from ardoise.cli.serving import serve_console; serve_console(port={port})"
    with log.open("wb") as out:
        server = subprocess.Popen([sys.executable, "-c", command], env=environment, stdout=out, stderr=out)
    try:
        found = Site(f"http://127.0.0.1:{port}", log, json.loads(built.stdout))
        _wait_until_it_answers(found, server)
        yield found
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_it_answers(site: Site, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            urlopen(f"{site.url}/sign-in/", timeout=5).close()
            return
        except HTTPError as error:
            pytest.fail(f"the sign-in page answers {error.code}:\n{site.log.read_text()}")
        except (URLError, OSError):
            if server.poll() is not None:
                pytest.fail(f"the server stopped:\n{site.log.read_text()}")
            time.sleep(0.1)
    pytest.fail(f"the server did not answer in {START_S} s:\n{site.log.read_text()}")


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a page of the site in a fresh profile; whatever its scripts or policy complain of fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(address: str = "/", *, theme: str = "light", cookies: StorageState | None = None) -> Page:
        context = browser.new_context(
            base_url=site.url, viewport=DESK, color_scheme=theme, locale="fr", storage_state=cookies
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if "the server responded with a status of" not in text] == []


@pytest.fixture(scope="package")
def cookies(browser: Browser, site: Site) -> StorageState:
    """Those of the administrator, signed in once for the stories that are not about signing in."""
    context = browser.new_context(base_url=site.url, locale="fr")
    page = context.new_page()
    page.goto("/sign-in/")
    sign_in_at(page)
    page.locator(".main-nav").wait_for()
    kept = context.storage_state()
    context.close()
    return kept


def sign_in_at(page: Page, password: str = small_world.PASSWORD) -> None:
    """Fill the form of the sign-in page and send it."""
    page.get_by_label("Adresse électronique").fill(small_world.ADMIN)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


@pytest.fixture
def signed_in(visit: Callable[..., Page], cookies: StorageState) -> Callable[..., Page]:
    """Open a page of the site as the administrator."""
    return partial(visit, cookies=cookies)
