"""What is fuzzed: a function over bytes, the errors by which it may refuse, and examples of what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from drivers.access.formats import number_of
from drivers.ble import frames, phones
from drivers.cards.asking import ask
from drivers.contract import codec
from drivers.contract.core import Kind, Reading
from drivers.contract.printer import Payment
from drivers.desfire.authenticate import prove
from drivers.desfire.keys import FileKeys
from drivers.desfire.prover import KeyFault, parsed
from drivers.driver import DeviceError
from drivers.fiscal import datecs_frames, datecs_v1, datecs_v2, zfp
from drivers.fiscal import operations as fiscal
from drivers.fiscal.datecs_v1_dialect import DatecsV1
from drivers.fiscal.datecs_v1_family import DATECS_V1_A, DATECS_V1_B
from drivers.fiscal.datecs_v2_dialect import DatecsV2
from drivers.fiscal.datecs_v2_family import DATECS_V2
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.frames import Answer
from drivers.fiscal.said import DataError
from drivers.fiscal.zfp_dialect import Tremol
from drivers.fiscal.zfp_family import TREMOL
from drivers.nfc import attached, several
from drivers.nfc import frames as port100
from drivers.nfc.errors import ReaderFault
from drivers.osdp.keys import parse_key
from drivers.pcsc import cards
from drivers.relay import modbus
from drivers.scanner.codes import named
from drivers.sip2 import codec as sip2
from drivers.slip.status import Answers
from drivers.slip.text import TextRefused
from drivers.slip.text import lines as slip_lines
from drivers.wiegand.frames import Edge, Frames
from gateway.api import body
from gateway.api.netfp import questions as netfp_questions
from gateway.api.netfp import receipts as netfp_receipts
from gateway.api.netfp import requests as netfp_requests
from gateway.api.netfp import tree as netfp_tree
from gateway.centre import people_file, people_requests
from gateway.cli import http
from gateway.devices import convert, convert_printer, convert_slip
from gateway.identity import ndef, sun
from gateway.model.entry import Stream
from gateway.model.errors import InputRefused, NotFound
from gateway.model.fiscal import CashWork, PrinterDescription, SaleLine
from gateway.model.fiscal import Payment as Payments
from gateway.model.receipt import Receipt
from gateway.model.slip import SlipJob
from gateway.rules import read as rules
from gateway.rules import sheet_read
from gateway.stations.refund_words import RefundRequest
from gateway.stations.sales import id_of
from gateway.stations.till_words import PosQuoteRequest
from gateway.wire import base45, bundle, chunks, cose, credentials, envelope, messages, passes, registry, trust
from gateway.wire.messages import Acks
from tests.fuzz import seeds

MAX_BYTES = 4096
"""Of one input."""
RIGA = ZoneInfo("Europe/Riga")


class Target(NamedTuple):
    """`run` refuses by `errors` and by nothing else."""

    name: str
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]

    def take(self, data: bytes) -> None:
        """One input. Raises what the parser should not have raised."""
        with suppress(*self.errors):
            self.run(data)


class Card:
    """A card that answers every command with the next piece of the input: a byte of length, then so many bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self, _command: bytes) -> bytes:
        size = self._data[0] if self._data else 0
        answer, self._data = self._data[1 : 1 + size], self._data[1 + size :]
        return answer or b"\x6f\x00"


def _card(data: bytes) -> None:
    atr, card = data[:20], Card(data[20:])
    cards.uid_of(card)
    cards.ndef_of(card, atr)


def _phone(data: bytes) -> None:
    """As a phone, and as another card that takes commands."""
    for uid in (b"\x08\x01\x02\x03", b"\x04\x01\x02\x03"):
        ask(uid, Card(data), lambda: b"")


def _desfire(data: bytes) -> None:
    """A card that says anything at all is never genuine, but for the one that answers the one random number here."""
    prove(Card(data), seeds.DESFIRE_WANTED, FileKeys({0: bytes(16)}, bytes), seeds.DESFIRE_UID)


def _sun(data: bytes) -> None:
    uri = ndef.first_uri(data)
    message = sun.parse(uri) if uri else None
    if message is not None:
        sun.verify(message, bytes(16), bytes(16))


def _reading(data: bytes) -> None:
    said = codec.decode_for_gateway(data)
    if isinstance(said, Reading):
        convert.reading("reader-1", (Kind.READER,), said.mono_ns, said.body)


def _printer(data: bytes) -> None:
    """A fiscal device's driver says anything at all: an outcome, a step, a status, what it is."""
    work, said = CashWork("k1", 1), msgspec.Raw(data)
    for understood in (
        lambda: convert_printer.outcome(work, said),
        lambda: convert_printer.step(work, said),
        lambda: convert_printer.status(said),
        lambda: convert_printer.description(said),
        lambda: convert_printer.raw_answer(said),
    ):
        with suppress(codec.BadMessage):
            understood()


def _pulses(data: bytes) -> None:
    """A byte is a pulse: its lowest bit the wire, the others the time since the last one."""
    frames, now_ns, bits = Frames(25_000_000, 100_000), 0, 0
    for byte in data:
        now_ns += (byte >> 1) ** 3 * 1000
        if (frame := frames.feed(Edge(byte & 1, now_ns))) is not None:
            number_of(frame.bits, frame.value)
            bits += frame.bits
    assert bits <= len(data)


def _access_card(data: bytes) -> None:
    credentials.parse_access_card(data.decode("latin-1"))


def _beacon(data: bytes) -> None:
    frames.ids({frames.APPLE: data, 0xFFFF: data}, {frames.EDDYSTONE: data})
    frames.telemetry({frames.EDDYSTONE: data})


def _batch(data: bytes) -> None:
    envelope.decode_batch("jelgava", "museum-1", Stream.RECEIPT, data)


def _lines(data: bytes) -> None:
    splitter = codec.LineSplitter()
    for at in range(0, len(data), 7):
        splitter.feed(data[at : at + 7])


def _slip_text(data: bytes) -> object:
    return slip_lines(data.decode("utf-8", errors="surrogateescape"), 42, lambda letter: ord(letter) < 0x250)


def _slip_printed(data: bytes) -> object:
    return convert_slip.slip_printed(SlipJob("k1", ()), msgspec.Raw(data))


def _modbus(data: bytes) -> None:
    request = modbus.ReadBits(1, 0, 8)
    answer = modbus.find_answer(1, request, data)
    if answer is not None:
        modbus.decode_answer(1, request, answer)


def _datecs_v1_said(data: bytes) -> None:
    """A byte that picks the operation and the group, six of status, then DATA."""
    operation = seeds.FISCAL_OPERATIONS[data[0] % len(seeds.FISCAL_OPERATIONS)] if data else fiscal.Identify()
    family = DATECS_V1_B if data[:1] >= b"\x80" else DATECS_V1_A
    answer = Answer(0x20, None, data[7:], data[1:7].ljust(6, b"\x80"))
    DatecsV1(family, Clerk("1", "1", "1")).said(operation, answer)


def _datecs_v2_stream(data: bytes) -> None:
    """In pieces as a serial port may cut them; never more is held than the longest answer has."""
    parser = datecs_v2.AnswerParser()
    for at in range(0, len(data), 11):
        parser.feed(data[at : at + 11])
        assert parser.held < datecs_v2.MAX_ANSWER
    parser.expire()


def _datecs_v2_said(data: bytes) -> None:
    """A byte that picks the operation, eight of status, then DATA."""
    operation = seeds.FISCAL_OPERATIONS[data[0] % len(seeds.FISCAL_OPERATIONS)] if data else fiscal.Identify()
    answer = Answer(0x20, None, data[9:], data[1:9])
    DatecsV2(DATECS_V2, Clerk("1", "", "1")).said(operation, answer)


def _zfp_line(data: bytes) -> None:
    """Bytes of a line in pieces of seven, then silence: what is held stays bounded and ends."""
    parser = zfp.AnswerParser()
    for at in range(0, len(data), 7):
        parser.feed(data[at : at + 7])
        assert parser.held <= zfp.MAX_ANSWER
    parser.expire()
    assert not parser.held


NETFP_DEVICE = PrinterDescription(
    "x", "y", "z", payments=tuple(Payments), adjusts=True, zero_total=True, reversals=True
)


def _netfp(data: bytes) -> None:
    """A receipt of an ErpNet.FP client, whatever it is: refused, or a work whose money is right to the cent."""
    for reversal in (False, True):
        request = netfp_requests.read_receipt(netfp_tree.parse(data), RIGA, reversal=reversal)
        work = netfp_receipts.check(request, "k", NETFP_DEVICE).work
        assert 0 <= work.total_cents <= sum(tender.cents for tender in work.tenders)
        assert all(item.unit_cents > 0 < item.quantity for item in work.items if isinstance(item, SaleLine))


def _netfp_rest(data: bytes) -> None:
    """The other bodies, one after the other."""
    body = netfp_tree.parse(data)
    netfp_receipts.positive(netfp_requests.read_amount(body)[0])
    netfp_requests.read_clock(body, RIGA)
    netfp_requests.read_raw(body)


def _netfp_query(data: bytes) -> None:
    values = data.decode("latin-1").split("&")
    netfp_questions.read(dict(zip(("taskId", "asyncTimeout", "timeout"), values, strict=False)))


ZFP_READS: tuple[fiscal.Operation, ...] = (
    fiscal.Identify(), fiscal.Identify(1), fiscal.Identify(2), fiscal.ReadStatus(), fiscal.ReadTransaction(),
    fiscal.ReadTransaction(1), fiscal.ReadLast(), fiscal.ReadDay(), fiscal.ReadDay(1), fiscal.ReadCash(),
    fiscal.ReadClock(), fiscal.ReadRates(), fiscal.ReadSubtotal(), fiscal.AdjustSubtotal(1),
    fiscal.Pay(Payment.CASH, 1), fiscal.Close(), fiscal.ReadSubtotal(1),
)  # fmt: skip


def _zfp_said(data: bytes) -> None:
    """The first byte picks what was asked, its highest bit how it is answered; the rest is the answer."""
    which, rest = (data[0] if data else 0), data[1:]
    operation, tremol = ZFP_READS[which % len(ZFP_READS)], Tremol(TREMOL, Clerk("1", "0000", "1"))
    command = None if which & 0x80 else tremol.request(operation)[0]
    tremol.said(operation, Answer(0x20, command, b"" if command is None else rest, rest[:2]))


def _targets() -> Iterator[Target]:
    refused = (InputRefused,)
    bad = (codec.BadMessage,)
    yield Target("card", _card, (), (seeds.TYPE_4_CARD, seeds.TYPE_2_CARD))
    yield Target("phone", _phone, (), (seeds.PHONE, seeds.BANK_CARD))
    yield Target("two-cards", several.uids_in, (), (seeds.TWO_CARDS,))
    yield Target("usb-descriptors", attached.told, (ReaderFault,), (seeds.USB_DESCRIPTORS,))
    yield Target("port100", port100.whole, (), (seeds.PORT100_ANSWER, port100.ACK))
    yield Target("desfire", _desfire, (), (seeds.DESFIRE_CARD,))
    yield Target("key-file", lambda data: parsed(data, "keys"), (KeyFault,), (b"1 " + b"00" * 16,))
    yield Target("ndef", ndef.first_uri, (), (seeds.NDEF,))
    yield Target("sun", _sun, (), (seeds.SUN,))
    yield Target("pass", passes.decode, refused, (seeds.PASS, seeds.PROVED_PASS))
    yield Target("base45", base45.decode, refused, (seeds.PASS[4:],))
    yield Target("cose", cose.decode, refused, (base45.decode(seeds.PROVED_PASS[4:]),))
    yield Target("trust", trust.read, refused, (seeds.TRUST,))
    yield Target("barcode", credentials.barcode, (), (b"4750001112223", b"\x1dA1"))
    yield Target("beacon-id", lambda data: credentials.beacon(data.decode("latin-1")), (), (seeds.BEACON_ID,))
    yield Target("beacon", _beacon, (), (seeds.IBEACON, seeds.EDDYSTONE))
    yield Target("phone-keys", lambda data: phones.parse_keys(data, Path("keys")), (DeviceError,), (seeds.PHONE_KEYS,))
    yield Target("scanner", lambda data: named(data, aim=True), (), (b"]E04750001112223",))
    yield Target("wiegand", _pulses, (), (seeds.PULSES,))
    yield Target(
        "access-card", lambda data: credentials.parse_access_card(data.decode("latin-1")), (), (b"h10301:12:3",)
    )
    yield Target("osdp-key", lambda data: parse_key(data, 0), (DeviceError,), (b"0f" * 16,))
    yield Target("contract", _reading, bad, (seeds.CARD_LINE, seeds.CODE_LINE, seeds.ACCESS_LINE))
    yield Target("printer-answer", _printer, (), seeds.PRINTER_ANSWERS)
    yield Target("driver-call", codec.decode_for_driver, bad, (seeds.STOP_LINE,))
    yield Target("lines", _lines, bad, (seeds.STOP_LINE * 3,))
    yield Target("modbus", _modbus, (modbus.ModbusError,), (seeds.COILS,))
    yield Target("sip2", sip2.decode, (sip2.Sip2Error,), (seeds.PATRON, seeds.LOGGED_IN))
    yield Target("datecs", datecs_v1.decode_answer, (datecs_frames.FrameError,), (seeds.FISCAL,))
    yield Target("datecs-said", _datecs_v1_said, (DataError,), seeds.FISCAL_V1_SAID)
    yield Target("datecs-v2", datecs_v2.decode_answer, (datecs_frames.FrameError,), (seeds.FISCAL_V2,))
    yield Target("datecs-v2-stream", _datecs_v2_stream, (), (b"\x16" + seeds.FISCAL_V2 * 2,))
    yield Target("datecs-v2-said", _datecs_v2_said, (DataError,), seeds.FISCAL_V2_SAID)
    yield Target("zfp", zfp.decode_answer, (zfp.FrameError,), (seeds.ZFP_DATA, seeds.ZFP_ACK))
    yield Target("zfp-line", _zfp_line, (), (seeds.ZFP_DATA + seeds.ZFP_ACK, b"\x0e" + seeds.ZFP_ACK[1:]))
    yield Target("zfp-said", _zfp_said, (DataError,), seeds.ZFP_SAID)
    yield Target("slip-answers", lambda data: Answers().feed(data), (), (b"\x1e\x1a\x12\x12\x00LABELOK",))
    yield Target("slip-text", _slip_text, (TextRefused,), ("Vēl 3 no 10\nmuzejā".encode(), b"\x1bp0"))
    yield Target("slip-printed", _slip_printed, bad, (seeds.SLIP_PRINTED,))
    yield Target("receipt", lambda data: body.decode(data, Receipt), refused, (seeds.RECEIPT,))
    quote = b'{"receipt":' + seeds.RECEIPT + b',"tap":"a1b2c3","replaces":"00ff","total_cents":5}'
    yield Target("quote", lambda data: body.decode(data, PosQuoteRequest).settled(), refused, (quote,))
    back = b'{"receipt":"gw-1/00ff/receipt/7","lines":[{"line":"1","quantity":1000}],"fiscal_number":"R"}'
    yield Target("refund", lambda data: body.decode(data, RefundRequest), refused, (back,))
    yield Target(
        "receipt name", lambda data: id_of(data.decode(errors="replace")), (NotFound,), (b"gw-1/00ff/receipt/7",)
    )
    yield Target("netfp", _netfp, refused, seeds.NETFP_RECEIPTS)
    yield Target("netfp-rest", _netfp_rest, refused, (seeds.NETFP_REST,))
    yield Target("netfp-query", _netfp_query, refused, (b"lib7-000123&-1&5 s",))
    yield Target("rules", rules.load, refused, (seeds.RULES,))
    yield Target("sheet", sheet_read.read, refused, (seeds.SHEET,))
    yield Target("bundle", bundle.decode_bundle, refused, (seeds.BUNDLE,))
    yield Target("manifest", bundle.read_manifest, refused, (seeds.MANIFEST,))
    yield Target("registry", registry.decode, refused, (seeds.REGISTRY,))
    yield Target("chunk", chunks.decode_chunk, refused, (seeds.CHUNK,))
    yield Target("want", chunks.decode_want, refused, (seeds.WANT,))
    yield Target("ack", lambda data: messages.decode(data, Acks, "ack"), refused, (seeds.ACK,))
    yield Target("batch", _batch, refused, (seeds.BATCH,))
    yield Target("card-request", people_requests.decode, (), (seeds.CARD_REQUEST,))
    yield Target("holders", lambda data: list(people_file.read_holders(BytesIO(data))), refused, (seeds.HOLDERS,))
    yield Target("events", lambda data: list(http.events(iter((data,)))), (http.BadAnswer,), (seeds.EVENTS,))


TARGETS = {target.name: target for target in _targets()}
