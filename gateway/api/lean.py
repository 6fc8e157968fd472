"""Imports aiohttp without the system's certificate authorities.

aiohttp builds a TLS context for its HTTP client when it is imported; we only serve, on loopback, and its 140
authorities would cost a gateway 2.7 MB and 30 ms for nothing. The environment is as before when this is done.
"""

from __future__ import annotations

import os

_NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def _import_aiohttp() -> None:
    before = {name: os.environ.get(name) for name in _NAMES}
    os.environ.update(dict.fromkeys(_NAMES, os.devnull))
    try:
        import aiohttp.web  # noqa: F401
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_import_aiohttp()
