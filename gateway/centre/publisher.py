"""Signed bundles from the officer's file to the gateways: kept first, then sent to whoever is online.

Who is offline gets what it lacks with its next birth (`gateway.centre.intake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.centre.link import Link
from gateway.centre.store import Store
from gateway.model.errors import InputRefused
from gateway.wire.bundle import MAX_CONTENT, URGENT, BundleKind, Manifest, SignedBundle, TrustedKey, verify
from gateway.wire.topics import Topics


class Published(msgspec.Struct, frozen=True):
    """What was published, and which gateways were told at once."""

    manifest: Manifest
    sent: tuple[str, ...]


class Publisher:
    """Publishes only what one of the trusted keys has signed for this city: a gateway would refuse the rest."""

    def __init__(self, city: str, trusted: tuple[TrustedKey, ...], store: Store, link: Link) -> None:
        self._city = city
        self._trusted = trusted
        self._store = store
        self._link = link

    def publish(self, bundle: SignedBundle, deltas: Sequence[SignedBundle] = ()) -> Published:
        """Keep the bundle, with the `deltas` that lead to it, and tell whoever is online. Raises `InputRefused`
        (signature, content, another city) or `Conflict` (number not greater than the newest of its kind and target);
        then nothing was sent."""
        manifest = self._verified(bundle)
        verified = [(self._verified(delta), delta) for delta in deltas]
        for one, _ in verified:
            if (one.number, one.target, one.result) != (manifest.number, manifest.target, manifest.sha256):
                raise InputRefused(f"the delta from {one.base} does not lead to registry {manifest.number}")
        self._store.put_bundle(manifest, bundle)
        for one, delta in verified:
            self._store.put_bundle(one, delta)
        return Published(manifest, self._tell(manifest))

    def _verified(self, bundle: SignedBundle) -> Manifest:
        if not self._trusted:
            raise InputRefused("no key may sign bundles here", "Name the public key in `keys`")
        manifest = verify(bundle, self._trusted)
        if manifest.city != self._city:
            raise InputRefused(f"signed for the city {manifest.city}, this is {self._city}")
        return manifest

    def _tell(self, manifest: Manifest) -> tuple[str, ...]:
        """Blocked cards and keys go before everything else that waits."""
        whole, bulk = self._store.announcement(manifest), manifest.kind not in URGENT
        deltas = self._store.deltas_to(manifest) if manifest.kind is BundleKind.REGISTRY else {}
        gateways = self._store.online(manifest.target)
        for gateway in gateways:
            known = self._store.told(gateway).get(manifest.kind.value, 0) if deltas else 0
            told = deltas.get(known, whole)
            if told is not None:
                self._link.publish(Topics(self._city, gateway).bundle, told, bulk=bulk)
        return tuple(gateways)


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
