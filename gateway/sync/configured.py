"""What the configuration gives to sync: where to connect, with its secrets read, and whose bundles count."""

from __future__ import annotations

import ssl
from pathlib import Path

from gateway.config.load import Loaded
from gateway.model.errors import ConfigurationError, InputRefused
from gateway.sync.port import Broker
from gateway.wire.bundle import TrustedKey, parse_public_key


def read_trusted(loaded: Loaded) -> tuple[TrustedKey, ...]:
    """The keys that may sign bundles. Raises `ConfigurationError`."""
    return tuple(_trusted_key(loaded.path(file)) for file in loaded.configuration.keys.bundles)


def _trusted_key(file: Path) -> TrustedKey:
    try:
        return parse_public_key(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, InputRefused) as error:
        raise ConfigurationError(f"keys.bundles: {error}", "Give a minisign public key", where=str(file)) from error


def read_broker(loaded: Loaded) -> Broker:
    """Where to connect, with its secrets read. Raises `ConfigurationError`."""
    sync = loaded.configuration.sync
    context: ssl.SSLContext | None = None
    password = ""
    try:
        if sync.tls:
            context = ssl.create_default_context(cafile=str(loaded.path(sync.ca)) if sync.ca else None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if sync.certificate and sync.certificate_key:
                context.load_cert_chain(loaded.path(sync.certificate), loaded.path(sync.certificate_key))
        if sync.password is not None:
            password = loaded.path(sync.password).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"[sync]: {error}", "Correct the files named there", where=str(loaded.file)) from error
    return Broker(
        host=sync.host,
        port=sync.port,
        client_id=loaded.configuration.gateway.id,
        keepalive_s=sync.keepalive_s,
        protocol=sync.protocol,
        tls=context,
        user=sync.user,
        password=password,
    )
