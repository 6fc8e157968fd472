"""Configuration of one fiscal printer. Imports the contract and msgspec only."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Port = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        description="Serial port by its stable name, such as /dev/serial/by-id/usb-...: never ttyUSB0, "
        "which may be another device after the next start. Or tcp://HOST:PORT of a network printer",
    ),
]
Baud = Annotated[int, msgspec.Meta(ge=1200, le=921600, description="Speed of the port, 8N1")]
FamilyName = Annotated[
    Literal["datecs-v1", "datecs-v1b", "datecs-v2", "tremol"],
    msgspec.Meta(
        description="What the device speaks. datecs-v1: FP-650, FP-800, FP-2000, SK1, FMP-10, FP-700; datecs-v1b: "
        "DP-05 to DP-150, WP-50; datecs-v2: models that end in X; tremol: Tremol"
    ),
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
ReportMs = Annotated[
    int, msgspec.Meta(ge=1000, le=1_800_000, description="Longest wait for a day report that is being printed")
]
HoldS = Annotated[
    float,
    msgspec.Meta(
        ge=0, le=3600, description="How long a receipt in the middle waits for paper or cover beyond its deadline"
    ),
]
RoundingMeans = Annotated[
    Literal[
        "credit", "cheque", "coupon", "external_coupon", "packaging", "internal", "damage", "bank", "reserved1",
        "reserved2",
    ],
    msgspec.Meta(description="Means of payment that tells cash rounding on paper; without it rounding is refused"),
]  # fmt: skip
RoundingText = Annotated[
    str, msgspec.Meta(min_length=1, max_length=16, description="Word before the cents that cash is rounded up by")
]
ClockToleranceS = Annotated[
    int, msgspec.Meta(ge=1, le=86_400, description="The device's clock may be off by so much before a person is told")
]
Copies = Annotated[
    bool, msgspec.Meta(description="Allow a copy of the last receipt. Forbidden in Latvia: leave it off there")
]
RawAllowed = Annotated[
    bool,
    msgspec.Meta(
        description="Allow single commands as they are, of those that only read, feed, cut or open the drawer"
    ),
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
    report_ms: ReportMs = 180_000
    hold_s: HoldS = 300.0
    rounding_means: RoundingMeans | None = None
    rounding_text: RoundingText = "Rounding"
    clock_tolerance_s: ClockToleranceS = 120
    copies: Copies = False
    raw: RawAllowed = False
    poll_s: PollS = 5.0
