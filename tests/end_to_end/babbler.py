"""A driver that says hello properly and then nearly everything wrong: `python -m tests.end_to_end.babbler`."""

from __future__ import annotations

import sys
import time

from drivers.contract.codec import encode, raw
from drivers.contract.core import CONTRACT, DeviceState, Hello, Kind, Reading, State
from drivers.contract.reader import Card
from drivers.contract.relay import InputEdge

UID = bytes.fromhex("AB" * 7)


def card(mono_ns: int) -> bytes:
    return encode(Reading(mono_ns, raw(Card(UID))))


def lines() -> list[bytes]:
    now = time.monotonic_ns()
    good = card(now)
    garbage = [
        b"nonsense\n",
        b"\x00\xff\xfe\n",
        b"{}\n",
        b'{"t":"reading"}\n',
        b'{"t":"reading","mono_ns":"now","body":{}}\n',
        b'{"t":"reading","mono_ns":%d,"body":{"reading":"card"}}\n' % now,
        b'{"t":"reading","mono_ns":%d,"body":{"reading":"card","uid":"not base64!"}}\n' % now,
        b'{"t":"reading","mono_ns":%d,"body":{"reading":"card","uid":7}}\n' % now,
        b'{"t":"reading","mono_ns":%d,"body":{"reading":"thought"}}\n' % now,
        b'{"t":"open_the_gate"}\n',
        b'{"t":"stored","step":1}\n',
        b'{"t":"reply","id":99,"body":{"result":"done"}}\n',
        b'{"t":"hello","contract":1,"driver":"x","version":"1","kind":"relay"}\n',
        encode(Reading(now, raw(InputEdge(0, True)))),  # no reader has inputs
        b"[" * 60_000 + b"\n",
        b"x" * 200_000 + b"\n",
        good[:20] + b"\n",
    ]
    stale = [card(now - 10**10), card(now + 10**12), card(0), card(-(2**62))]
    return [*garbage, *stale, *(card(now) for _ in range(500))]


def main() -> None:
    out = sys.stdout.buffer
    out.write(encode(Hello(CONTRACT, "babbler", "1", Kind.READER)))
    out.flush()
    sys.stdin.buffer.readline()  # our options
    out.write(encode(State(DeviceState.READY)))
    for line in lines():
        out.write(line)
    out.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
