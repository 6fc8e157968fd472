"""Anti-passback: what has just gone through a gate does not open it again for the person behind it."""

from __future__ import annotations

from gateway.config.types import GateStation
from gateway.identity.identify import Identified
from gateway.ledger.effects import Effect
from gateway.model.errors import Conflict
from gateway.model.identification import Identification, Refusal
from gateway.stations.passages import PASSAGES, PassageNoted, has_passed
from gateway.stations.services import Services

TIDY_S = 3600
"""How often passages that are of no use any more are dropped."""


class Passback:
    """The question at one gate. Asks and remembers nothing where `anti_passback_s` is 0."""

    def __init__(self, section: GateStation, services: Services) -> None:
        self._station = section.id
        self._within_ms = round(section.anti_passback_s * 1000)
        self._scope = section.anti_passback
        self._services = services
        self._tidied_ns: int | None = None

    def checked(self, identified: Identified) -> Identified:
        """As it is, or refused because it has just passed."""
        credential = identified.identification.credential
        if not self._within_ms or not identified.identification.accepted or credential is None:
            return identified
        rows = self._services.ledger.query(PASSAGES, (bytes.fromhex(credential.digest),))
        if has_passed(rows, self._station, self._within_ms, self._scope, self._services.clock.stamp()):
            return _refused(identified)
        return identified

    def noted(self, who: Identification) -> list[Effect]:
        """Effects of the admission."""
        if not self._within_ms or who.credential is None:
            return []
        now_ns = self._services.clock.mono_ns()
        tidy = self._tidied_ns is None or now_ns - self._tidied_ns >= TIDY_S * 10**9
        if tidy:
            self._tidied_ns = now_ns
        digest = bytes.fromhex(who.credential.digest)
        return [PassageNoted(self._station, digest, self._within_ms, self._scope, tidy)]


def raced(identified: Identified, conflict: Conflict) -> Identified:
    """What an admission becomes when its commit answers `conflict`: another gate was faster with the same credential,
    or with the same message of it."""
    return _refused(identified) if conflict.code == Refusal.PASSED_ALREADY else Identified(identified.replayed)


def _refused(identified: Identified) -> Identified:
    who = identified.identification
    refused = Identification(credential=who.credential, refusal=Refusal.PASSED_ALREADY, language=who.language)
    return Identified(refused, identified.effects)
