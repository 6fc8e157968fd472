"""The lines of the contract: what goes in comes out, whatever else comes in does no harm."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import counter, keyboard, library, printer, reader, relay, slip
from drivers.contract.codec import (
    BadMessage,
    LineSplitter,
    decode_body,
    decode_for_driver,
    decode_for_gateway,
    encode,
    raw,
)
from drivers.contract.core import (
    CONTRACT,
    MAX_LINE,
    Alive,
    Call,
    DeviceState,
    Done,
    Hello,
    Kind,
    Options,
    Problem,
    Reading,
    Reopen,
    Reply,
    State,
    Step,
    Stop,
    Stored,
    ToDriver,
    ToGateway,
)
from drivers.runner import ALIVE_EVERY_S, EXIT_BAD_OPTIONS, REOPEN_CAP_S

TO_DRIVER: list[tuple[ToDriver, str]] = [
    (
        Options("desk-1", msgspec.Raw(b'{"port":"/dev/x"}')),
        '{"t":"options","device":"desk-1","options":{"port":"/dev/x"}}',
    ),
    (
        Call(7, 2000, raw(relay.Pulse(0, 500))),
        '{"t":"call","id":7,"deadline_ms":2000,"body":{"call":"pulse","channel":0,"ms":500}}',
    ),
    (Call(8, 5000, raw(Reopen())), '{"t":"call","id":8,"deadline_ms":5000,"body":{"call":"reopen"}}'),
    (Stored(3), '{"t":"stored","step":3}'),
    (Stop(), '{"t":"stop"}'),
]
TO_GATEWAY: list[tuple[ToGateway, str]] = [
    (
        Hello(CONTRACT, "relay", "1", Kind.RELAY),
        '{"t":"hello","contract":1,"driver":"relay","version":"1","kind":"relay"}',
    ),
    (
        Reading(12, raw(relay.InputEdge(1, True))),
        '{"t":"reading","mono_ns":12,"body":{"reading":"input","channel":1,"on":true}}',
    ),
    (State(DeviceState.OPENING), '{"t":"state","state":"opening"}'),
    (
        State(DeviceState.LOST, Problem("silent", "no answer", "Look at the cable")),
        '{"t":"state","state":"lost","problem":{"code":"silent","cause":"no answer","advice":"Look at the cable"}}',
    ),
    (
        State(DeviceState.READY, detail={"firmware": "1.6"}),
        '{"t":"state","state":"ready","detail":{"firmware":"1.6"}}',
    ),
    (Alive(99), '{"t":"alive","mono_ns":99}'),
    (
        Step(3, 7, raw(printer.PrintStep("k", printer.PrintPoint.INTENT))),
        '{"t":"step","id":3,"call":7,"body":{"key":"k","point":"intent"}}',
    ),
    (Reply(7, raw(Done())), '{"t":"reply","id":7,"body":{"result":"done"}}'),
    (
        Reply(7, problem=Problem("busy", "it is busy", "Ask again")),
        '{"t":"reply","id":7,"problem":{"code":"busy","cause":"it is busy","advice":"Ask again"}}',
    ),
    (Reply(7), '{"t":"reply","id":7}'),
]


def plain(message: msgspec.Struct) -> Any:
    """A message as plain JSON values: two `Raw` are never equal by themselves."""
    return json.loads(msgspec.json.encode(message))


# Messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "line"), TO_DRIVER, ids=lambda one: getattr(one, "t", ""))
def test_what_the_gateway_says_is_this_line_and_back(message: ToDriver, line: str) -> None:
    assert encode(message) == line.encode() + b"\n"
    assert plain(decode_for_driver(line.encode())) == json.loads(line)


@pytest.mark.parametrize(("message", "line"), TO_GATEWAY, ids=lambda one: getattr(one, "t", ""))
def test_what_a_driver_says_is_this_line_and_back(message: ToGateway, line: str) -> None:
    assert encode(message) == line.encode() + b"\n"
    back = decode_for_gateway(line.encode())
    assert type(back) is type(message)
    assert plain(back) == json.loads(line)


def test_a_reply_has_a_body_or_none() -> None:
    with_body = decode_for_gateway(b'{"t":"reply","id":1,"body":{"result":"done"}}')
    without = decode_for_gateway(b'{"t":"reply","id":1,"body":null}')
    assert isinstance(with_body, Reply)
    assert isinstance(without, Reply)
    assert with_body.body is not None
    assert decode_body(with_body.body, msgspec.json.Decoder(Done)) == Done()
    assert without.body is None


def test_each_side_takes_only_what_the_other_says() -> None:
    with pytest.raises(BadMessage):
        decode_for_driver(b'{"t":"alive","mono_ns":1}')
    with pytest.raises(BadMessage):
        decode_for_gateway(b'{"t":"stop"}')


def test_a_field_that_is_not_known_yet_is_no_reason_to_refuse_a_message() -> None:
    assert decode_for_gateway(b'{"t":"alive","mono_ns":1,"mood":"good"}') == Alive(1)


def test_bytes_survive_the_line() -> None:
    card = reader.Card(bytes(range(10)), ndef=bytes(range(256)))
    line = encode(Reading(1, raw(card)))
    back = decode_for_gateway(line)
    assert isinstance(back, Reading)
    assert decode_body(back.body, msgspec.json.Decoder(reader.ReaderReading)) == card


@pytest.mark.parametrize(
    "line", [b'{"t":"reading","mono_ns":"04A1B2C3","body":{}}', b'{"t":"reading","mono_ns":1,"body":04A1B2C3}']
)
def test_what_is_wrong_is_said_without_the_line(line: bytes) -> None:
    with pytest.raises(BadMessage) as wrong:
        decode_for_gateway(line)
    assert "04A1B2C3" not in str(wrong.value)


# Anything at all -----------------------------------------------------------------------------------------

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
KEYS = ("id", "step", "mono_ns", "deadline_ms", "body", "options", "device", "state", "problem", "kind", "detail")
TAGS = ("options", "call", "stored", "stop", "hello", "reading", "state", "alive", "step", "reply")
NEARLY = st.builds(
    lambda tag, fields: json.dumps({"t": tag, **fields}).encode(),
    st.sampled_from(TAGS),
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6),
)


@given(st.binary(max_size=200) | NEARLY | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_line_is_a_message_or_a_bad_message(line: bytes) -> None:
    for decode in (decode_for_driver, decode_for_gateway):
        with contextlib.suppress(BadMessage):
            assert isinstance(decode(line), msgspec.Struct)


@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_body_or_a_bad_message(body: bytes) -> None:
    calls = msgspec.json.Decoder(printer.Print | printer.Status | Reopen)
    with contextlib.suppress(BadMessage):
        assert isinstance(decode_body(msgspec.Raw(body), calls), msgspec.Struct)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[" * 60000,
        b'{"t":"call","id":1,"deadline_ms":1,"body":' + b"[" * 60000 + b"]" * 60000 + b"}",
        b'{"t":"stored","step":' + b"9" * 60000 + b"}",
        b'{"t":"stored","step":1e999}',
        b'{"t":"stop","t":"call"}',
        b'{"t":"stop"} {"t":"stop"}',
        '{"t":"st\ud800op"}'.encode("utf-8", "surrogatepass"),
        b"\xef\xbb\xbf" + b'{"t":"stop"}',
    ],
)
def test_lines_that_have_broken_parsers_are_bad_messages(line: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_for_driver(line)


# Lines ---------------------------------------------------------------------------------------------------


def test_a_message_that_is_too_long_for_a_line_is_not_sent() -> None:
    room = MAX_LINE - len(encode(State(DeviceState.LOST, Problem("", "", ""))))
    assert len(encode(State(DeviceState.LOST, Problem("", "x" * room, "")))) == MAX_LINE
    with pytest.raises(BadMessage, match="longer"):
        encode(State(DeviceState.LOST, Problem("", "x" * (room + 1), "")))


def test_the_longest_line_that_can_be_sent_is_taken() -> None:
    lines = LineSplitter()
    assert [len(line) for line in lines.feed(b"x" * (MAX_LINE - 1) + b"\n")] == [MAX_LINE - 1]
    assert list(lines.feed(b"y" * MAX_LINE + b"\n")) == []
    assert lines.skipped == 1


def test_a_line_that_is_too_long_is_skipped_to_its_end_and_the_next_one_taken() -> None:
    lines = LineSplitter(limit=8)
    assert list(lines.feed(b"12345")) == []
    assert list(lines.feed(b"6789")) == []
    assert list(lines.feed(b"still the same\nnext\n")) == [b"next"]
    assert lines.skipped == 1


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8), st.data())
def test_however_a_stream_is_cut_the_lines_are_the_same(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter, at = LineSplitter(limit=16), 0
    got: list[bytes] = []
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream)))
        got += splitter.feed(stream[at : at + size])
        at += size
    assert got == [line for line in lines if 0 < len(line) < 16]
    assert splitter.skipped == sum(len(line) >= 16 for line in lines)


@given(st.lists(st.binary(max_size=50), max_size=30), st.integers(1, 40))
def test_it_never_holds_more_than_a_line(pieces: list[bytes], limit: int) -> None:
    splitter = LineSplitter(limit)
    for piece in pieces:
        for line in splitter.feed(piece):
            assert 0 < len(line) < limit
            assert b"\n" not in line
        assert len(splitter._held) < limit


# The page ------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "driver-contract.md").read_text()
BODIES: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "call": (
        Reopen,
        *get_args(relay.RelayCall),
        *get_args(printer.PrinterCall),
        library.PatronStatus,
        keyboard.Type,
        counter.Debit,
        slip.Slip,
    ),
    "result": (
        Done,
        *get_args(relay.RelayResult),
        *get_args(printer.PrinterResult),
        library.Patron,
        keyboard.Typed,
        slip.SlipPrinted,
        counter.Debited,
    ),
    "reading": (*get_args(reader.ReaderReading), *get_args(relay.RelayReading)),
}


def examples(kind: str) -> list[bytes]:
    """The lines of the page's examples of this kind."""
    blocks = re.findall(rf"^```json {kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line.encode() for block in blocks for line in block.splitlines()]


def test_the_page_shows_every_message_and_each_example_is_one() -> None:
    from_gateway = [type(decode_for_driver(line)) for line in examples("to-driver")]
    from_driver = [type(decode_for_gateway(line)) for line in examples("to-gateway")]
    assert set(from_gateway) == {Options, Call, Stored, Stop}
    assert set(from_driver) == {Hello, Reading, State, Alive, Step, Reply}


@pytest.mark.parametrize("kind", BODIES)
def test_the_page_shows_every_body_as_it_is_on_the_line(kind: str) -> None:
    by_tag = {one.__struct_config__.tag: one for one in BODIES[kind]}
    shown = set()
    for line in examples(kind):
        tag = json.loads(line)[kind]
        body = msgspec.json.decode(line, type=by_tag[tag])
        assert plain(body) == json.loads(line)
        shown.add(tag)
    assert shown == set(by_tag)


def test_the_page_shows_steps_as_they_are_on_the_line() -> None:
    steps = [msgspec.json.decode(line, type=printer.PrintStep) for line in examples("step")]
    assert [plain(step) for step in steps] == [json.loads(line) for line in examples("step")]
    assert all(f"`{point}`" in PAGE for point in printer.PrintPoint)


def test_the_page_has_the_figures_of_the_code() -> None:
    assert f"{MAX_LINE:,} bytes" in PAGE
    assert f"**exit code\n{EXIT_BAD_OPTIONS}**" in PAGE
    assert f"At least every {ALIVE_EVERY_S:g} s" in PAGE
    assert f"grow to {REOPEN_CAP_S:g} s" in PAGE
