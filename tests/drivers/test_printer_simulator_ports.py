"""The simulated printer where a driver finds it: on a pty and on TCP, pulled and put back, and as a program."""

from __future__ import annotations

import json
import os
import queue
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from drivers.fiscal.serial_port import SerialPort
from drivers.simulators.fiscal_endpoint import JUNK
from drivers.simulators.fiscal_paper import Document, Kind, Paper
from drivers.simulators.printer import Simulator
from drivers.simulators.printer_program import fault_of
from tests.drivers.printer_host import CLOSE, OPEN, PAY, RECEIPT, Host, frame
from tests.drivers.test_printer_simulator_v2 import frame as frame_v2
from tests.drivers.zfp_host import frame as frame_zfp

PATIENCE_S = 10.0


class Wire:
    """A host that looks at raw bytes; `descriptor` is a pty or a socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seq = 0x20

    def ask(self, command: int, data: bytes = b"", last: bytes = b"\x03") -> bytes:
        self.seq += 1
        os.write(self._descriptor, frame(self.seq, command, data))
        return self.hear(last)

    def hear(self, last: bytes = b"\x03") -> bytes:
        """Until this byte ends it."""
        heard = b""
        while not heard.endswith(last):
            assert select.select([self._descriptor], [], [], PATIENCE_S)[0], heard
            data = os.read(self._descriptor, 4096)
            assert data, "the line is closed"
            heard += data
        return heard


@contextmanager
def on(simulator: Simulator) -> Iterator[Wire]:
    if simulator.port.startswith("tcp://"):
        host, _, port = simulator.port.removeprefix("tcp://").partition(":")
        with socket.create_connection((host, int(port)), PATIENCE_S) as line:
            yield Wire(line.fileno())
        return
    port_ = os.open(simulator.port, os.O_RDWR | os.O_NOCTTY)
    try:
        yield Wire(port_)
    finally:
        os.close(port_)


@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_receipt_on_a_port(tcp: int | None) -> None:
    printed: queue.SimpleQueue[Document] = queue.SimpleQueue()
    with Simulator(tcp=tcp, on_document=printed.put) as simulator, on(simulator) as wire:
        for command, data in RECEIPT:
            assert wire.ask(command, data)[:1] == b"\x01"
        document = printed.get(timeout=PATIENCE_S)
        assert (document.kind, document.total_cents) == (Kind.SALE, 1390)
        assert simulator.executed == [command for command, _ in RECEIPT]
        assert simulator.state()["stage"] == "idle"
        assert [found["number"] for found in simulator.journal()] == ["0000001"]


@pytest.mark.parametrize(
    ("family", "request_"),
    [("datecs-v1b", frame(0x21, 90, b"1")), ("datecs-v2", frame_v2(0x21, 90, b"1")), ("tremol", frame_zfp(0x21, 0x21))],
)
def test_each_family_says_who_it_is(family: str, request_: bytes) -> None:
    with Simulator(family=family) as simulator, on(simulator) as wire:
        os.write(wire._descriptor, request_)
        heard = wire.hear(b"\x0a" if family == "tremol" else b"\x03")
    assert simulator.device.model.name.encode() in heard


@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_port_says_byte_for_byte_what_the_line_in_memory_says(tcp: int | None) -> None:
    host = Host()
    with Simulator(tcp=tcp) as simulator, on(simulator) as wire:
        for command, data in (*RECEIPT, (74, b"X"), (76, b"T"), (113, b""), (69, b"0"), (64, b""), (200, b"x")):
            assert wire.ask(command, data) == host.ask(command, data), command


def test_stable_name_is_a_link_that_goes_with_the_cable(tmp_path: Path) -> None:
    link = tmp_path / "till-printer"
    with Simulator(link) as simulator:
        assert simulator.port == str(link)
        assert link.is_symlink()
        port = SerialPort(str(link), 115200)
        port.open()
        port.close()
    assert not link.exists()


@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_cable_is_pulled_and_put_back_and_the_receipt_is_still_there(tcp: int | None) -> None:
    with Simulator(tcp=tcp) as simulator:
        with on(simulator) as wire:
            wire.ask(*OPEN)
            before = simulator.port
            simulator.fault("vanish", on="pay", ms=50)
            wire.ask(*RECEIPT[1])
            os.write(wire._descriptor, frame(wire.seq + 1, *PAY))
            with pytest.raises((AssertionError, OSError)):
                wire.hear()
        assert simulator.plugged.wait(PATIENCE_S)
        if tcp is not None:
            assert simulator.port == before
        with on(simulator) as wire:
            wire.seq = 0x40
            assert wire.ask(*CLOSE)[4:5] == b"0"
        assert len(simulator.device.documents) == 1


def test_next_host_on_tcp_waits_for_the_line() -> None:
    with Simulator(tcp=0) as simulator, on(simulator) as first:
        first.ask(74)
        with on(simulator) as second:
            os.write(second._descriptor, frame(0x30, 74))
            assert not select.select([second._descriptor], [], [], 0.05)[0]
            assert first.ask(74)


def test_fault_hits_on_a_real_port_too() -> None:
    with Simulator() as simulator, on(simulator) as wire:
        simulator.fault("junk")
        assert wire.ask(74).startswith(JUNK)


def test_power_is_cut_by_hand() -> None:
    with Simulator() as simulator, on(simulator) as wire:
        wire.ask(*OPEN)
        simulator.lock()
        assert wire.ask(*OPEN)[-11] & 2
        simulator.power()
        wire.ask(*RECEIPT[1])
        assert simulator.device.stage == "open"
        receipt = simulator.device.memory.receipt
        assert receipt is not None
        assert receipt.power_cut


def test_papers_numbers_go_on_in_the_next_run(tmp_path: Path) -> None:
    journal = tmp_path / "paper.txt"
    told: list[Document] = []
    for _ in range(2):
        with Simulator(paper=Paper(journal), on_document=told.append) as simulator, on(simulator) as wire:
            for command, data in RECEIPT:
                wire.ask(command, data)
    assert [document.number for document in told] == ["0000001", "0000002"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("nak", {"kind": "nak"}),
        (
            "power_cut:on=close,ms=500,executed=false",
            {"kind": "power_cut", "on": "close", "ms": 500, "executed": False},
        ),
    ],
)
def test_fault_in_words(text: str, fields: dict[str, Any]) -> None:
    assert fault_of(text) == fields


def test_fault_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="KEY=VALUE"):
        fault_of("nak:times")


# The program -------------------------------------------------------------------------------------------------


class Program:
    """`python -m drivers.simulators.printer`, its stdin and stdout."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drivers.simulators.printer", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_exc: object) -> None:
        _, self.said = self._process.communicate(timeout=PATIENCE_S)

    def line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_pipe(self._process.stdout).readline())
        return found

    def do(self, **command: Any) -> dict[str, Any]:
        pipe = _pipe(self._process.stdin)
        pipe.write(json.dumps(command).encode() + b"\n")
        pipe.flush()
        while "event" in (found := self.line()):
            continue
        return found

    @property
    def code(self) -> int:
        return self._process.wait(PATIENCE_S)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def test_program_says_where_it_listens_and_tells_of_what_it_prints(tmp_path: Path) -> None:
    link = tmp_path / "printer"
    arguments = ("--link", str(link), "--line-ms", "0", "--fault", "nak:on=open", "--journal", str(tmp_path / "paper"))
    with Program(*arguments) as program:
        assert program.line() == {"ready": {"port": str(link), "family": "datecs-v1"}}
        descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            wire = Wire(descriptor)
            assert wire.ask(*OPEN, last=b"\x15") == b"\x15"
            for command, data in RECEIPT:
                wire.ask(command, data)
        finally:
            os.close(descriptor)
        event = program.line()
        assert (event["event"], event["kind"], event["total_cents"]) == ("document", "sale", 1390)
        assert program.do(do="z") == {"ok": None}
        assert program.do(do="state")["ok"]["z_number"] == 1
        assert [found["kind"] for found in program.do(do="journal")["ok"]] == ["sale", "z"]
        assert "has no fault" in program.do(do="fault", kind="busy")["error"]
        for name in ("refill", "recover", "faults", "lock"):
            assert "ok" in program.do(do=name)
        assert program.do(do="paper", there=False) == {"ok": None}
        assert program.do(do="cover", open=True) == {"ok": None}
        assert program.do(do="clock", seconds=60) == {"ok": None}
        assert program.do(do="power", off_ms=1) == {"ok": None}
        assert program.do(do="pull", away_ms=1) == {"ok": None}
    assert not link.exists()


def test_program_on_a_free_tcp_port() -> None:
    with Program("--family", "tremol", "--tcp", "0") as program:
        port = int(program.line()["ready"]["port"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as line:
            line.sendall(b"\x04")
            assert line.recv(1) == b"\x04"


def test_program_refuses_a_fault_that_there_is_not() -> None:
    with Program("--fault", "nothing") as program:
        assert program.code == 2
    assert b"has no fault nothing" in program.said
