"""The device's end of a wire, without the wire: bytes in, bytes out and when. No threads and no time of its own; the
caller says what time it is, in seconds of any clock that does not go back.

What is the same for all families is here: pacing, the answer that is given again to a frame that came again, faults.
A family's frames and commands are a `Wire`.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_faults import REQUEST_LOST, Fault, FaultKind, Faults
from drivers.simulators.fiscal_model import Why
from drivers.simulators.fiscal_paper import Document
from drivers.simulators.fiscal_wire import Broken, Heard, Ping, Request, Wire

REST_OF_FRAME_S = 0.05
"""A frame that has begun and does not go on for so long is broken."""
SYN_S = 0.06
JUNK = b"\r\nAT+CPIN?\r\n\x01\x7f"
"""What a modem on the same line sends, and the beginning of a frame that never goes on."""
EXECUTED_KEPT = 20_000


class Endpoint:
    """The simulated device on its wire. Feed it with `receive`, send what `due` gives out, look again at `next_s`.

    `line_ms`: time that a printed line takes; `baud`: bytes take time too (0: none). `on_document` hears of each
    document when it is finished.
    """

    def __init__(
        self, wire: Wire, device: Device, *, line_ms: float = 0.0, syn_ms: float = SYN_S * 1000, baud: int = 0,
        on_document: Callable[[Document], None] | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        self.wire = wire
        self.executed: list[int] = []
        """Commands that were carried out or refused, the last 10,000 at least."""
        self.port = 0
        """Goes up when the port vanishes: who had it open has it no longer."""
        self.on_document = on_document
        self._line_s, self._syn_s = line_ms / 1000, syn_ms / 1000
        self._byte_s = 10 / baud if baud else 0.0
        self._faults = Faults()
        self._reader = wire.reader()
        self._begun_s = 0.0
        self._out: list[tuple[float, bytes]] = []
        self._held: list[Heard] = []
        self._busy_until = self._deaf_until = self._absent_until = -math.inf
        self._off = False
        self._last_seq: int | None = None
        self._last_answer = b""
        self._told = len(device.documents)

    # The caller's side -----------------------------------------------------------------------------------

    def receive(self, data: bytes, now_s: float) -> None:
        """These bytes have arrived now."""
        self._pass(now_s)
        if now_s < max(self._deaf_until, self._absent_until):
            return
        heard = self._reader.feed(data)
        self._begun_s = now_s if data else self._begun_s
        for one in heard:
            self._take(one, now_s)

    def due(self, now_s: float) -> list[bytes]:
        """What it has sent until now and has not been given out yet, in order, one entry per send."""
        self._pass(now_s)
        number = bisect_right(self._out, now_s, key=lambda sent: sent[0])
        sent, self._out = self._out[:number], self._out[number:]
        return [data for _, data in sent]

    def next_s(self) -> float:
        """When there is something to do next if nothing comes in; infinity: never. Before that `due` gives nothing."""
        soonest = self._out[0][0] if self._out else math.inf
        if self._held:
            soonest = min(soonest, self._busy_until)
        if self._reader.waiting:
            soonest = min(soonest, self._begun_s + REST_OF_FRAME_S)
        return min(soonest, self._deaf_until) if self._off else soonest

    def present(self, now_s: float) -> bool:
        """Whether the port is there."""
        return now_s >= self._absent_until

    def back_s(self) -> float:
        """When a port that has vanished comes back; infinity: when somebody ends it."""
        return self._absent_until

    def tell(self) -> None:
        """Let `on_document` hear of what has been printed since."""
        for document in self.device.documents[self._told :]:
            self._told += 1
            if self.on_document is not None:
                self.on_document(document)

    def told_all(self) -> None:
        """What is on paper is old: nobody is told of it."""
        self._told = len(self.device.documents)

    # Knobs -----------------------------------------------------------------------------------------------

    @property
    def faults(self) -> frozenset[FaultKind]:
        """Those that this family knows."""
        unknown = {
            FaultKind.BUSY: not self.wire.retry,
            FaultKind.SYN_STORM: not self.wire.syn,
            FaultKind.SYN_SILENCE: not self.wire.syn,
            FaultKind.LOCK: not self.device.model.locks_after,
            FaultKind.ERROR_IN_DATA: not self.wire.quiet,
        }
        return frozenset(FaultKind) - {kind for kind, is_unknown in unknown.items() if is_unknown}

    def fault(self, kind: str, **fields: Any) -> None:
        """Arm one fault (see `fiscal_faults.Fault`). Several may wait; each hits once. Raises `ValueError` for one that
        this family does not know."""
        if kind not in self.faults:
            raise ValueError(
                f"{self.device.model.family} has no fault {kind}. It has: {', '.join(sorted(self.faults))}"
            )
        self._faults.arm(kind, **fields)

    @property
    def faults_waiting(self) -> int:
        return self._faults.waiting

    def recover(self) -> None:
        """End a silence, an absence or a power cut; forget all faults that have not hit yet."""
        self._faults.forget()
        self._deaf_until = self._absent_until = -math.inf

    def cut_power(self, now_s: float, off_s: float = 0.0) -> None:
        """Now, whatever it is doing; it is back after `off_s`."""
        self._quiet()
        self._deaf_until = now_s + off_s
        self._off = True
        self._last_seq, self._last_answer = None, b""

    def pull(self, now_s: float, away_s: float = math.inf) -> None:
        """The cable is out; the device goes on."""
        self._quiet()
        self._absent_until = now_s + away_s
        self.port += 1

    # Inside ----------------------------------------------------------------------------------------------

    def _quiet(self) -> None:
        self._out.clear()
        self._held.clear()
        self._reader = self.wire.reader()
        self._busy_until = -math.inf

    def _pass(self, now_s: float) -> None:
        """What happens by itself as time goes on."""
        if self._off and now_s >= self._deaf_until:
            self._off = False
            self.device.power_returns()
        while self._held and self._busy_until <= now_s:
            self._take(self._held.pop(0), self._busy_until)
        if self._reader.waiting and now_s >= self._begun_s + REST_OF_FRAME_S:
            for one in self._reader.give_up():
                self._take(one, self._begun_s + REST_OF_FRAME_S)

    def _take(self, heard: Heard, at: float) -> None:
        if isinstance(heard, Ping):
            self._send(at, self.wire.pong(heard, busy=at < self._busy_until))
        elif at < self._busy_until and not self.wire.retry:
            self._held.append(heard)
        elif at < self._busy_until:
            self._send(at, self.wire.retry)
        elif isinstance(heard, Broken):
            self._send(at, self.wire.nak)
        elif at >= max(self._deaf_until, self._absent_until):
            self._request(heard, at)

    def _send(self, at: float, data: bytes) -> None:
        """In the order of time: what answers a ping overtakes what is being printed."""
        if data:
            insort(self._out, (at, data), key=lambda sent: sent[0])

    def _request(self, request: Request, at: float) -> None:
        act = self.wire.act(request)
        fault = self._faults.hit(request.seq, request.command, act)
        kind = fault.kind if fault is not None else None
        if kind in REQUEST_LOST:
            lost = {FaultKind.DROP_REQUEST: b"", FaultKind.BUSY: self.wire.retry}
            self._send(at, lost.get(kind, self.wire.nak) if kind is not None else b"")
            return
        if fault is not None and not fault.executed and self._gone(fault, at):
            return
        before = self._last_answer
        works_s = 0.0
        if not self.wire.repeats or request.seq != self._last_seq:
            self._last_answer = self._execute(request, fault)
            self._last_seq = request.seq
            works_s = self.wire.lines(act) * self._line_s
        if fault is None or not self._gone(fault, at):
            works_s += (len(request.data) + len(self._last_answer)) * self._byte_s
            self._reply(fault, before, at, works_s)

    def _execute(self, request: Request, fault: Fault | None) -> bytes:
        device, kind = self.device, fault.kind if fault is not None else None
        self.executed.append(request.command)
        if len(self.executed) > EXECUTED_KEPT:
            del self.executed[: EXECUTED_KEPT // 2]
        match kind:
            case FaultKind.PAPER_OUT:
                device.has_paper = False
            case FaultKind.COVER:
                device.cover_open = True
            case FaultKind.LOCK:
                device.lock()
            case FaultKind.SPONTANEOUS_Z:
                device.z_by_itself()
            case FaultKind.CLOCK_JUMP:
                device.jump_clock((fault.ms if fault is not None else 0) / 1000)
            case _:
                pass
        device.tick()
        device.subtotal_off_by = int(kind is FaultKind.SUBTOTAL_OFF)
        device.payment_fails = kind is FaultKind.FAIL_PAYMENT
        deny = Why.NOT_NOW if kind in (FaultKind.REFUSE, FaultKind.ERROR_IN_DATA) else None
        answer = self.wire.answer(request, deny, quiet=kind is FaultKind.ERROR_IN_DATA)
        device.subtotal_off_by, device.payment_fails = 0, False
        device.tick()
        self.tell()
        return answer

    def _gone(self, fault: Fault, at: float) -> bool:
        """Carry out what takes the answer away. True when there is nobody to answer."""
        seconds = fault.ms / 1000
        match fault.kind:
            case FaultKind.SILENCE:
                self._quiet()
                self._deaf_until = at + seconds if fault.ms else math.inf
            case FaultKind.POWER_CUT:
                self.cut_power(at, seconds)
            case FaultKind.VANISH:
                self.pull(at, seconds if fault.ms else math.inf)
            case _:
                return False
        return True

    def _reply(self, fault: Fault | None, before: bytes, at: float, works_s: float) -> None:
        reply, ready, silent_s = self._last_answer, at + works_s, 0.0
        match fault.kind if fault is not None else None:
            case FaultKind.DROP_ANSWER:
                reply = b""
            case FaultKind.CORRUPT:
                reply = reply[:-2] + bytes((reply[-2] ^ 1,)) + reply[-1:]
            case FaultKind.JUNK:
                reply = JUNK + reply
            case FaultKind.DUPLICATE:
                reply += reply
            case FaultKind.STALE:
                reply = before + reply
            case FaultKind.SYN_STORM:
                ready += fault.ms / 1000 if fault is not None else 0
            case FaultKind.SYN_SILENCE:
                ready += fault.ms / 1000 if fault is not None else 0
                reply = b""
            case FaultKind.DELAY:
                silent_s = fault.ms / 1000 if fault is not None else 0
            case _:
                pass
        number = 1
        while self.wire.syn and (syn_at := at + number * self._syn_s) < ready - 1e-9:
            self._send(syn_at, self.wire.syn)
            number += 1
        ready += silent_s
        self._busy_until = ready
        if fault is not None and fault.kind is FaultKind.BYTEWISE:
            for number, byte in enumerate(reply):
                self._busy_until = ready + number * (fault.ms or 1) / 1000
                self._send(self._busy_until, bytes((byte,)))
        else:
            self._send(ready, reply)
