"""One debit of the card at the reader: proved anew, debited, and looked at again when its last word was lost."""

from __future__ import annotations

from drivers.contract.counter import Debit, Debited, DebitEnd
from drivers.desfire.authenticate import Opened, Wanted, open_session
from drivers.desfire.keys import KeyStore
from drivers.desfire.outcome import Held, Transmit
from drivers.desfire.value import Files, Stage, Taking, held, is_named


class Debiting:
    """Runs once. `so_far` is true at any moment, also when what the reader raises has gone through `run`."""

    def __init__(self, wanted: Wanted, keys: KeyStore, files: Files, call: Debit) -> None:
        self._wanted, self._keys, self._files, self._call = wanted, keys, files, call
        self._taking: Taking | None = None
        self._settled: Debited | None = None

    @property
    def so_far(self) -> Debited:
        """How it has ended, or would have if the card was gone now."""
        if self._settled is not None:
            return self._settled
        doubt = self._taking is not None and self._taking.stage is Stage.IN_DOUBT
        return Debited(DebitEnd.IN_DOUBT if doubt else DebitEnd.NOTHING)

    def run(self, transmit: Transmit, uid: bytes) -> Debited:
        """With the card that shows this UID. A card that is still there when its confirmation was not understood is
        asked for its names at once: what it says then is certain."""
        call = self._call
        session = self._session(transmit, uid)
        before = held(transmit, session.session, self._files) if session is not None else None
        if session is None or before is None:
            return self.so_far
        if is_named(before.names, call.name):
            return self._end(DebitEnd.DONE, before.value)
        if before.value < call.units:
            return self._end(DebitEnd.TOO_LITTLE, before.value)
        self._taking = Taking(self._files, call.units, call.name, before)
        match self._taking.run(transmit, session.session):
            case Stage.DONE:
                return self._end(DebitEnd.DONE, before.value - call.units)
            case Stage.IN_DOUBT if (now := self._again(transmit, uid)) is not None:
                return self._end(DebitEnd.DONE if is_named(now.names, call.name) else DebitEnd.NOTHING, now.value)
            case _:
                return self.so_far

    def _session(self, transmit: Transmit, uid: bytes) -> Opened | None:
        opened = open_session(transmit, self._wanted, self._keys, uid)
        return opened if isinstance(opened, Opened) and opened.proved.uid == self._call.uid else None

    def _again(self, transmit: Transmit, uid: bytes) -> Held | None:
        session = self._session(transmit, uid)
        return held(transmit, session.session, self._files) if session is not None else None

    def _end(self, end: DebitEnd, value: int) -> Debited:
        self._settled = Debited(end, value)
        return self._settled
