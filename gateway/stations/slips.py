"""A station's printer of slips: what is left for a person, and a POS's own coupons.

A slip books nothing. It is printed once per key that it is asked for under, and never again by itself; when it cannot
be printed, the sale that it follows stands, and the page says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from gateway.fiscal.words import in_doubt
from gateway.model.decision import Decision
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.identification import Identification
from gateway.model.shown import Show, Shown, shown_left
from gateway.model.slip import SlipJob, SlipPart, SlipState, SlipText
from gateway.stations.answers import AmendAnswer, Asked, StoreAnswer
from gateway.stations.once import STOP_S, Once
from gateway.stations.services import Services
from gateway.stations.slip_texts import balance_slip, is_known
from gateway.stations.slip_words import SlipAnswer, SlipRequest

log = logging.getLogger("stations")

DEADLINE_MS = 30_000
"""A slip of 200 lines at a slow printer (10 lines/s), behind another one."""
MOST_LETTERS = 4000
"""Of a coupon, all parts together."""
PERSON_S = 60.0
"""Whoever was presented at a desk may have their slip for so long; as a tap waits at a till."""
NOT_PRINTED = "slip_not_printed"
"""The reason on the page."""
LOOK = "Look at the printer: part of the slip may stand there"

Person = Callable[[], Identification | None]


class PrintSlip(Protocol):
    """What a station asks of devices for it: see `Devices.print_slip`."""

    def __call__(self, device: str, job: SlipJob, deadline_ms: int) -> Awaitable[bool]: ...


class Slips:
    """One station's. `device` is None where it names no printer: then nothing is printed, and who asks is told."""

    def __init__(self, station: str, device: str | None, services: Services, print_slip: PrintSlip | None) -> None:
        self._station = station
        self._device = device if print_slip is not None else None
        self._print_slip = print_slip
        self._services = services
        self._person: tuple[Identification, int] | None = None
        self._once = Once(services.ledger.query)
        self._after: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """What is still being printed after `once.STOP_S` is not waited for: its key answers `unknown` from then on."""
        await self._once.stop()
        if self._after:
            await asyncio.wait(self._after, timeout=STOP_S)

    # Who is there ----------------------------------------------------------------------------------------

    def saw(self, who: Identification) -> None:
        """Somebody was presented: whoever was there before has gone."""
        self._person = (who, self._services.clock.mono_ns()) if who.accepted else None

    def person(self) -> Identification | None:
        """Whoever was presented last, for `PERSON_S`."""
        if self._person is None:
            return None
        who, since_ns = self._person
        return who if self._services.clock.mono_ns() - since_ns <= PERSON_S * 1e9 else None

    # What is printed ---------------------------------------------------------------------------------------

    def after_sale(self, decision: Decision, who: Identification | None) -> None:
        """The slip of a sale that is on disk, for whoever it was decided for. Returns at once. Nothing is printed for
        a stranger, or when there is nothing to say."""
        if self._device is None or who is None or not who.accepted:
            return
        benefits = self._services.benefits
        messages = benefits.messages(decision, who.language)
        if not messages and not any(map(is_known, decision.balances)):
            return
        parts = balance_slip(benefits.speaks(who.language), decision.balances, messages, self._now())
        work = self._follow(decision, parts, self._services.board.last(self._station))
        task = asyncio.create_task(work, name=f"slip at {self._station}")
        self._after.add(task)
        task.add_done_callback(self._after.discard)

    async def ask(self, request: SlipRequest, key: str, person: Person | None = None) -> bytes:
        """A `SlipAnswer` as JSON, always the same under one key. `person`: who is there, where that is not `person`.

        Raises `InputRefused`, `Conflict` (key reused, in progress), `NotReady` (no printer, nobody there: nothing was
        printed, and the key is free), `LedgerError`.
        """
        asked = Asked.of("slip", self._station, key, request)
        return await self._once.do(asked, lambda: self._answer(request, asked, person or self.person))

    async def _answer(self, request: SlipRequest, asked: Asked, person: Person) -> bytes:
        device = self._ready()
        parts = _checked(request.parts) if request.kind == "text" else await self._balance(request, person)
        # Stored before the printer hears of it: after a crash nobody knows, and nothing is printed again.
        unknown = SlipAnswer(SlipState.UNKNOWN, "restart", LOOK)
        await self._services.ledger.commit([], [StoreAnswer(asked, lambda _ids: msgspec.json.encode(unknown))])
        answer = msgspec.json.encode(await self._print(device, parts))
        await self._services.ledger.commit([], [AmendAnswer(asked, answer)])
        return answer

    async def _balance(self, request: SlipRequest, person: Person) -> tuple[SlipPart, ...]:
        if request.parts:
            raise InputRefused("a balance has no parts - at `$.parts`", "Leave them out", code="bad_slip")
        who = person()
        if who is None or not who.accepted:
            advice = "Ask them to present their card, then ask within a minute"
            raise NotReady(f"nobody is at {self._station}", advice, code="nobody_there")
        left = await self._services.deciding.balances(self._station, who, ask=True)
        return balance_slip(self._services.benefits.speaks(who.language), left, (), self._now())

    async def _follow(self, decision: Decision, parts: tuple[SlipPart, ...], shown: Shown | None) -> None:
        device = self._device
        answer = await self._print(device, parts) if device is not None else SlipAnswer(SlipState.NOT_PRINTED)
        if answer.state in (SlipState.PRINTED, SlipState.SENT):
            return
        log.warning("%s: a slip after a sale: %s (%s). %s", self._station, answer.state, answer.reason, answer.advice)
        if self._services.board.last(self._station) is not shown:
            return  # The next person is being served: it is none of theirs.
        self._services.board.tell(
            self._station,
            Show.RECORDED,
            reason=NOT_PRINTED,
            advice=answer.advice,
            entry=shown.entry if shown is not None else "",
            list_cents=decision.list_cents,
            due_cents=decision.due_cents,
            left=shown_left(decision.balances),
        )

    async def _print(self, device: str, parts: tuple[SlipPart, ...]) -> SlipAnswer:
        """Print once. Never raises for what the printer does: the answer says it."""
        if self._print_slip is None:
            return SlipAnswer(SlipState.NOT_PRINTED)
        printers = self._services.printers
        try:
            # A fiscal printer does one thing after the other. How a receipt ended is read back from its counters, and a
            # slip may count in them: none is begun in between.
            async with printers.turn(device):
                if doubts := printers.doubts(device):
                    raise in_doubt(doubts[0])
                sure = await self._print_slip(device, SlipJob(os.urandom(8).hex(), parts), DEADLINE_MS)
        except (InputRefused, NotReady) as error:
            return SlipAnswer(SlipState.NOT_PRINTED, error.code, str(error))
        except DeadlineMissed as error:
            return SlipAnswer(SlipState.UNKNOWN, error.code, f"{error}. {LOOK}")
        return SlipAnswer(SlipState.PRINTED if sure else SlipState.SENT)

    def _ready(self) -> str:
        """The printer. Raises `NotReady` while it cannot be reached."""
        if self._device is None:
            raise NotReady(
                f"{self._station} prints no slips", "Name a printer in `slips` of the station", code="no_slip_printer"
            )
        if not self._services.outputs.is_ready(self._device):
            raise NotReady(f"printer {self._device} is not ready", "See `smartplace devices`", code="printer_not_ready")
        return self._device

    def _now(self) -> datetime:
        wall_s = self._services.clock.wall_ms() / 1000
        return datetime.fromtimestamp(wall_s, UTC).astimezone(self._services.benefits.zone)


def _checked(parts: tuple[SlipPart, ...]) -> tuple[SlipPart, ...]:
    """A caller's parts, when they can be a slip. What letters the printer has, only the printer's driver knows."""
    if not parts:
        raise InputRefused("a slip without parts - at `$.parts`", "Give one at least", code="bad_slip")
    letters = 0
    for index, part in enumerate(parts):
        name, text = ("text", part.text) if isinstance(part, SlipText) else ("data", part.data)
        letters += len(text)
        wrong = next((one for one in text if (ord(one) < 0x20 and one not in "\r\n") or 0x7F <= ord(one) < 0xA0), None)
        if wrong is not None or (name == "data" and ("\n" in text or "\r" in text)):
            what = f"it holds a control character - at `$.parts[{index}].{name}`"
            raise InputRefused(what, "Only text and, between lines, \\n", code="bad_slip")
    if letters > MOST_LETTERS:
        what = f"{letters} letters, at most {MOST_LETTERS} - at `$.parts`"
        raise InputRefused(what, "Print less at once", code="bad_slip")
    return parts
