"""A library's SIP2 server on loopback, written from the protocol's document apart from the driver's own codec.

    python -m drivers.simulators.sip2 [--port N] [--user U --password P]

steered by lines: {"do": "patron", "barcode": "L1", "flags": "Y", "valid": false, "pin": "1234"}, {"do": "forget",
"barcode": "L1"}, {"do": "fault", "kind": "slow"}, {"do": "asked"} (how often each message came), {"do": "drop"} (close
every connection). Patrons have names and addresses here, so that a test can see them stay here.

Faults: `drop` (closes instead of answering), `checksum` and `checksum_once` (a wrong one), `slow` (answers after
`slow_s`), `hang` (never answers), `garbage`, `sequence` (another one), `other` (answers another question),
`other_patron`, `offline`, `cut`, `resend` (asks for the question again, once), `no_valid` (leaves BL out), `flood` (an
answer without end).
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.simulated import Act, Simulated

FAULTS = (
    *("drop", "checksum", "slow", "hang", "garbage", "sequence", "other", "other_patron", "offline", "cut", "resend"),
    *("no_valid", "flood", "checksum_once"),
)


@dataclass(frozen=True)
class PatronRecord:
    """What the library knows of somebody. `flags`: the first of the 14, the others are blank."""

    valid: bool = True
    flags: str = ""
    pin: str = ""
    name: str = "Zane Lasītāja"
    address: str = "Lielā iela 1, Jelgava"


def stamp() -> str:
    return time.strftime("%Y%m%d    %H%M%S")


def signed(text: str) -> bytes:
    """With the checksum that makes all bytes add up to nothing."""
    data = text.encode("utf-8") + b"AZ"
    total = 0
    for byte in data:
        total += byte
    return data + f"{(0x10000 - total % 0x10000) % 0x10000:04X}".encode() + b"\r"


class Sip2Server:
    """Serves each connection in a thread of its own. `port` is the real one once started."""

    def __init__(
        self, port: int = 0, *, login: tuple[str, str] = ("gw", "secret"), tls: ssl.SSLContext | None = None
    ) -> None:
        self._login = login
        self._tls = tls
        self._wanted = port
        self.port = 0
        self.patrons: dict[str, PatronRecord] = {}
        self.fault = ""
        self.slow_s = 5.0
        self.asked: Counter[str] = Counter()
        self.heard: list[bytes] = []
        """Messages as they came, for those who want to see what was asked."""
        self.ended: list[str] = []
        """Patrons whose sessions were ended."""
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._wanted))
        self.port = self._wanted = self._listener.getsockname()[1]
        self._stopping.clear()
        threading.Thread(target=self._accept, name="sip2", daemon=True).start()

    def stop(self) -> None:
        """Nobody answers at its port any more. May be called again."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def wait(self, right: Callable[[], bool], seconds: float = 15.0) -> bool:
        """Until something holds of what was asked."""
        with self._changed:
            return self._changed.wait_for(right, seconds)

    # Connections -----------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
        except OSError:
            plain.close()
            return
        self._connections.add(connection)
        held = b""
        last = ""
        try:
            while piece := connection.recv(4096):
                held += piece
                while b"\r" in held:
                    line, held = held.split(b"\r", 1)
                    last = self._message(connection, line, last)
        except OSError:
            return
        finally:
            self._connections.discard(connection)
            connection.close()

    def _message(self, connection: socket.socket, line: bytes, last: str) -> str:
        text = line.decode("utf-8", "replace")
        number = None
        if text[-9:-7] == "AY" and text[-6:-4] == "AZ":
            if signed(text[:-6])[:-1] != line:
                raise OSError("a client that cannot count")
            number, text = text[-7], text[:-9]
        code = text[:2]
        with self._changed:
            self.asked[code] += 1
            self.heard.append(line)
            self._changed.notify_all()
        if code == "97":
            self._send(connection, last or "96", bool(last))
            return last
        answer = self._answer(code, text)
        if number is not None:
            sent = str((int(number) + 5) % 10) if self.fault == "sequence" else number
            answer = f"{answer}AY{sent}"
        self._send(connection, answer, number is not None)
        return answer

    def _send(self, connection: socket.socket, answer: str, counts: bool) -> None:
        data = signed(answer) if counts else answer.encode("utf-8") + b"\r"
        match self.fault:
            case "drop":
                raise OSError("dropped")
            case "hang":
                return
            case "slow":
                self._stopping.wait(self.slow_s)
            case "checksum" | "checksum_once":
                data = data[:-5] + b"0000\r" if counts else data
                self.fault = "" if self.fault == "checksum_once" else self.fault
            case "garbage":
                data = bytes(range(14, 256)) + b"\r"
            case "cut":
                data = data[:20] + b"\r"
            case "resend":
                self.fault = ""
                data = b"96\r"
            case "flood":
                while not self._stopping.is_set():
                    connection.sendall(b"x" * 65536)
        connection.sendall(data)

    # What it says ----------------------------------------------------------------------------------------

    def _answer(self, code: str, text: str) -> str:
        if self.fault == "other":
            return "941"
        match code:
            case "93":
                named = self._fields(text[4:])
                return "941" if (named.get("CN"), named.get("CO")) == self._login else "940"
            case "99":
                online = "N" if self.fault == "offline" else "Y"
                return f"98{online}YYNYN030003{stamp()}2.00AOLIB|AMPilsētas bibliotēka|BXYYYYYNNYYYYNNNYN|"
            case "23":
                return f"24{self._patron(self._fields(text[23:]), '')}"
            case "63":
                return f"64{self._patron(self._fields(text[33:]), '000000010002000000000000')}BV3.50|"
            case "35":
                with self._changed:
                    self.ended.append(self._fields(text[20:]).get("AA", ""))
                    self._changed.notify_all()
                return f"36Y{stamp()}AOLIB|AA|"
            case _:
                return "96"

    def _patron(self, asked: dict[str, str], counts: str) -> str:
        barcode = asked.get("AA", "")
        record = self.patrons.get(barcode)
        flags = (record.flags if record else "").ljust(14)
        name, address = (record.name, record.address) if record else ("", "")
        valid = "Y" if record and record.valid else "N"
        # As real ones do: who has no PIN, or gave none, is told that it is right.
        right = "Y" if record and asked.get("AD", "") in ("", record.pin) else "N"
        told = "L-of-another" if self.fault == "other_patron" else barcode
        bl = "" if self.fault == "no_valid" else f"BL{valid}|"
        return f"{flags}000{stamp()}{counts}AOLIB|AA{told}|AE{name}|BD{address}|{bl}CQ{right}|"

    def _fields(self, text: str) -> dict[str, str]:
        return {piece[:2]: piece[2:] for piece in text.split("|") if len(piece) >= 2}


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A server without a login whose connections are cut and which goes off line for a moment, in turn."""
    server = Sip2Server()
    server.start()

    def off_line(off: bool) -> None:
        server.fault = "offline" if off else ""

    try:
        acts = (
            Act("the connection to the library's system is cut", server.drop, stay_s=4.0),
            Act("the library's system goes off line", lambda: off_line(True), stay_s=6.0),
            Act("the library's system is on line again", lambda: off_line(False), stay_s=6.0),
        )
        yield Simulated({"port": server.port}, acts, server.stop, server.start)
    finally:
        server.stop()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.sip2", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one, told at the start")
    parser.add_argument("--user", default="gw")
    parser.add_argument("--password", default="secret", help="of the simulated login; nobody's real one")
    given = parser.parse_args(argv)
    server = Sip2Server(given.port, login=(given.user, given.password))
    server.start()

    def patron(barcode: str, **fields: Any) -> None:
        server.patrons[barcode] = PatronRecord(**fields)

    def fault(kind: str = "", slow_s: float = 5.0) -> None:
        if kind and kind not in FAULTS:
            raise ValueError(f"faults: {', '.join(FAULTS)}")
        server.slow_s, server.fault = slow_s, kind

    try:
        commands: dict[str, Callable[..., Any]] = {
            "patron": patron,
            "forget": lambda barcode: server.patrons.pop(barcode) and None,
            "fault": fault,
            "asked": lambda: dict(server.asked),
            "drop": server.drop,
        }
        control.serve({"port": server.port}, commands)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
