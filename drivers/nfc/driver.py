"""The nfc driver: looks into the field, reads each card once, reports it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drivers.contract.core import Kind
from drivers.contract.counter import Debit, Debited, DebitEnd
from drivers.contract.reader import Card, Several
from drivers.desfire.outcome import no_counter
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.nfc.errors import PASSING, Code, ReaderFault, problem
from drivers.nfc.options import Options
from drivers.nfc.presence import Presence, same
from drivers.nfc.sight import Crowd, Seen

if TYPE_CHECKING:
    import msgspec

    from drivers.desfire.prover import Prover
    from drivers.nfc.reader import Reader

LOST_AFTER = 3
"""Failed looks in a row that mean a lost reader: one may be noise on the line."""

HURRY_S, HURRIES = 0.03, 5
"""A card that slips into the field fails first and works a moment later: so soon, so often it is tried again
before the ordinary pace returns (a card that never works must not keep a core busy)."""


class NfcDriver(Driver[Options]):
    """A PN532 on a serial line or a reader on USB. Reports each card once per presentation (`Card`, a phone's `Code`,
    or `Recognised`), and nothing for one that was pulled before it was read whole: a genuine card must never look like
    a weak one. Cards that lie there together are reported as `Several`, and none of them is read."""

    name = "nfc"
    kind = Kind.READER
    options_type = Options
    calls = (Debit,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._reader: Reader | None = None
        self._prover: Prover | None = None
        # Outlives a lost reader: a card that lay there all the time is no new presentation.
        self._presence = Presence()
        self._failed_looks = 0
        self._torn = 0
        self._torn_in_a_row = 0

    def open(self, options: Options) -> dict[str, str]:
        from drivers.nfc.reader import Reader  # brings nfcpy, after the hello is out

        self._options = options
        self._failed_looks = 0
        self._reader = Reader()
        self._prover = self._made_prover(options)
        try:
            return self._reader.open(options.port, options.baud)
        except ReaderFault as fault:
            raise self._lost(fault) from fault

    def poll(self) -> float:
        try:
            if self._reader is None:
                raise ReaderFault(Code.UNPLUGGED)
            pause = self._look(self._reader)
        except ReaderFault as fault:
            self._failed_looks += 1
            if fault.code not in PASSING or self._failed_looks >= LOST_AFTER:
                raise self._lost(fault) from fault
            return HURRY_S
        self._failed_looks = 0
        return pause

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Debit():
                return self._debit(call, deadline)
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _look(self, reader: Reader) -> float:
        seen = reader.look()
        seen_at = time.monotonic_ns()
        self.alive()
        if isinstance(seen, Crowd):
            self._tell_several(seen_at)
        elif seen is None:
            self._presence.look(None)
            self._torn_in_a_row = 0
        elif self._presence.look(seen.uid):
            return self._take(reader, seen, seen_at)
        elif not self._presence.crowded and reader.sees_several():
            # The second one would else be read alone for a moment, when the first is taken away before it.
            self._tell_several(seen_at)
        return self._options.poll_ms / 1000

    def _take(self, reader: Reader, seen: Seen, seen_at: int) -> float:
        """Read the card that was seen, once it is certain that it lies there alone."""
        if reader.sees_several():
            self._tell_several(seen_at)
            return self._options.poll_ms / 1000
        again = reader.look()
        if not isinstance(again, Seen) or not same(again.uid, seen.uid):
            return self._tell_torn()
        read = reader.read(again, self._prover)
        if read is None:
            return self._tell_torn()
        self._torn_in_a_row = 0
        proof = self._prover.report(read.proof, self.log) if self._prover is not None else None
        shown = read.shown
        self.reading(Card(again.uid, shown, proof) if isinstance(shown, bytes) else shown, seen_at)
        self._presence.keep(again.uid)
        return self._options.poll_ms / 1000

    def _debit(self, call: Debit, deadline: float) -> Debited:
        """Once the card was told to commit, nothing that happens to the reader may look like nothing done."""
        debiting = self._prover.debiting(call) if self._prover is not None else None
        if debiting is None:
            raise CallRefused(no_counter(call.quota))
        try:
            if self._reader is None:
                raise ReaderFault(Code.UNPLUGGED)
            self._reader.debit(debiting, deadline)
        except ReaderFault as fault:
            if debiting.so_far.end is DebitEnd.NOTHING:
                raise self._lost(fault) from fault
        return debiting.so_far

    def _tell_several(self, seen_at: int) -> None:
        self._torn_in_a_row = 0
        if not self._presence.crowded:
            self.reading(Several(), seen_at)
        self._presence.crowd()

    def _tell_torn(self) -> float:
        self._torn += 1
        self._torn_in_a_row += 1
        if self._torn_in_a_row == 1:
            self.log(f"torn read: a card left before it was read whole ({self._torn} since the start)")
        return HURRY_S if self._torn_in_a_row <= HURRIES else self._options.poll_ms / 1000

    def _made_prover(self, options: Options) -> Prover | None:
        if options.desfire is None:
            return None
        from drivers.desfire.prover import KeyFault, prover  # brings the cryptography

        try:
            return prover(options.desfire)
        except KeyFault as fault:
            raise DeviceError(problem(Code.KEY_FILE, options.port, str(fault))) from fault

    def _lost(self, fault: ReaderFault) -> DeviceError:
        return DeviceError(problem(fault.code, self._options.port))
