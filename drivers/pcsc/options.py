"""The pcsc driver's own options."""

from __future__ import annotations

from typing import Annotated

import msgspec

from drivers.contract.desfire import DesfireOptions

ReaderName = Annotated[
    str,
    msgspec.Meta(
        max_length=128,
        pattern=r"^[ -~]*$(?!\n)",
        description="Part of the reader's name as `pcsc_scan -r` shows it, best with its serial number; empty when "
        "there is only one",
    ),
]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the readers that pcscd knows; `desfire`, when cards are asked to prove that they are genuine."""

    reader: ReaderName = ""
    desfire: DesfireOptions | None = None
