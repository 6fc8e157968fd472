"""The pcsc driver's own options."""

from __future__ import annotations

from typing import Annotated

import msgspec

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
    """Which of the readers that pcscd knows."""

    reader: ReaderName = ""
