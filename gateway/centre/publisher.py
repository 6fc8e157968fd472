"""Signed bundles from the officer's file to the gateways: kept first, then sent to whoever is online.

Who is offline gets what it lacks with its next birth (`gateway.centre.intake`).
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.centre.link import Link
from gateway.centre.store import Store
from gateway.model.errors import InputRefused
from gateway.wire.bundle import MAX_CONTENT, Manifest, SignedBundle, TrustedKey, verify
from gateway.wire.topics import Topics


class Published(msgspec.Struct, frozen=True):
    """What was published, and to which gateways it went at once."""

    manifest: Manifest
    sent: tuple[str, ...]


class Publisher:
    """Publishes only what one of the trusted keys has signed for this city: a gateway would refuse the rest."""

    def __init__(self, city: str, trusted: tuple[TrustedKey, ...], store: Store, link: Link) -> None:
        self._city = city
        self._trusted = trusted
        self._store = store
        self._link = link

    def publish(self, bundle: SignedBundle) -> Published:
        """Keep the bundle and send it. Raises `InputRefused` (signature, content, another city) or `Conflict`
        (number not greater than the newest of its kind and target); then nothing was kept or sent."""
        if not self._trusted:
            raise InputRefused("no key may sign bundles here", "Name the public key in `keys`")
        manifest = verify(bundle, self._trusted)
        if manifest.city != self._city:
            raise InputRefused(f"signed for the city {manifest.city}, this is {self._city}")
        signed = self._store.put_bundle(manifest, bundle)
        gateways = self._store.online(manifest.target)
        for gateway in gateways:
            self._link.publish(Topics(self._city, gateway).bundle, signed, bulk=True)
        return Published(manifest, tuple(gateways))


def read_bundle(path: Path) -> SignedBundle:
    """A bundle from its file (`SignedBundle` as JSON). Raises `InputRefused`."""
    try:
        if path.stat().st_size > 2 * MAX_CONTENT:
            raise InputRefused("larger than any bundle", where=str(path))
        return msgspec.json.decode(path.read_bytes(), type=SignedBundle)
    except OSError as error:
        raise InputRefused(f"cannot read: {error.strerror}", where=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a bundle: {error}", where=str(path)) from error


def write_bundle(path: Path, bundle: SignedBundle) -> None:
    """A bundle into a file, as `read_bundle` reads it."""
    path.write_bytes(msgspec.json.encode(bundle))
