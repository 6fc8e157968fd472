"""Signed bundles from the officer's file into the store: sent by whoever holds the shards (`gateway.centre.news`).

Who is offline gets what it lacks with its next birth (`gateway.centre.births`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from gateway.centre.store import Store
from gateway.model.errors import InputRefused
from gateway.wire.bundle import MAX_CONTENT, Manifest, SignedBundle, TrustedKey, verify


class Published(msgspec.Struct, frozen=True):
    """What was published, and which gateways are online: they are told with the next beat of their shard's worker."""

    manifest: Manifest
    online: tuple[str, ...]


class Publisher:
    """Publishes only what one of the trusted keys has signed for this city: a gateway would refuse the rest.
    `look_soon` makes this worker send what it holds the shards of now, not at its next beat."""

    def __init__(self, city: str, trusted: tuple[TrustedKey, ...], store: Store, look_soon: Callable[[], None]) -> None:
        self._city = city
        self._trusted = trusted
        self._store = store
        self._look_soon = look_soon

    def publish(self, bundle: SignedBundle, deltas: Sequence[SignedBundle] = ()) -> Published:
        """Keep the bundle, with the `deltas` that lead to it, and have whoever is online told. Raises `InputRefused`
        (signature, content, another city) or `Conflict` (number not greater than the newest of its kind and target);
        then nothing is kept or sent."""
        manifest = self._verified(bundle)
        verified = [(self._verified(delta), delta) for delta in deltas]
        for one, _ in verified:
            if (one.number, one.target, one.result) != (manifest.number, manifest.target, manifest.sha256):
                raise InputRefused(f"the delta from {one.base} does not lead to registry {manifest.number}")
        self._store.put_bundles([(manifest, bundle), *verified])
        self._look_soon()
        return Published(manifest, tuple(self._store.online(manifest.target)))

    def _verified(self, bundle: SignedBundle) -> Manifest:
        if not self._trusted:
            raise InputRefused("no key may sign bundles here", "Name the public key in `keys`")
        manifest = verify(bundle, self._trusted)
        if manifest.city != self._city:
            raise InputRefused(f"signed for the city {manifest.city}, this is {self._city}")
        return manifest


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
