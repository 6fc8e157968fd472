"""Configuration of one fiscal printer. Imports the contract and msgspec only."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Port = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        description="Serial port by its stable name, such as /dev/serial/by-id/usb-...: never ttyUSB0, "
        "which may be another device after the next start",
    ),
]
Baud = Annotated[int, msgspec.Meta(ge=1200, le=921600, description="Speed of the port, 8N1")]
FamilyName = Annotated[
    Literal["datecs-v1"],
    msgspec.Meta(description="What the device speaks. datecs-v1: FP-650, FP-800, FP-2000, SK1, FMP-10, FP-700"),
]
Operator = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,2}$", description="Operator number")]
PasswordFile = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="File with the operator's password, mode 0600. Without it: the factory default"
    ),
]
Till = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,5}$", description="Number of the till at this printer")]
Encoding = Annotated[
    str, msgspec.Meta(min_length=1, description="Code page of the device's firmware, by its Python name")
]
VatLetters = Annotated[
    str,
    msgspec.Meta(
        pattern="^[A-H]{1,8}$", description="VAT letters that are programmed in the device; others are refused"
    ),
]
SilenceMs = Annotated[
    int, msgspec.Meta(ge=20, le=10_000, description="No answer for so long: the same frame is sent again")
]
Resends = Annotated[
    int, msgspec.Meta(ge=0, le=10, description="How often one frame is sent again before the device is lost")
]
AnswerMs = Annotated[
    int,
    msgspec.Meta(ge=100, le=600_000, description="Longest wait for one answer while the device says that it is busy"),
]
PollS = Annotated[float, msgspec.Meta(ge=0.1, le=60, description="Seconds between two looks at the device")]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `options` of a device with driver `fiscal`."""

    port: Port
    baud: Baud = 115200
    family: FamilyName = "datecs-v1"
    operator: Operator = "1"
    password_file: PasswordFile | None = None
    till: Till = "1"
    encoding: Encoding = "cp1257"
    vat_letters: VatLetters = "ABCDEFGH"
    silence_ms: SilenceMs = 500
    resends: Resends = 3
    answer_ms: AnswerMs = 15_000
    poll_s: PollS = 5.0
