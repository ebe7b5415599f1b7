"""Settings: everything has a working default; the environment overrides what an installation needs.

| variable | meaning | default |
|---|---|---|
| ARDOISE_HOME | folder of the data: database, journal, tables, blobs, documents | ./var |
| ARDOISE_DATABASE_URL | postgresql://user:password@host:port/name | SQLite in ARDOISE_HOME |
| ARDOISE_SECRET_KEY | signs sessions | made once, kept in ARDOISE_HOME/secret.key |
| ARDOISE_ALLOWED_HOSTS | comma separated names the console answers to | 127.0.0.1,localhost |
| ARDOISE_HTTPS | 1 when a proxy serves the console over HTTPS: cookies then travel on HTTPS only | 0 |
| ARDOISE_DEBUG | 1 shows error pages with details: never on a reachable server | 0 |
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ARDOISE_HOME = Path(os.environ.get("ARDOISE_HOME", "var")).resolve()


def _secret_key() -> str:
    if key := os.environ.get("ARDOISE_SECRET_KEY"):
        return key
    file = ARDOISE_HOME / "secret.key"
    try:
        ARDOISE_HOME.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text() or secrets.token_urlsafe(48)
    except OSError:
        return secrets.token_urlsafe(48)  # a read-only home: sessions end with the process
    key = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key)
    return key


def _database() -> dict[str, Any]:
    url = os.environ.get("ARDOISE_DATABASE_URL", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ARDOISE_HOME / "ardoise.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise SystemExit(f"ARDOISE_DATABASE_URL must start with postgresql:// (it starts with {parts.scheme}://)")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


SECRET_KEY = _secret_key()
DEBUG = os.environ.get("ARDOISE_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("ARDOISE_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ardoise.store",
    "ardoise.access",
    "ardoise.directory",
    "ardoise.catalog",
    "ardoise.ledger",
    "ardoise.collect",
    "ardoise.rate",
    "ardoise.bill",
    "ardoise.deliver",
    "ardoise.console",
]
AUTH_USER_MODEL = "ardoise_access.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "ardoise.project.urls"
WSGI_APPLICATION = "ardoise.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("ARDOISE_HTTPS") == "1"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "SAMEORIGIN"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).resolve().parent.parent / "console" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"
