"""The pcsc driver: waits for a card, reads it once, reports it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drivers.contract.core import Kind
from drivers.contract.counter import Debit, Debited, DebitEnd
from drivers.contract.desfire import DesfireProof
from drivers.contract.reader import Card
from drivers.desfire.outcome import no_counter
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.pcsc.conversation import CardGone
from drivers.pcsc.errors import Code, ReaderFault
from drivers.pcsc.options import Options

if TYPE_CHECKING:
    import msgspec

    from drivers.desfire.prover import Prover
    from drivers.pcsc.reader import Reader, Seen

WAIT_MS = 500
"""pcscd wakes us when a card comes; so long we sleep at most, to hear that we are to stop and to know that pcscd is
there."""

SOON_MS, SOON_S = 20, 2.0
"""After a card with a counter: so short are the waits, for so long, because a debit is asked for in between."""

SETTLE_S = 1.5
"""After opening: a reader that is being switched on shows itself empty before it finds the card that lies on it."""

HURRY_MS, HURRIES = 50, 5
"""A card that slips into the field fails first and works a moment later: so soon, so often it is tried again."""


class PcscDriver(Driver[Options]):
    """A reader that pcscd drives. Reports each card once per presentation (`Card`, a phone's `Code`, or `Recognised`),
    and nothing for one that was pulled before it was read whole: a genuine card must never look like a weak one."""

    name = "pcsc"
    kind = Kind.READER
    options_type = Options
    calls = (Debit,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._reader: Reader | None = None
        self._prover: Prover | None = None
        self._done: int | None = None
        self._lying: bytes | None = None
        """The card that was reported last, as long as the reader was not seen empty since: what lay there while pcscd
        was away is no new presentation."""
        self._anew, self._opened = False, 0.0
        self._torn = 0
        self._tries = 0
        self._soon_until = 0.0

    def open(self, options: Options) -> dict[str, str]:
        from drivers.pcsc.reader import Reader  # brings pyscard, after the hello is out

        self._reader = Reader()
        self._done, self._tries = None, 0
        self._anew, self._opened = True, time.monotonic()
        try:
            self._prover = _prover(options)
            return self._reader.open(options.reader)
        except ReaderFault as fault:
            raise DeviceError(fault.problem) from fault

    def poll(self) -> float:
        try:
            if self._reader is None:
                raise ReaderFault(Code.NO_SERVICE)
            seen = self._reader.look(self._wait_ms())
            seen_at = time.monotonic_ns()
            self.alive()
            if not seen.present:
                self._done, self._tries = None, 0
                if not self._anew or time.monotonic() > self._opened + SETTLE_S:
                    self._lying, self._anew = None, False
            elif seen.number != self._done:
                self._read(self._reader, seen, seen_at)
        except ReaderFault as fault:
            raise DeviceError(fault.problem) from fault
        return 0.0

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

    def _wait_ms(self) -> int:
        if 0 < self._tries <= HURRIES:
            return HURRY_MS
        return SOON_MS if time.monotonic() < self._soon_until else WAIT_MS

    def _debit(self, call: Debit, deadline: float) -> Debited:
        """Once the card was told to commit, nothing that happens to the reader may look like nothing done."""
        self._soon_until = 0.0
        debiting = self._prover.debiting(call) if self._prover is not None else None
        if debiting is None:
            raise CallRefused(no_counter(call.quota))
        try:
            if self._reader is None:
                raise ReaderFault(Code.NO_SERVICE)
            self._reader.debit(debiting, deadline)
        except CardGone:
            pass
        except ReaderFault as fault:
            if debiting.so_far.end is DebitEnd.NOTHING:
                raise DeviceError(fault.problem) from fault
        return debiting.so_far

    def _read(self, reader: Reader, seen: Seen, seen_at: int) -> None:
        if self._tries > HURRIES:
            return  # It never works: until it is taken away.
        try:
            read = reader.read(seen, self._prover)
        except CardGone:
            self._tries += 1
            if self._tries == 1:
                self._torn += 1
                self.log(f"torn read: a card left before it was read whole ({self._torn} since the start)")
            return
        lay_there = self._anew and read.uid == self._lying
        self._done, self._lying, self._anew, self._tries = seen.number, read.uid, False, 0
        if read.uid is None:
            self.log("a card without the UID of a contactless card: nothing of it was read")
        elif not lay_there:
            proof = self._prover.report(read.proof, self.log) if self._prover is not None else None
            if isinstance(proof, DesfireProof) and proof.counter is not None:
                self._soon_until = time.monotonic() + SOON_S
            shown = read.shown
            self.reading(Card(read.uid, shown, proof) if isinstance(shown, bytes) else shown, seen_at)


def _prover(options: Options) -> Prover | None:
    if options.desfire is None:
        return None
    from drivers.desfire.prover import KeyFault, prover  # brings the cryptography

    try:
        return prover(options.desfire)
    except KeyFault as fault:
        raise ReaderFault(Code.KEY_FILE, why=str(fault)) from fault
