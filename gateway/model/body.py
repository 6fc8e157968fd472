"""What the bodies of all entries have in common."""

from __future__ import annotations

import msgspec


class Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all bodies."""
