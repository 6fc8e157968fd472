"""What the face answers, in ErpNet.FP's words: camelCase, true booleans, exact numbers, nothing that is not set."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType


class MessageType(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is to be said: `code` of the closed list in docs/netfp.md for errors and warnings."""

    type: MessageType
    code: str = ""
    text: str


def info(text: str) -> Message:
    return Message(type=MessageType.INFO, text=text)


def warning(code: str, text: str) -> Message:
    return Message(type=MessageType.WARNING, code=code, text=text)


def error(code: str, text: str) -> Message:
    return Message(type=MessageType.ERROR, code=code, text=text)


class Result(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Every answer: `ok` is false exactly when one of the messages is an error. The rest only where there is something:
    of a receipt its number, time, amount and fiscal memory; of a status the device's time; of the drawer what is in it;
    of a raw request the device's answer."""

    ok: bool
    messages: tuple[Message, ...]
    device_date_time: str = ""
    amount: Decimal | UnsetType = UNSET
    receipt_number: str = ""
    receipt_date_time: str = ""
    receipt_amount: Decimal | UnsetType = UNSET
    fiscal_memory_serial_number: str = ""
    raw_response: str | UnsetType = UNSET


def result(*messages: Message, **fields: Any) -> Result:
    """An answer with these messages, errors first: some clients show the first one only."""
    in_order = sorted(messages, key=lambda one: _ORDER.index(one.type))
    ok = all(one.type is not MessageType.ERROR for one in messages)
    return Result(ok=ok, messages=tuple(in_order), **fields)


_ORDER = (MessageType.ERROR, MessageType.WARNING, MessageType.INFO)


class TaskGiven(msgspec.Struct, frozen=True, rename="camel"):
    """The work goes on; `taskinfo` tells of it."""

    task_id: str


class TaskStatus(StrEnum):
    UNKNOWN = "unknown"
    ENQUEUED = "enqueued"
    RUNNING = "running"
    FINISHED = "finished"


class TaskInfo(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How a task stands; `result` when it is finished."""

    task_status: TaskStatus
    result: Raw | UnsetType = UNSET


class DeviceInfo(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A printer. Lengths are in bytes of the device's code page; 0: not known."""

    uri: str
    serial_number: str
    fiscal_memory_serial_number: str
    manufacturer: str
    model: str
    firmware_version: str
    item_text_max_length: int
    comment_text_max_length: int
    operator_password_max_length: int = 0
    tax_identification_number: str
    supported_payment_types: tuple[str, ...]
    supports_sub_total_amount_modifiers: bool
    sub_total_amount_modifiers_require_tax_group: bool
    supports_invoice: bool = False
    supports_credit_note: bool = False
    invoice_number_assignment: str = "device-assigned"
    credit_note_number_assignment: str = "device-assigned"
    support_payment_terminal: bool = False
    use_payment_terminal: bool = False


class ServiceVars(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What `service/vars` tells: nothing is detected and nothing announced here."""

    version: str
    server_id: str
    auto_detect: bool = False
    udp_beacon_port: int = 0
    exclude_port_list: str = ""
    detection_timeout: int = 0


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(answer: Any) -> bytes:
    """An answer as JSON. Amounts are written as they are: 20.00."""
    return _ENCODER.encode(answer)
