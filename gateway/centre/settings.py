"""What the centre is told at its start. Secrets are files, never values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from gateway.model.errors import ConfigurationError
from gateway.wire.bundle import TrustedKey, parse_public_key

Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{3,32}$")]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One centre. Paths are relative to the file that names them, or to the working directory."""

    city: Id
    store: Annotated[str, msgspec.Meta(min_length=1)]
    """SQLite file of the store, created when it is not there; or the URL of a PostgreSQL database."""
    store_password: str | None = None
    """File that holds PostgreSQL's password; the URL may not."""
    lease_s: Annotated[float, msgspec.Meta(ge=0.2, le=600)] = 10.0
    """A worker that did not say for so long that it lives has lost its shards to the others."""
    keys: tuple[str, ...] = ()
    """minisign public keys: only bundles signed by one of them are published."""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8883
    tls: bool = True
    """TLS with the broker's certificate verified. Off only for a broker on this machine."""
    ca: str | None = None
    """Certificate authority of the broker (PEM); the system's own when absent."""
    certificate: str | None = None
    certificate_key: str | None = None
    user: str = ""
    password: str | None = None
    """File that holds the password."""
    client_id: Id = "centre"
    """Also the worker's name: two workers never have the same."""
    protocol: Annotated[str, msgspec.Meta(pattern="^(auto|5|3.1.1)$")] = "auto"
    window: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    """Messages that the broker may hand over before they are stored (MQTT 5; with 3.1.1 the broker decides)."""
    connect_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    """A connection that is not accepted within this time is given up."""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 60
    backoff_cap_s: Annotated[float, msgspec.Meta(ge=0.1)] = 30.0
    zone: str = "UTC"
    """Of the city, for the days on which quotas begin and end (IANA name)."""
    ack_ms: Annotated[int, msgspec.Meta(ge=0)] = 250
    """At most one message of acks per gateway in this time; the first after a pause goes at once."""


def load(path: Path) -> Settings:
    """Settings from a JSON file. Raises `ConfigurationError`."""
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise ConfigurationError(f"cannot read: {error.strerror}", where=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(error), "See docs/centre.md for the keys", where=str(path)) from error
    try:
        ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        what = f"no such zone: {settings.zone!r} - at `$.zone`"
        raise ConfigurationError(what, "Write a zone such as Europe/Riga or Europe/Vilnius", where=str(path)) from error
    base = path.resolve().parent
    named = (
        *(() if is_url(settings.store) else ("store",)),
        "store_password",
        "ca",
        "certificate",
        "certificate_key",
        "password",
    )
    found = {name: str(base / value) for name in named if (value := getattr(settings, name)) is not None}
    keys = tuple(str(base / key) for key in settings.keys)
    return msgspec.structs.replace(settings, **found, keys=keys)


def is_url(store: str) -> bool:
    """Whether a store is named by its URL, and not by a path."""
    return "://" in store


def store_password(settings: Settings) -> Path | None:
    """The file with PostgreSQL's password."""
    return Path(settings.store_password) if settings.store_password is not None else None


def trusted_keys(settings: Settings) -> tuple[TrustedKey, ...]:
    """The public keys that may sign bundles. Raises `ConfigurationError` or `InputRefused`."""
    return tuple(parse_public_key(_read(Path(key))) for key in settings.keys)


def password(settings: Settings) -> str | None:
    """The broker's password, read each time it is needed. Raises `ConfigurationError`."""
    return _read(Path(settings.password)).strip() if settings.password is not None else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read: {error}", where=str(path)) from error
