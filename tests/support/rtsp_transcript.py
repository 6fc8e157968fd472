"""A recorded RTSP session, played back by a server on loopback: the other end of the camera driver, as it was."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Packet(NamedTuple):
    """An interleaved packet (RFC 7826, 14) and when it came, in milliseconds from the first."""

    ms: int
    channel: int
    content: bytes


class Transcript:
    """`asked` are the driver's requests, `answers` the server's to each, `packets` what came after the last."""

    def __init__(self, file: Path) -> None:
        self.asked: list[str] = []
        self.answers: list[str] = []
        self.packets: list[Packet] = []
        text = file.read_text(encoding="ascii")
        lines = [line for line in text.split("\n") if not line.startswith("#")]
        for message in "\n".join(line for line in lines if not line.startswith("$")).strip().split("\n\n"):
            told = "\r\n".join(line[2:] for line in message.split("\n"))
            # What has no content ends with an empty line; content ends with its last line.
            told += "\r\n" if "\r\n\r\n" in told else "\r\n\r\n"
            (self.asked if message.startswith(">") else self.answers).append(told)
        for line in lines:
            if line.startswith("$"):
                _, ms, channel, content = line.split(" ")
                self.packets.append(Packet(int(ms), int(channel), base64.b64decode(content)))


class Player:
    """Plays it to each connection, one after the other. `requests` are what was asked here. After the last packet the
    line stays open and silent, or is cut (`cut`). `spoil` changes packets on their way."""

    def __init__(self, transcript: Transcript, *, cut: bool = False) -> None:
        self._transcript, self._cut = transcript, cut
        self.spoil: Callable[[bytes], bytes] = lambda content: content
        self.mute = False
        """Connections are taken and nothing is answered."""
        self.requests: list[str] = []

    def __enter__(self) -> Player:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._server.getsockname()[1]}/camera"
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join()
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self._lines.append(line)
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        answers = iter(self._transcript.answers)
        with line, line.makefile("rb") as heard, suppress(OSError):
            for request in iter(lambda: _request(heard.readline), ""):
                self.requests.append(request)
                answer = next(answers, "")
                if not self.mute and answer:
                    line.sendall(_with_number_of(request, answer).encode())
                if request.startswith("PLAY") and not self.mute:
                    self._play(line)
                    if self._cut:
                        return

    def _play(self, line: socket.socket) -> None:
        began = time.monotonic()
        for packet in self._transcript.packets:
            time.sleep(max(0.0, packet.ms / 1000 - (time.monotonic() - began)))
            content = self.spoil(packet.content)
            line.sendall(b"$" + bytes([packet.channel]) + len(content).to_bytes(2, "big") + content)


def _request(readline: Callable[[], bytes]) -> str:
    """One request up to its empty line; empty when the line has ended."""
    request = ""
    while line := readline():
        request += line.decode("ascii", "replace")
        if line == b"\r\n":
            return request
    return ""


def _with_number_of(request: str, answer: str) -> str:
    """The answer with the request's CSeq: the only thing in which a replay may differ."""
    number = next(line for line in request.split("\r\n") if line.startswith("CSeq:"))
    return "\r\n".join(number if line.startswith("CSeq:") else line for line in answer.split("\r\n"))
