"""The addresses below /printers, each a few lines: take the request apart, have it done, tell it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.api.netfp import codes, questions, receipts, requests, tree
from gateway.api.netfp.calls import Calls
from gateway.api.netfp.guard import no_address, read_body
from gateway.api.netfp.kept import OWNER
from gateway.api.netfp.printers import Shelf
from gateway.api.netfp.questions import Question
from gateway.api.netfp.receipts import Refused
from gateway.api.netfp.tasks import KEY_BYTES, Call, Job, Tasks
from gateway.api.netfp.words import Message, Result, TaskGiven, encode, error, info, result
from gateway.config.types import NetfpSection
from gateway.fiscal.printers import Printers
from gateway.model.fiscal import CashWork, ReportWork, Reversal, Work

INVOICES = frozenset({"invoice", "creditnote"})
WITHOUT_BODY = frozenset({"xreport", "zreport", "duplicate", "reset"})
"""Their bodies hold credentials at most, which are not used here."""
ACTIONS = frozenset(
    {"receipt", "reversalreceipt", "deposit", "withdraw", "datetime", "rawrequest", *INVOICES, *WITHOUT_BODY}
)
QUESTIONS = frozenset({"status", "cash"})


class Asked(NamedTuple):
    """What is asked, of which printer, by whom."""

    printer: str
    device: str
    client: str

    def job(
        self, question: Question, work: Work, messages: tuple[Message, ...] = (), items: tuple[str, ...] = ()
    ) -> Job:
        """This work, wanted until the caller's `timeout`."""
        turn_ms = question.turn_ms
        expires_s = asyncio.get_running_loop().time() + turn_ms / 1000 if turn_ms else None
        return Job(work, self.device, self.client, self.printer, messages, expires_s, items)


Make = Callable[[Question], Job | Call | Result]


class PrinterRoutes:
    """Handlers. `answer` is the only way in."""

    def __init__(
        self, section: NetfpSection, zone: ZoneInfo, shelf: Shelf, printers: Printers, tasks: Tasks, calls: Calls
    ) -> None:
        self._section = section
        self._zone = zone
        self._shelf = shelf
        self._printers = printers
        self._tasks = tasks
        self._calls = calls

    async def answer(self, request: web.Request, client: str, segments: tuple[str, ...]) -> bytes:
        """The answer's JSON. `segments`: the address behind /printers. Raises `TurnedAway` and `Malformed`."""
        get = request.method == "GET"
        match segments:
            case ():
                self._only(get, "GET")
                return encode({name: self._shelf.info(device) for name, device in self._shelf.all().items()})
            case (word,) if word.lower() == "taskinfo":
                self._only(get, "GET")
                given = {name.lower(): value for name, value in request.query.items()}
                return encode(self._tasks.look(given.get("id", "")))
            case (printer,) if (device := self._shelf.device(printer)) is not None:
                self._only(get, "GET")
                return encode(self._shelf.info(device))
            case (printer, action) if (device := self._shelf.device(printer)) is not None:
                named = self._shelf.name(printer)
                if action.lower() in QUESTIONS:
                    self._only(get, "GET")
                    return await self._ask(request, action.lower(), named, device, client)
                if action.lower() in ACTIONS:
                    self._only(not get, "POST")
                    return await self._do(request, action.lower(), named, device, client)
        raise no_address()

    def _only(self, right: bool, method: str) -> None:
        if not right:
            raise no_address(method)

    async def _ask(self, request: web.Request, action: str, printer: str, device: str, client: str) -> bytes:
        if action == "status":
            return encode(await self._calls.status(device))
        asked = Asked(printer, device, client)
        return await self._run(request, asked, action, None, lambda _question: lambda: self._calls.cash(device))

    async def _do(self, request: web.Request, action: str, printer: str, device: str, client: str) -> bytes:
        encoded = await read_body(request)
        body = None
        if action not in WITHOUT_BODY:
            body = tree.parse(encoded or b"{}" if action == "datetime" else encoded)
        asked = Asked(printer, device, client)
        return await self._run(request, asked, action, body, lambda question: self._job(action, asked, body, question))

    def _job(self, action: str, asked: Asked, body: Any, question: Question) -> Job | Call | Result:
        """What has to be done. Raises `Refused` and `Malformed`."""
        key = os.urandom(KEY_BYTES).hex()
        device = asked.device
        match action:
            case "receipt" | "reversalreceipt":
                request = requests.read_receipt(body, self._zone, reversal=action == "reversalreceipt")
                checked = receipts.check(request, key, self._printers.description(device))
                if checked.work.reversal is not None:
                    self._check_sold_here(device, checked.work.reversal)
                messages = (*checked.messages, *_passed_over(request.unused))
                return asked.job(question, checked.work, messages, checked.items)
            case "deposit" | "withdraw":
                amount, unused = requests.read_amount(body)
                cents = receipts.positive(amount)
                work = CashWork(key, cents if action == "deposit" else -cents)
                return asked.job(question, work, _passed_over(unused))
            case "xreport" | "zreport":
                return asked.job(question, ReportWork(key, action == "zreport"))
            case "datetime":
                to = requests.read_clock(body, self._zone)
                return lambda: self._calls.set_clock(device, to)
            case "rawrequest" if self._section.raw:
                raw = requests.read_raw(body)
                return lambda: self._calls.raw(device, raw)
            case "duplicate" if self._section.duplicate:
                return lambda: self._calls.duplicate(device)
            case "reset":
                return lambda: self._calls.reset(device)
            case "rawrequest" | "duplicate":
                setting = "raw" if action == "rawrequest" else "duplicate"
                text = f"this is off here: `{setting} = true` in [netfp] of the gateway's configuration lets it through"
                return result(error(codes.NOT_ALLOWED, text))
        return result(
            error(codes.NOT_IMPLEMENTED, f"{action} is not done here: print a receipt, and the invoice elsewhere")
        )

    def _check_sold_here(self, device: str, original: Reversal) -> None:
        """What a till has sold on this printer comes back there: what has come back of it is written down there, and
        part of it may be somebody else's money. Raises `Refused`."""
        row = self._printers.receipt(device, original.number)
        if row is None or row.owner == OWNER:
            return
        memory = row.said.fiscal_memory if row.said is not None else ""
        if memory and original.fiscal_memory and memory != original.fiscal_memory:
            return
        what = f"receipt {original.number[:32]} was sold at the till {row.owner}, by its own decision"
        raise Refused("E405", what, "Give it back there: POST /v1/stations/…/refunds", where="receiptNumber")

    # Tasks ------------------------------------------------------------------------------------------------

    async def _run(self, request: web.Request, asked: Asked, action: str, body: Any, make: Make) -> bytes:
        """Have it done, or tell what stands under its id already. What is refused has an id, too: whoever waits for it
        by that id has to hear of it."""
        try:
            question = questions.read(request.query)
            digest = questions.digest(asked.printer, action, body)
            task = self._tasks.known(question.task, digest) if question.task else None
        except Refused as refused:
            return encode(codes.of_error(refused))
        if task is None:
            try:
                job = make(question)
            except Refused as refused:
                job = codes.of_error(refused)
            task = self._tasks.begin(question.task, digest, asked.device, job, keep=question.keep)
        if not question.async_ms:
            return encode(TaskGiven(question.task if isinstance(task, bytes) else task.id))
        if isinstance(task, bytes):
            return task
        said = await self._tasks.wait(task, question.async_ms / 1000)
        return encode(TaskGiven(task.id)) if said is None else said


def _passed_over(unused: tuple[str, ...]) -> tuple[Message, ...]:
    return (info(f"passed over: {', '.join(unused[:20])}"),) if unused else ()
