"""The dialect of Datecs version 2 as its tests use it."""

from __future__ import annotations

from typing import TypeVar

from drivers.contract.printer import Payment, Reversal, ReversalReason
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2_dialect import DatecsV2
from drivers.fiscal.datecs_v2_family import DATECS_V2, Shape
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.frames import Answer
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import Said

V = TypeVar("V")

CLERK = Clerk("1", "0000", "24")
CLEAN = bytes.fromhex("80 80 80 80 86 9A 80 80")
OPEN = bytes.fromhex("80 80 88 80 86 9A 80 80")
NSALE = "DT636533-0020-0010110"
ORIGINAL = Reversal("472", ReversalReason.REFUND, "2026-11-27T10:02:41", "02000123")

OPERATIONS: tuple[Operation, ...] = (
    ask.Identify(), ask.ReadStatus(), ask.ReadTransaction(), ask.ReadLast(), ask.ReadDay(0), ask.ReadDay(1),
    ask.ReadDay(2), ask.ReadCash(), ask.ReadClock(), ask.ReadRates(), ask.Open(), ask.Open(NSALE),
    ask.OpenReversal(ORIGINAL), ask.Text(b"Nr. 1"), ask.Sale(b"Coffee", "A", 250, 2000),
    ask.AdjustSubtotal(-100), ask.ReadSubtotal(), ask.Pay(Payment.CASH, 2000), ask.Close(), ask.Cancel(),
    ask.PrintDay(z=False), ask.PrintDay(z=True), ask.MoveCash(500), ask.WriteClock("2026-11-27T10:02:41"),
    ask.OpenSlip(), ask.SlipLine(b"Test"), ask.CloseSlip(), ask.CopyLast(), ask.ReadDocument("0000472"),
)  # fmt: skip


def dialect(shape: Shape | None = None, clerk: Clerk = CLERK) -> DatecsV2:
    return DatecsV2(DATECS_V2, clerk, shape)


def said(operation: Operation, data: bytes, status: bytes = CLEAN) -> Said:
    command, _ = dialect().request(operation)
    return dialect().said(operation, Answer(0x20, command, data, status))


def value(operation: Operation, data: bytes, kind: type[V], status: bytes = CLEAN) -> V:
    told = said(operation, data, status)
    assert (told.refused, told.code) == ("", "")
    assert isinstance(told.value, kind)
    return told.value
