"""What a simulated device's end of a wire is made of: what may come in, and what a family has to say about it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from drivers.simulators.fiscal_model import Act, Why


class Request(msgspec.Struct, frozen=True):
    """A request whose checksum is right, its DATA as received."""

    seq: int
    command: int
    data: bytes


class Broken(msgspec.Struct, frozen=True):
    """Something that begins like a request and is none."""


class Ping(msgspec.Struct, frozen=True):
    """A question of one byte."""

    byte: int


Heard = Request | Broken | Ping


class Reader(Protocol):
    """Finds requests in what comes in, in chunks of any size."""

    @property
    def waiting(self) -> bool:
        """True while a request has begun and is not complete."""
        ...

    def feed(self, data: bytes) -> list[Heard]: ...

    def give_up(self) -> list[Heard]:
        """The rest did not come in time."""
        ...


class Held:
    """What a `Reader` of any family keeps: the bytes of a request that is not complete."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def waiting(self) -> bool:
        return bool(self._held)

    def give_up(self) -> list[Heard]:
        self._held = b""
        return [Broken()]


class Wire(Protocol):
    """A family's frames and commands, on one device."""

    nak: bytes
    syn: bytes
    """Sent again and again while a command is being worked on; empty where the family says nothing meanwhile."""
    retry: bytes
    """Said to a command that comes meanwhile; empty where such a command just waits."""
    quiet: bool
    """A refusal can be told in DATA alone."""
    repeats: bool
    """A frame with the number of the frame before it is not executed; the last answer is given again."""

    def reader(self) -> Reader: ...

    def act(self, request: Request) -> Act: ...

    def lines(self, act: Act) -> int:
        """Lines of paper that it has just taken."""
        ...

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        """Carry it out, unless it is to be denied; the frame that answers. `quiet`: a refusal is told in DATA alone."""
        ...

    def pong(self, ping: Ping, *, busy: bool) -> bytes: ...
