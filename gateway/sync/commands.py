"""Commands of the centre: each done once, whatever is repeated; the same answer to the same id.

The id, the answer and the audit entry are one commit. What only lives until the next start (`Pace`, `Resend`) is done
after that commit; a new epoch is begun before it, because asking for it twice has no effect.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import CommandBody
from gateway.model.clock import Clock, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import GatewayError, NotReady
from gateway.sync.notes import Notes, Suspicion
from gateway.sync.pace import Bucket
from gateway.sync.pump import Pump
from gateway.wire.commands import Act, Command, CommandResult, NewEpoch, Outcome, Pace, Resend
from gateway.wire.messages import decode, encode

log = logging.getLogger("sync")

KEPT = 1000
"""Ids kept with their answers, the newest ones. An older id that comes again is a new command."""
PER_S = 1.0
"""Commands a second, after a first 64: each costs the card a commit."""
MAX_WAITING = 16
UNTRUSTED_LIFE_MS = 60_000
"""While the clock is a guess no expiry can be checked; a command then lives so long after it arrived."""

NewEpochHook = Callable[[str], Awaitable[None]]


class CommandDone(msgspec.Struct, frozen=True):
    """Effect: this id has its answer."""

    result: CommandResult

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT OR IGNORE INTO command VALUES (?,?,?)", (self.result.id, encode(self.result), now.wall_ms))
        # A clock at 1970 must not make the newest id look like the oldest: what is put now stays.
        db.execute(
            "DELETE FROM command WHERE id<>? AND id IN (SELECT id FROM command ORDER BY at_ms DESC LIMIT -1 OFFSET ?)",
            (self.result.id, KEPT),
        )


class Commands:
    """Takes commands one after the other. `answer` publishes; it may raise `NotReady`."""

    def __init__(
        self,
        ledger: Ledger,
        pump: Pump,
        notes: Notes,
        clock: Clock,
        gateway: str,
        answer: Callable[[bytes], object],
        new_epoch: NewEpochHook | None = None,
    ) -> None:
        self._ledger = ledger
        self._pump = pump
        self._notes = notes
        self._clock = clock
        self._gateway = gateway
        self._answer = answer
        self._new_epoch = new_epoch
        self._bucket = Bucket(PER_S, clock.mono_ns() / 1e9)
        self._waiting = 0
        self._one_at_a_time = asyncio.Lock()

    async def take(self, payload: bytes, topic: str) -> None:
        """One message from the command topic. Raises `InputRefused` for one that is no command, and `LedgerError` when
        the disk refuses: it was not done then, and may be sent again."""
        command = decode(payload, Command, topic)
        if command.gateway != self._gateway:
            self._notes.suspect(Suspicion.COMMAND_NOT_OURS, f"{topic}: command {command.id} for another gateway")
            return
        arrived_ns = self._clock.mono_ns()
        if self._waiting >= MAX_WAITING or not self._bucket.room(arrived_ns / 1e9):
            self._notes.suspect(Suspicion.COMMAND_FLOOD, topic)
            return
        self._bucket.take(1)
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                self._say(await self._once(command, arrived_ns))
        finally:
            self._waiting -= 1

    def _say(self, result: CommandResult) -> None:
        try:
            self._answer(encode(result))
        except NotReady as error:
            log.info("no answer to command %s: %s; it will be asked again", result.id, error)

    async def _once(self, command: Command, arrived_ns: int) -> CommandResult:
        rows = self._ledger.query("SELECT result FROM command WHERE id=?", (command.id,))
        if rows:
            return decode(rows[0][0], CommandResult, "table command")
        outcome, detail = await self._judge(command, arrived_ns)
        result = CommandResult(command.id, outcome, detail[:300])
        act = str(command.act.__struct_config__.tag)
        body = CommandBody(command=command.id, act=act, outcome=outcome.value, detail=result.detail)
        entry = NewEntry(Stream.AUDIT, EntryKind.COMMAND, msgspec.json.encode(body))
        await self._ledger.commit([entry], [CommandDone(result)])
        log.info("command %s: %s %s", act, outcome.value, result.detail)
        if outcome is Outcome.DONE:
            self._do(command.act)
        return result

    async def _judge(self, command: Command, arrived_ns: int) -> tuple[Outcome, str]:
        now = self._clock.stamp()
        unsure = ""
        if command.expires_ms:
            if now.quality.trusted:
                if now.wall_ms >= command.expires_ms:
                    return Outcome.EXPIRED, f"it expired {(now.wall_ms - command.expires_ms) // 1000} s ago"
            elif (now.mono_ns - arrived_ns) // 1_000_000 >= UNTRUSTED_LIFE_MS:
                return Outcome.EXPIRED, "it waited too long here; the clock is a guess"
            else:
                unsure = "; the clock is a guess, so its expiry was not checked"
        outcome, detail = await self._prepare(command.act)
        return outcome, detail + unsure

    async def _prepare(self, act: Act) -> tuple[Outcome, str]:
        match act:
            case Resend(stream=stream, epoch=epoch, first=first, last=last):
                strand = self._pump.strand(epoch, stream)
                if strand is None:
                    return Outcome.REFUSED, f"epoch {epoch} is not here"
                if first > last or first > strand.last:
                    return Outcome.REFUSED, f"no such range: the last number is {strand.last}"
                return Outcome.DONE, f"{stream} {first} to {min(last, strand.last)} go again, as far as they are here"
            case Pace(entries_per_s=per_s):
                return Outcome.DONE, f"{per_s} backlog entries a second until the next start"
            case NewEpoch(epoch=epoch, reason=reason):
                return await self._begin_epoch(epoch, reason)

    async def _begin_epoch(self, epoch: str, reason: str) -> tuple[Outcome, str]:
        if epoch != self._ledger.epoch:
            return Outcome.DONE, f"without effect: epoch {self._ledger.epoch} is in use"
        if self._new_epoch is None:
            return Outcome.REFUSED, "this gateway cannot begin a new epoch"
        try:
            await self._new_epoch(reason or "ordered by the centre")
        except GatewayError as error:
            return Outcome.REFUSED, f"no new epoch: {error}"
        return Outcome.DONE, f"epoch {self._ledger.epoch} follows {epoch}"

    def _do(self, act: Act) -> None:
        match act:
            case Resend(stream=stream, epoch=epoch, first=first, last=last):
                self._pump.resend(epoch, stream, first, last)
            case Pace(entries_per_s=per_s):
                self._pump.pace(per_s)
            case NewEpoch():
                pass  # Begun before the commit.
