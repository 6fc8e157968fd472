"""HTTP/1.1 answers and server-sent events (RFC 9112; WHATWG HTML 9.2), as far as our daemon gives them.

Our own 100 lines: `http.client` alone costs as much CPU as the rest of `smartplace status` (it brings `email`).
Whatever bytes come in, nothing but `BadAnswer` is raised, and memory is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from gateway.cli.exits import Unreachable

HEAD_MAX = 16 * 1024
BODY_MAX = 8 * 1024 * 1024
LINE_MAX = 256 * 1024
"""Bytes in one line of an event stream."""


class BadAnswer(Unreachable):
    """What answers on the socket does not speak as our daemon does."""

    code = "bad_answer"

    def __init__(self, what: str) -> None:
        super().__init__(f"the daemon's answer is not understood: {what}", "Install one version of daemon and CLI")


class Head(NamedTuple):
    """Status and headers (names in lower case, the last one of a name counts)."""

    status: int
    headers: Mapping[str, str]


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    data: str


class Answer:
    """Reads one answer. `receive(n)` gives at most n bytes, none at the end; what it raises goes through."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._held = b""

    def head(self) -> Head:
        """Status line and headers. To be called first."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > HEAD_MAX:
                raise BadAnswer("its headers are too long")
            self._more("its headers are cut off")
        lines = self._held[:end].decode("latin-1").split("\r\n")
        self._held = self._held[end + 4 :]
        parts = lines[0].split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not _is_number(parts[1], 3):
            raise BadAnswer("it is not HTTP")
        fields = (line.partition(":") for line in lines[1:])
        return Head(int(parts[1]), {name.strip().lower(): value.strip() for name, _, value in fields})

    def pieces(self, head: Head) -> Iterator[bytes]:
        """The body as it comes, by the framing that the head names."""
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        elif (length := head.headers.get("content-length")) is not None:
            if not _is_number(length, 12):
                raise BadAnswer("its length is not a number")
            yield from self._exactly(int(length))
        else:
            while piece := self._take():
                yield piece

    def body(self, head: Head) -> bytes:
        """The whole body, of `BODY_MAX` bytes at most."""
        whole = bytearray()
        for piece in self.pieces(head):
            whole += piece
            if len(whole) > BODY_MAX:
                raise BadAnswer("it is too long")
        return bytes(whole)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = self._line().partition(b";")[0].strip()
            if not 0 < len(size) <= 8 or not all(digit in b"0123456789abcdefABCDEF" for digit in size):
                raise BadAnswer("a chunk has no size")
            if (left := int(size, 16)) == 0:
                return
            yield from self._exactly(left)
            if self._line():
                raise BadAnswer("a chunk is longer than it says")

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            if not self._held:
                self._more("it is cut off")
            piece, self._held = self._held[:left], self._held[left:]
            left -= len(piece)
            yield piece

    def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > HEAD_MAX:
                raise BadAnswer("a chunk has no size")
            self._more("it is cut off")
        line, self._held = self._held[:end], self._held[end + 2 :]
        return line

    def _take(self) -> bytes:
        piece, self._held = self._held, b""
        return piece or self._receive(65536)

    def _more(self, otherwise: str) -> None:
        data = self._receive(65536)
        if not data:
            raise BadAnswer(otherwise)
        self._held += data


def events(pieces: Iterator[bytes]) -> Iterator[Event]:
    """Events in a body. Comments (keep-alives), ids and retry times are passed over."""
    held = b""
    name = ""
    data: list[str] = []
    for piece in pieces:
        held += piece
        *lines, held = held.split(b"\n")
        if len(held) > LINE_MAX:
            raise BadAnswer("an event is too long")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
                if sum(map(len, data)) > LINE_MAX:
                    raise BadAnswer("an event is too long")
            elif not field and not value and data:
                yield Event(name or "message", "\n".join(data))
                name, data = "", []


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits
