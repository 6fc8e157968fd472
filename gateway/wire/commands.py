"""What the centre may ask of a gateway, and what the gateway answers. JSON, decoded strictly: an unknown act or field
refuses the command.

A command is done once, whatever the broker repeats: the gateway keeps its id with the answer, and gives the same answer
again. One that arrives after `expires_ms` is not done. No command touches money, rules or people: those travel signed,
as bundles.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.entry import Stream
from gateway.wire.contents import Ms
from gateway.wire.envelope import Hex

CommandId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,64}$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=300)]


class NewEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="new_epoch", tag_field="do"):
    """Begin a new epoch: `epoch` has conflicts, or its card was copied. Without effect when another is in use."""

    epoch: Hex
    reason: Text = ""


class Resend(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="resend", tag_field="do"):
    """Send this range of a stream again, acked or not, as far as it is still there."""

    stream: Stream
    epoch: Hex
    first: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    last: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="pace", tag_field="do"):
    """Backlog entries a second from now on until the next start; live ones do not wait for it."""

    entries_per_s: Annotated[int, msgspec.Meta(ge=1, le=100_000)]


Act = NewEpoch | Resend | Pace


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command to one gateway. `expires_ms` is the centre's wall clock, 0 for never."""

    id: CommandId
    gateway: str
    act: Act
    expires_ms: Ms = 0


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


class CommandResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer, on the gateway's `res` topic. `detail` is for people."""

    id: CommandId
    outcome: Outcome
    detail: Text = ""
