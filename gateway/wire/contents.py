"""What bundles hold beside rules (which have their own types in `gateway.rules.document`).

A registry is projected per place: only the entitlements that its rules use, only digests of credentials. Its one
written form is canonical (`gateway.wire.registry`): by its hash both ends can tell whether they mean the same one.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.bundle import TrustedKey, parse_public_key

MAX_MS = 2**53
"""Times beyond are a mistake; every store and every JSON reader holds these exactly."""
MAX_DELTA = 8 * 1024 * 1024
"""Bytes of a delta: it is decoded as one. What changes more is published as a whole."""
MAX_BLOCKED = 900
"""Cards in one list of blocks: it must travel whole. Older ones are in the registry by then."""
MAX_KEYS = 8

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)")]
"""As rules name entitlements. White space in a code would make two of it in the cache."""
Ms = Annotated[int, msgspec.Meta(ge=0, le=MAX_MS)]
DigestHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
HolderId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
KeyId = Annotated[str, msgspec.Meta(max_length=64)]
T = TypeVar("T")


class Standing(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"


class RegistryCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One credential: keyed digest, whose it is, whether it is blocked, when it is valid (ms, 0 = open)."""

    kind: CredentialKind
    digest: DigestHex
    holder: HolderId
    standing: Standing = Standing.ACTIVE
    from_ms: Ms = 0
    until_ms: Ms = 0


class RegistryHolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One holder: opaque id, entitlement codes, language of choice; declared residence and date of birth only where the
    place's rules ask for them."""

    id: HolderId
    entitlements: Annotated[tuple[Code, ...], msgspec.Meta(max_length=256)] = ()
    language: Annotated[str, msgspec.Meta(min_length=1, max_length=16)] | None = None
    residence: Code | None = None
    born: date | None = None


class RegistryContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole registry in memory. `key_id` names the key that made the digests."""

    key_id: KeyId
    holders: tuple[RegistryHolder, ...]
    credentials: tuple[RegistryCredential, ...]


class RegistryDelta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What leads from one registry to another: holders and credentials that are new or changed, and those that go."""

    key_id: KeyId
    holders: tuple[RegistryHolder, ...] = ()
    credentials: tuple[RegistryCredential, ...] = ()
    gone_holders: tuple[HolderId, ...] = ()
    gone_credentials: tuple[DigestHex, ...] = ()


class Blocks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All cards that are to be refused although the registry may not say so yet; each list takes the place of the one
    before."""

    key_id: KeyId
    digests: Annotated[tuple[DigestHex, ...], msgspec.Meta(max_length=MAX_BLOCKED)]


class KeySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys that may sign from now on, and no other: each as the base64 line of its minisign file."""

    keys: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=64)], ...], msgspec.Meta(min_length=1, max_length=MAX_KEYS)
    ]

    def parsed(self) -> tuple[TrustedKey, ...]:
        """Raises `InputRefused` for a line that is no key, or for a key that is there twice."""
        keys = tuple(parse_public_key(line) for line in self.keys)
        if len({key.key_id for key in keys}) != len(keys):
            raise InputRefused("a key stands in it twice")
        return keys


def decode(content: bytes, kind: type[T], what: str) -> T:
    """A bundle's content as this type. Raises `InputRefused` that names `what` it should be."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"{what}: {error}", code="bundle_content") from error
