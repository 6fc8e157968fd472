"""A card in the slot of a virtual PC/SC reader (`vpcd` of vsmartcard): the card's side of its socket.

To insert a card is to connect, to remove it is to close. Each message in both directions is two bytes of length, most
significant first, and so many bytes. One byte from the reader is a control code (0 off, 1 on, 2 reset, 4: the ATR is
asked for, the only one that is answered); more are a command APDU, answered with a response APDU.

    python -m drivers.simulators.vpcd --cards cards.json [--port 35963]

steered by lines: {"do": "present", "card": "anna", "ms": 1000}, {"do": "place", "card": "anna"}, {"do": "remove"},
{"do": "fault", "kind": "pull", "after": 3}.
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.card_box import CardBox
from drivers.simulators.cards import NOT_FOUND, OK, WRONG_INSTRUCTION, Card, Type2Tag, Type4Tag
from drivers.simulators.simulated import Act, Simulated

PORT = 0x8C7B
"""Where vpcd listens for its first slot unless it is told otherwise; the second is one higher."""
OFF, ON, RESET, ATR = 0, 1, 2, 4
GONE = bytes.fromhex("6300")
"""What a reader says for "operation failed" (PC/SC part 3, 3.2.2)."""

Dial = Callable[[], socket.socket]


def tcp(port: int = PORT) -> Dial:
    """How to reach a slot of a vpcd on this machine."""
    return lambda: socket.create_connection(("127.0.0.1", port), 1)


def atr_of(card: Card) -> bytes:
    """What a PC/SC reader makes of a card's answers (PC/SC part 3, 3.1.3.2.3): for a storage card its standard and
    name, for an ISO 14443-4 card its historical bytes."""
    if isinstance(card, Type2Tag):
        body = bytes.fromhex("8F8001804F0CA000000306030003" + "00000000")
    else:
        historical = b"\x80"
        body = bytes([0x80 | len(historical), 0x80, 0x01]) + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes([check])


class Slot:
    """The slot of one virtual reader. `dial` opens a connection to it; `commands` are those that cards have had."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._held: socket.socket | None = None
        self._changed = threading.Condition()
        self.commands: list[bytes] = []
        self.pull_after: int | None = None
        """The card leaves at this APDU, counted from 0, instead of answering it. Once."""
        self.gone_after: int | None = None
        """From this APDU on, counted from 0, the reader says `63 00`, as some do when the card has left and pcscd
        has not noticed yet."""
        self.stall = False
        """The card takes commands and answers nothing."""

    def place(self, card: Card, wait_s: float = 10.0) -> None:
        """Insert a card. Raises `OSError` when no reader takes it within `wait_s`."""
        until = time.monotonic() + wait_s
        while True:
            try:
                line = self._dial()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        line.settimeout(None)
        card.activate()
        with self._changed:
            self._held = line
        threading.Thread(target=self._serve, args=(line, card), daemon=True, name="vpcd-card").start()

    def remove(self) -> None:
        with self._changed:
            line, self._held = self._held, None
            self._changed.notify_all()
        if line is not None:
            _shut(line)

    def wait_gone(self, seconds: float = 10.0) -> None:
        """Until no card is there any more. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._held is None, seconds):
                raise TimeoutError("the card is still there")

    def _serve(self, line: socket.socket, card: Card) -> None:
        count = 0
        try:
            while (message := _receive(line)) is not None:
                match message:
                    case b"\x04":
                        _send(line, atr_of(card))
                    case b"\x00" | b"\x01" | b"\x02":
                        card.activate()
                    case _:
                        self.commands.append(message)
                        if self.pull_after is not None and count >= self.pull_after:
                            self.pull_after = None
                            break
                        gone = self.gone_after is not None and count >= self.gone_after
                        count += 1
                        if not self.stall:
                            _send(line, GONE if gone else answer(card, message))
        except OSError:
            pass
        with self._changed:
            if self._held is line:
                self._held = None
                self._changed.notify_all()
        _shut(line)


def answer(card: Card, command: bytes) -> bytes:
    """What a reader with this card answers to a command APDU: to `FF CA` and `FF B0` the reader itself (PC/SC part 3,
    3.2.2.1), to all else the card."""
    match command[:4]:
        case b"\xff\xca\x00\x00":
            return card.uid + OK
        case _ if command[:2] == b"\xff\xb0" and isinstance(card, Type2Tag):
            block = card.exchange(bytes([0x30, command[3]]))
            length = command[4] if len(command) > 4 else 16
            return block[: length or 16] + OK if block is not None and len(block) == 16 else NOT_FOUND
        case _ if isinstance(card, Type4Tag):
            return card.apdu(command)
    return WRONG_INSTRUCTION


def _receive(line: socket.socket) -> bytes | None:
    head = _exactly(line, 2)
    return None if head is None else _exactly(line, struct.unpack(">H", head)[0])


def _exactly(line: socket.socket, size: int) -> bytes | None:
    """So many bytes; None when the line has ended. vpcd writes length and body by themselves: without an
    acknowledgement at once each command would wait 40 ms for the second one (Nagle against delayed ACK)."""
    found = b""
    while len(found) < size:
        if line.family is socket.AF_INET:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = line.recv(size - len(found))
        if not part:
            return None
        found += part
    return found


def _send(line: socket.socket, body: bytes) -> None:
    line.sendall(struct.pack(">H", len(body)) + body)


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


class Desk:
    """A slot, steered by lines."""

    def __init__(self, slot: Slot, box: CardBox) -> None:
        self._slot, self._box = slot, box

    def commands(self) -> Mapping[str, Callable[..., Any]]:
        return {"place": self._place, "remove": self._slot.remove, "present": self._present, "fault": self._fault}

    def _place(self, card: str) -> None:
        self._slot.remove()
        self._slot.place(self._box.card(card))
        self._box.keep_counters()

    def _present(self, card: str, ms: int = 1000) -> None:
        """pcscd looks for a card of this reader every 400 ms: what is shorter may not be seen."""
        self._place(card)
        threading.Timer(ms / 1000, self._leave).start()

    def _leave(self) -> None:
        self._slot.remove()
        self._box.keep_counters()

    def _fault(self, kind: str, after: int = 0) -> None:
        match kind:
            case "pull":
                self._slot.pull_after = after
            case "stall":
                self._slot.stall = True
            case "none":
                self._slot.pull_after, self._slot.stall = None, False
            case _:
                raise ValueError("faults: pull (after APDUs), stall, none")


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A virtual reader at a pcscd of its own, on which two cards are put down in turn. Raises `CannotSimulate` where
    pcscd or namespaces for it are not to be had."""
    from drivers.simulators.pcscd import Pcscd  # it knows this module

    first, second = Type2Tag(b"\x04SIMUL1"), Type2Tag(b"\x04SIMUL2")
    daemon = Pcscd(folder)
    try:
        daemon.start()
        slot = daemon.slots[0]
        acts = (
            Act("a card is put down", lambda: slot.place(first), reads=True),
            Act("it is taken away", slot.remove),
            Act("another card is put down", lambda: slot.place(second), reads=True),
            Act("it is taken away", slot.remove),
        )
        yield Simulated({"reader": "00 00"}, acts, daemon.kill, daemon.start, daemon.env, settle_s=1.2)
    finally:
        daemon.end()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends. Exit code 2 when the file of cards is not one."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.vpcd", description=__doc__)
    parser.add_argument("--cards", type=Path, required=True, help="JSON file of cards by name")
    parser.add_argument("--counters", type=Path, help="file that keeps the SUN counters over restarts")
    parser.add_argument("--port", type=int, default=PORT, help="port of the slot on this machine")
    given = parser.parse_args(argv)
    try:
        box = CardBox(given.cards, given.counters)
    except (OSError, ValueError) as error:
        print(f"{given.cards}: {error}", file=sys.stderr)
        return 2
    slot = Slot(tcp(given.port))
    try:
        control.serve({"port": given.port, "cards": box.names()}, Desk(slot, box).commands())
    finally:
        slot.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
