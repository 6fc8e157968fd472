"""What a look into the field has shown."""

from __future__ import annotations

from typing import Any, NamedTuple


class Seen(NamedTuple):
    """A card in the field, selected. Good until the next look. `target` is nfcpy's."""

    target: Any
    uid: bytes
    sak: int


class Crowd(NamedTuple):
    """Several cards have answered at once, so that none could be selected."""
