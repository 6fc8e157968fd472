"""The connection to a SIP2 server: one question, its answer, each within its time.

Guarantees: never more than `LONGEST` bytes held; an answer counts only with the sequence number and the code that were
asked for; what is garbled is asked again `TRIES` times. After any error the connection is of no use: close it.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from drivers.driver import DeviceError
from drivers.sip2.codec import END, LONGEST, RESEND, Answer, BadChecksum, Sip2Error, decode, framed
from drivers.sip2.errors import Code, problem
from drivers.sip2.options import Options

if TYPE_CHECKING:
    import ssl

TRIES = 3
"""Times that one question is sent, or its answer asked for again: the protocol's own habit."""
CONNECT_S = 3.0
AGAIN = b"96"


class Link:
    """One connection. Make it by `connect`. Every call raises `DeviceError` and nothing else."""

    def __init__(
        self,
        sock: socket.socket,
        where: str,
        *,
        error_detection: bool,
        nothing: tuple[type[OSError], ...] = (BlockingIOError,),
    ) -> None:
        """`nothing`: what the socket raises when nothing has come."""
        self._sock = sock
        self._nothing = nothing
        self._where = where
        self._detects = error_detection
        self._sequence = -1
        self._held = b""

    def ask(self, message: bytes, code: bytes, seconds: float) -> Answer:
        """The answer of this code to a message, within so many seconds in all."""
        until = time.monotonic() + seconds
        self._sequence = (self._sequence + 1) % 10
        sequence = self._sequence if self._detects else None
        self._held = b""  # Whatever came unasked answers nothing.
        say = framed(message, sequence)
        for _ in range(TRIES):
            self._send(say, until)
            try:
                answer = decode(self._line(until))
            except BadChecksum:
                say = framed(RESEND, None)
                continue
            except Sip2Error as error:
                raise DeviceError(problem(Code.WRONG_ANSWER, self._where, error)) from error
            if answer.code == AGAIN:
                say = framed(message, sequence)
                continue
            return self._checked(answer, code, sequence)
        raise DeviceError(problem(Code.GARBLED, self._where))

    def check(self) -> None:
        """Raises when the server has ended the connection since. Servers do so with one that is idle, and a visitor's
        question should not be what finds it out."""
        try:
            self._sock.settimeout(0)
            piece = self._sock.recv(4096)  # What comes unasked answers nothing.
        except self._nothing:
            return
        except OSError as error:
            raise DeviceError(problem(Code.CLOSED, self._where, error.strerror or "it is gone")) from error
        if not piece:
            raise DeviceError(problem(Code.CLOSED, self._where, "it ended"))

    def close(self) -> None:
        """Let go of it; one that is gone already is no error."""
        try:
            self._sock.close()
        except OSError:
            return

    def _checked(self, answer: Answer, code: bytes, sequence: int | None) -> Answer:
        if answer.code != code:
            raise DeviceError(problem(Code.WRONG_ANSWER, self._where, "an answer to another question"))
        if answer.sequence != sequence:
            raise DeviceError(problem(Code.WRONG_ANSWER, self._where, "another sequence number than the question's"))
        return answer

    def _send(self, data: bytes, until: float) -> None:
        try:
            self._sock.settimeout(self._left(until))
            self._sock.sendall(data)
        except TimeoutError as error:
            raise DeviceError(problem(Code.SILENT, self._where)) from error
        except OSError as error:
            raise DeviceError(problem(Code.CLOSED, self._where, error.strerror or "it is gone")) from error

    def _line(self, until: float) -> bytes:
        """What comes up to a line end; line feeds that some servers add are skipped."""
        while END not in self._held:
            if len(self._held) > LONGEST:
                raise Sip2Error(f"more than {LONGEST} bytes")
            try:
                self._sock.settimeout(self._left(until))
                piece = self._sock.recv(4096)
            except TimeoutError as error:
                raise DeviceError(problem(Code.SILENT, self._where)) from error
            except OSError as error:
                raise DeviceError(problem(Code.CLOSED, self._where, error.strerror or "it is gone")) from error
            if not piece:
                raise DeviceError(problem(Code.CLOSED, self._where, "it ended"))
            self._held += piece
        line, _, self._held = self._held.partition(END)
        return line.strip(b"\n")

    def _left(self, until: float) -> float:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def connect(options: Options) -> Link:
    """A connection to the server, with TLS where it is asked for. Raises `DeviceError` with the remedy."""
    where = f"{options.host}:{options.port}"
    try:
        plain = socket.create_connection((options.host, options.port), timeout=CONNECT_S)
    except OSError as error:
        raise DeviceError(problem(Code.NO_SERVER, where, error.strerror or error)) from error
    if not options.tls:
        return Link(plain, where, error_detection=options.error_detection)
    import ssl

    try:
        sock = _context(options).wrap_socket(plain, server_hostname=options.host)
    except ssl.SSLError as error:
        plain.close()
        raise DeviceError(problem(Code.NOT_TRUSTED, where, error.reason or error)) from error
    except OSError as error:
        plain.close()
        raise DeviceError(problem(Code.NOT_TRUSTED, where, error.strerror or error)) from error
    nothing = (BlockingIOError, ssl.SSLWantReadError)
    return Link(sock, where, error_detection=options.error_detection, nothing=nothing)


def _context(options: Options) -> ssl.SSLContext:
    """Verifies certificate and name; there is no way to turn that off."""
    import ssl

    context = ssl.create_default_context(cafile=options.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
