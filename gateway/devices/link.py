"""Calls to one driver process: each has a deadline, an answer or an error, and perhaps durable points.

Guarantees: a call ends by its deadline, whatever the driver does. `Stored` is sent only after the caller has
stored the step, only before the deadline. An error says honestly whether anything may have happened:
`InputRefused` and `NotReady` mean that nothing has, `DeadlineMissed` that it is not known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec

from drivers.contract.codec import BadMessage, encode, raw
from drivers.contract.core import Call, Problem, Reply, Step, Stored
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, NotReady

CALLS_MAX = 16
"""Calls under way at most: a driver does one after the other, and what waits longer is late anyway."""
LOST_WITHIN_S = 0.25
"""A driver that loses its device inside a call answers first and says `lost` right after it. Only when that
does not come was the call merely refused."""
NOTHING_DONE = frozenset({"bad_call", "no_such_call"})
TOO_LATE = "too_late"
"""Codes of the contract's runner: the call was not begun."""

UNKNOWN = "Find out what the device has done before you ask again"

log = logging.getLogger("gateway.devices")

OnStep = Callable[[msgspec.Raw], Awaitable[None]]


class Answer(StrEnum):
    """What a reply was."""

    RESULT = "result"
    """The result of a call under way: the device has answered."""
    BY_DRIVER = "by_driver"
    """The result of a call that its driver answers by itself: of the device it says nothing."""
    OTHER = "other"
    """A problem, or too late."""
    NEVER_ASKED = "never_asked"


class _Pending:
    """One call under way."""

    def __init__(self, answer: asyncio.Future[msgspec.Raw], on_step: OnStep | None, *, of_device: bool) -> None:
        self.answer = answer
        self.of_device = of_device
        self.on_step = on_step
        self.steps = 0
        self.storing: asyncio.Future[None] | None = None
        self.problem: Problem | None = None
        self.lost = False


class Link:
    """One driver process's calls. `on_waiting` is called when the driver waits, and will for ever, at a step
    that is not stored: only a restart helps it."""

    def __init__(self, device: str, send: Callable[[bytes], None], on_waiting: Callable[[], None]) -> None:
        self._device = device
        self._send = send
        self._on_waiting = on_waiting
        self._last = 0
        self._pending: dict[int, _Pending] = {}

    @property
    def stepping(self) -> bool:
        """Whether a call with durable points is under way: it may take long and must not be cut short."""
        return any(pending.on_step is not None for pending in self._pending.values())

    async def call(
        self, body: msgspec.Struct, deadline_ms: int, on_step: OnStep | None = None, *, of_device: bool = True
    ) -> msgspec.Raw:
        """Send it and wait for the answer's body. `of_device`: only the device can know the answer."""
        if len(self._pending) >= CALLS_MAX:
            raise NotReady(f"{CALLS_MAX} calls are under way", "Wait for their answers", where=self._device)
        number = self._last + 1
        try:
            line = encode(Call(number, deadline_ms, raw(body)))
        except BadMessage as error:
            raise InputRefused(str(error), "Ask for less at once", where=self._device) from error
        self._last = number
        pending = _Pending(asyncio.get_running_loop().create_future(), on_step, of_device=of_device)
        self._pending[number] = pending
        try:
            self._send(line)
            async with asyncio.timeout(deadline_ms / 1000):
                return await pending.answer
        except TimeoutError:
            raise self._unknown(f"no answer within {deadline_ms} ms", "timed_out") from None
        finally:
            del self._pending[number]
            if pending.storing is not None:
                self._on_waiting()

    def tell(self, body: msgspec.Struct, deadline_ms: int) -> None:
        """Send a call whose answer nobody waits for."""
        self._last += 1
        self._send(encode(Call(self._last, deadline_ms, raw(body))))

    def reply(self, reply: Reply) -> Answer:
        """The driver's answer."""
        pending = self._pending.get(reply.id)
        if pending is None:
            return Answer.OTHER if 0 < reply.id <= self._last else Answer.NEVER_ASKED
        if pending.answer.done() or pending.problem is not None:
            return Answer.OTHER
        if reply.problem is not None:
            self._refused(pending, reply.problem)
        elif reply.body is not None:
            pending.answer.set_result(reply.body)
            return Answer.RESULT if pending.of_device else Answer.BY_DRIVER
        else:
            _fail(pending, self._unknown("an answer without content", "bad_answer"))
        return Answer.OTHER

    def step(self, step: Step) -> None:
        """A durable point: store it, then let the driver go on."""
        pending = self._pending.get(step.call)
        if pending is None or pending.on_step is None or pending.storing is not None or pending.answer.done():
            self._on_waiting()
            return
        pending.steps += 1
        pending.storing = asyncio.ensure_future(pending.on_step(step.body))
        pending.storing.add_done_callback(lambda done: self._stored(step, pending, done))

    def lost(self) -> None:
        """The driver has just said that its device is away: what was under way is not known."""
        for pending in self._pending.values():
            pending.lost = True
            if pending.problem is not None:
                said = pending.problem
                _fail(pending, self._unknown(f"the device was lost meanwhile: {said.cause}", "device_lost"))

    def close(self, why: str) -> None:
        """The process is gone."""
        for pending in self._pending.values():
            pending.storing = None
            _fail(pending, self._unknown(f"its driver {why} meanwhile", "driver_died"))

    def _stored(self, step: Step, pending: _Pending, done: asyncio.Future[None]) -> None:
        failed = None if done.cancelled() else done.exception()
        if pending.answer.done() or self._pending.get(step.call) is not pending:
            return
        if done.cancelled() or failed is not None:
            log.error("%s: a step could not be stored: %r", self._device, failed)
            error = self._unknown("a step could not be stored, and the driver was not told to go on", "not_stored")
            error.__cause__ = failed
            _fail(pending, error)
            return
        pending.storing = None
        self._send(encode(Stored(step.id)))

    def _refused(self, pending: _Pending, problem: Problem) -> None:
        if problem.code == TOO_LATE:
            _fail(pending, NotReady(problem.cause, problem.advice, where=self._device, code=problem.code))
        elif pending.steps or pending.lost:
            _fail(pending, self._unknown(f"it was broken off: {problem.cause}", "device_lost"))
        elif problem.code in NOTHING_DONE:
            self._refuse(pending, problem)
        else:
            pending.problem = problem
            asyncio.get_running_loop().call_later(LOST_WITHIN_S, self._refuse, pending, problem)

    def _refuse(self, pending: _Pending, problem: Problem) -> None:
        _fail(pending, InputRefused(problem.cause, problem.advice, where=self._device, code=problem.code))

    def _unknown(self, what: str, code: str) -> DeadlineMissed:
        return DeadlineMissed(f"{what}; what happened is not known", UNKNOWN, where=self._device, code=code)


def _fail(pending: _Pending, error: GatewayError) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(error)
