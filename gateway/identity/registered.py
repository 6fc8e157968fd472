"""What the registry's row of a credential means at a moment."""

from __future__ import annotations

from gateway.identity.registry import Known
from gateway.model.identification import Credential, Identification, Refusal


def as_registered(known: Known, credential: Credential, now_ms: int, persons: int = 1) -> Identification:
    """Whose it is, or refused outside of its own dates. Whether it is blocked has been looked at."""
    if now_ms < known.from_ms:
        return Identification(credential=credential, refusal=Refusal.NOT_YET_VALID, language=known.language)
    if known.until_ms and now_ms >= known.until_ms:
        return Identification(credential=credential, refusal=Refusal.EXPIRED, language=known.language)
    return Identification(
        credential=credential,
        holder=known.holder,
        entitlements=known.entitlements,
        language=known.language,
        residence=known.residence,
        born=known.born,
        persons=persons,
    )
