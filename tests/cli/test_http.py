"""Answers of the daemon as bytes: what is understood, and that nothing else than `BadAnswer` comes of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli.http import BODY_MAX, HEAD_MAX, LINE_MAX, Answer, BadAnswer, Event, events

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
UNTIL_END = b"HTTP/1.0 200 OK\r\n\r\nall of it"


def in_steps(data: bytes, step: int) -> Callable[[int], bytes]:
    """A connection that gives `step` bytes at a time."""
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    return lambda _size: next(pieces, b"")


def whole(data: bytes, step: int = 65536) -> bytes:
    answer = Answer(in_steps(data, step))
    return answer.body(answer.head())


@pytest.mark.parametrize("step", [1, 2, 7, 65536])
@pytest.mark.parametrize(("data", "body"), [(PLAIN, b'{"a":1}'), (CHUNKED, b"hello!"), (UNTIL_END, b"all of it")])
def test_a_body_is_the_same_in_whatever_pieces_it_comes(data: bytes, body: bytes, step: int) -> None:
    assert whole(data, step) == body


def test_header_names_are_read_in_any_case() -> None:
    head = Answer(in_steps(b"HTTP/1.1 503 Service Unavailable\r\nRETRY-After: 2\r\n\r\n", 9)).head()
    assert (head.status, head.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        PLAIN[:-1],
        CHUNKED[:-12],
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"x" * (HEAD_MAX + 70_000),
    ],
)
def test_what_is_not_an_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        whole(data)


def test_a_body_without_end_is_refused() -> None:
    def endless(_size: int) -> bytes:
        return next(pieces)

    def forever() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 65536

    pieces = forever()
    answer = Answer(endless)
    with pytest.raises(BadAnswer, match="too long"):
        answer.body(answer.head())
    assert BODY_MAX < 10_000_000


def test_events_are_read_with_their_names_over_several_lines_and_past_comments() -> None:
    stream = [b": alive\n\nevent: shown\nid: 4\ndata: {", b"\ndata: }\n\nretry: 2000\ndata: x\r\n\r\ndata: cut off"]
    assert list(events(iter(stream))) == [Event("shown", "{\n}"), Event("message", "x")]


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"y" * 60_000 + b"\n"])
def test_an_event_without_end_is_refused(piece: bytes) -> None:
    with pytest.raises(BadAnswer):
        list(events(iter([piece] * (LINE_MAX // 50_000 + 2))))


HEADS = st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", PLAIN])


@settings(deadline=None)
@given(HEADS, st.binary(max_size=400), st.integers(1, 50))
def test_whatever_comes_in_only_bad_answer_comes_out(head: bytes, data: bytes, step: int) -> None:
    answer = Answer(in_steps(head + data, step))
    try:
        list(events(answer.pieces(answer.head())))
    except BadAnswer:
        return
