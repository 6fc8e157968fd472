"""The pcsc driver: waits for a card, reads it once, reports it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drivers.contract.core import Kind
from drivers.contract.reader import Card
from drivers.driver import DeviceError, Driver, Port
from drivers.pcsc.conversation import CardGone
from drivers.pcsc.errors import Code, ReaderFault
from drivers.pcsc.options import Options

if TYPE_CHECKING:
    from drivers.desfire.prover import Prover
    from drivers.pcsc.reader import Reader, Seen

WAIT_MS = 500
"""pcscd wakes us when a card comes; so long we sleep at most, to hear that we are to stop and to know that pcscd is
there."""

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
            seen = self._reader.look(HURRY_MS if 0 < self._tries <= HURRIES else WAIT_MS)
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

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

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
