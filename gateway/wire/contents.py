"""What bundles hold: the registry of holders. (Rules have their own types in `gateway.rules.document`.)

A registry is projected per place: only the entitlements that its rules use, only digests of credentials.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.identification import CredentialKind

MAX_MS = 2**53
"""Times beyond are a mistake; every store and every JSON reader holds these exactly."""
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)")]
"""As rules name entitlements. White space in a code would make two of it in the cache."""
Ms = Annotated[int, msgspec.Meta(ge=0, le=MAX_MS)]
DigestHex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Standing(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"


class RegistryCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One credential: keyed digest, whose it is, whether it is blocked, when it is valid (ms, 0 = open)."""

    kind: CredentialKind
    digest: DigestHex
    holder: str
    standing: Standing = Standing.ACTIVE
    from_ms: Ms = 0
    until_ms: Ms = 0


class RegistryHolder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One holder: opaque id, entitlement codes, language of choice."""

    id: str
    entitlements: tuple[Code, ...] = ()
    language: str | None = None


class RegistryContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of a registry bundle. `key_id` names the key that made the digests."""

    key_id: str
    holders: tuple[RegistryHolder, ...]
    credentials: tuple[RegistryCredential, ...]
