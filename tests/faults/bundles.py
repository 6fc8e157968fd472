"""The town's bundles anew, signed by the town with the next number."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gateway.centre.publisher import read_bundle, write_bundle
from gateway.centre.sign import build_bundle, load_key
from gateway.cli.demo.town import CITY, Town
from gateway.wire.bundle import BundleKind, Manifest

SAME: Mapping[BundleKind, bytes] = MappingProxyType({})


def next_bundles(town: Town, contents: Mapping[BundleKind, bytes] = SAME) -> dict[str, int]:
    """Write the town's bundles again, with these contents or as they were. Returns kind → number."""
    key = load_key(town.keys / "bundles.key")
    numbers = {}
    for kind, file in zip((BundleKind.RULES, BundleKind.REGISTRY), town.bundles, strict=True):
        old = read_bundle(file)
        assert old.content is not None
        manifest = msgspec.json.decode(old.manifest, type=Manifest)
        numbers[kind.value] = manifest.number + 1
        bundle = build_bundle(
            kind,
            manifest.number + 1,
            CITY,
            "*",
            contents.get(kind, old.content),
            key,
            created_ms=manifest.created_ms + 1000,
            expires_ms=manifest.expires_ms,
        )
        write_bundle(file, bundle)
    return numbers
