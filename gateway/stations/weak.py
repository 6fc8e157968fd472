"""What may be presented at a station although it can be copied: its configuration says which kinds."""

from __future__ import annotations

from collections.abc import Collection

from gateway.identity.identify import Identified
from gateway.model.identification import CredentialKind, Identification, Refusal, Strength

COPYABLE = (CredentialKind.CARD, CredentialKind.BARCODE, CredentialKind.BEACON)
"""Kinds that prove nothing: a UID can be written to another card, a barcode photographed, a beacon sent by another."""


def weighed(identified: Identified, taken: Collection[str]) -> Identified:
    """As it is, or refused: somebody would have been let through on a weak credential of a kind that is not taken here.
    What is refused already keeps its reason, which says more."""
    who = identified.identification
    credential = who.credential
    if not who.accepted or credential is None:
        return identified
    if credential.strength is not Strength.WEAK or credential.kind in taken:
        return identified
    refused = Identification(credential=credential, refusal=Refusal.TOO_WEAK, language=who.language)
    return Identified(refused, identified.effects)
