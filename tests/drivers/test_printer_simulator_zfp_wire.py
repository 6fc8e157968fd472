"""The simulated Tremol device on its wire: published frames, pings, repeats, power cuts, and whatever comes in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_model import MODELS, Stage
from drivers.simulators.fiscal_wire import Broken, Ping, Request
from drivers.simulators.fiscal_zfp import NACK, RETRY, RequestReader, acknowledgement
from drivers.simulators.fiscal_zfp_commands import COMMANDS
from tests.drivers.zfp_host import BOOK, CLOSE, DONE, OPEN, PAY, Host, frame

VECTORS = [
    bytes.fromhex(vector["bytes_hex"])
    for vector in json.loads((Path(__file__).parent.parent / "data" / "fiscal-vectors.json").read_text("utf-8"))
    if vector["family"] == "tremol-zfp"
]


def test_published_frames_are_understood_and_made() -> None:
    requests = [vector for vector in VECTORS if vector[0] == 0x02]
    assert len(requests) == 3
    for request in requests:
        assert RequestReader().feed(request) == [Request(request[2], request[3], request[4:-3])]
    assert acknowledgement(Request(0x20, 0x20, b""), DONE) in VECTORS
    assert acknowledgement(Request(0x21, 0x20, b""), (3, 2)) in VECTORS


def test_published_opening_and_closing() -> None:
    host = Host()
    opening, closing = (next(v for v in VECTORS if v[0] == 2 and v[3] == command) for command in (0x30, 0x38))
    host.line.send(opening)
    assert host.line.receive(0.5) == acknowledgement(Request(0x21, 0x30, b""), DONE)
    host.line.send(closing)
    assert host.line.receive(0.5) == acknowledgement(Request(0x22, 0x38, b""), (5, 2))


def test_pings_are_answered_while_it_prints() -> None:
    host = Host(line_ms=100)
    host.send(*OPEN)
    host.line.send(b"\x04\x09")
    assert host.line.receive(0.1) == b"\x04\x41"
    host.send(0x20)
    assert host.line.receive(0.1) == RETRY
    assert host.line.receive(0.5)[:1] == b"\x06"
    host.line.send(b"\x05\x09")
    assert host.line.receive(0.1) == b"\x05\x40"
    host.device.has_paper = False
    host.line.send(b"\x05\x09")
    assert host.line.receive(0.1) == b"\x07\x42"


def test_postponed_receipt_is_printed_when_it_is_closed() -> None:
    host = Host(line_ms=100)
    host.do((0x30, b"1;0000;1;1;2"))
    before = host.clock.now_s
    host.do(BOOK, PAY)
    assert round(host.clock.now_s - before, 3) == 1.0  # of waiting for more, twice
    host.send(*CLOSE)
    assert host.line.receive(0.4) == b""
    assert host.line.receive(2.0)[:1] == b"\x06"


def test_broken_message_is_answered_with_one_byte() -> None:
    host = Host()
    host.line.send(frame(0x21, 0x20)[:-2] + b"\x30\x0a")
    assert host.line.receive(0.5) == NACK


@pytest.mark.parametrize(("repeats", "lines"), [(False, 2), (True, 1)])
def test_message_that_comes_again_is_executed_again_unless_the_device_filters(repeats: bool, lines: int) -> None:
    host = Host(repeats=repeats)
    host.do(OPEN, BOOK)
    assert host.digits(*BOOK, again=True) == DONE
    assert host.fields(0x72)[1] == f"{lines:03}"


@pytest.mark.parametrize(("executes", "digits", "items"), [(True, (13, 0), 2), (False, (13, 2), 1)])
def test_power_cut_is_told_until_the_status_is_read(executes: bool, digits: tuple[int, int], items: int) -> None:
    host = Host(executes_after_cut=executes)
    host.do(OPEN, BOOK)
    host.endpoint.cut_power(host.clock.now_s)
    assert host.digits(*BOOK) == digits
    assert host.fields(0x72)[1] == f"{items:03}"
    assert host.fields(0x72)[10] == "1"
    assert host.ask(0x20)[4] & 2
    host.do(BOOK)
    assert not host.ask(0x20)[4] & 2


@pytest.mark.parametrize(("kind", "told"), [("busy", RETRY), ("nak", NACK), ("drop_request", b"")])
def test_message_that_is_not_taken(kind: str, told: bytes) -> None:
    host = Host()
    host.do(OPEN)
    host.endpoint.fault(kind, times=2)
    assert [host.ask(*BOOK), host.ask(*BOOK, again=True)] == [told, told]
    assert host.digits(*BOOK, again=True) == DONE
    assert host.fields(0x72)[1] == "001"


@pytest.mark.parametrize("kind", ["syn_storm", "syn_silence", "error_in_data", "lock"])
def test_faults_of_the_other_families_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="has no fault"):
        Host().endpoint.fault(kind)


def test_status_tells_paper_and_what_is_open() -> None:
    host = Host()
    host.do(OPEN)
    host.device.has_paper = False
    status = host.ask(0x20)[4:-3]
    assert (len(status), status[1] & 1, status[2] >> 1 & 1) == (7, 1, 1)
    assert host.digits(*BOOK) == (1, 0)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_whatever_comes_in_nothing_breaks(pieces: list[bytes]) -> None:
    host = Host()
    reader = RequestReader()
    host.do(OPEN)
    for piece in pieces:
        assert all(isinstance(found, Request | Broken | Ping) for found in reader.feed(b"\x02" + piece))
        for command in COMMANDS:
            for data in (piece, b"1;0000;" + piece.replace(b" ", b";")):
                host.number = 0x20 + (host.number - 0x1F) % 0x60
                host.line.send(frame(host.number, command, data))
                assert host.line.receive(0.5)[:1] in (b"\x02", b"\x06")
    assert host.device.stage in set(Stage)


def test_family_is_made_by_its_name() -> None:
    assert endpoint("tremol").device.model is MODELS["tremol"]
