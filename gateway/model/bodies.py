"""What entries hold, by kind. These very bytes are stored, sent and kept: JSON, gross cents, ms since 1970.

`station` names the spot; `admission` and `epoch` in later entries name the admission that they belong to: a new epoch
may have begun in between.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.body import Body
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind
from gateway.model.gate_bodies import (
    AdmissionBody,
    FireAlarmBody,
    InsideSetBody,
    OpenedBody,
    OverrideBody,
    PassedBody,
    VoidBody,
    WalkedBody,
)
from gateway.model.identification import Credential, Identification
from gateway.model.library import LibraryWord
from gateway.model.till_bodies import (
    FiscalOutcomeBody,
    FiscalStepBody,
    FiscalWorkBody,
    ReceiptBody,
    RefundBody,
    ZDueBody,
    ZSeenBody,
)


class IdentificationBody(Body, frozen=True):
    """Kinds `identification` and `refusal`: someone was or was not recognised at a station. `library`: what the
    library's own system said of this card, where it was asked; what the registry said stands beside it."""

    station: str
    identification: Identification
    library: LibraryWord | None = None


class FloodBody(Body, frozen=True):
    """Many refusals from one source within one minute, as one entry."""

    source: str
    reason: str
    minute_ms: int
    count: int


class BundleBody(Body, frozen=True):
    """Kinds `bundle_applied`, `bundle_refused` and `bundle_returned` (an earlier one is in force again)."""

    bundle: str
    number: int
    sha256: str = ""
    reason: str = ""


class StartedBody(Body, frozen=True):
    """The daemon is ready. `repaired` says what the start had to put right."""

    version: str
    repaired: tuple[str, ...] = ()


class DroppedBody(Body, frozen=True):
    """Entries that went unacknowledged: their stream's bound was reached, or (`why` is `damaged` or `missing`, with
    `alarm`) the card lost them. `epoch` is theirs where it is not the entry's own. `open`: `last` is the last number
    that anything here knows of, and there may have been more; when nothing is known to be lost, it is `first` - 1."""

    stream: str
    first: int
    last: int
    why: str
    epoch: str = ""
    alarm: bool = False
    open: bool = False


class EpochReason(StrEnum):
    """Why a new epoch began."""

    ORDERED = "ordered"
    """The centre asked for it."""
    LOST = "lost"
    """The centre has entries of this epoch that are not here: the card lost them, or an older image runs."""
    OLDER_COPY = "older_copy"
    """The file was replaced by an older copy, seen at the start."""
    DAMAGED = "damaged"
    MISSING = "missing"
    """The file was gone, and others of this gateway were there."""
    RESTORED = "restored"
    """`smartplace ledger restore`."""


class EpochBeganBody(Body, frozen=True):
    """First entry of a new epoch. `last`: the newest number of each stream of the epoch before, as far as it is known
    here. `unread`: state tables that could not be taken over. `ask_centre`: bundle numbers, counters and leases may
    have been higher than what is known here."""

    previous: str
    reason: EpochReason
    detail: str = ""
    last: dict[str, int] = msgspec.field(default_factory=dict)
    unread: tuple[str, ...] = ()
    ask_centre: bool = False
    alarm: bool = False


class SalvagedBody(Body, frozen=True):
    """An entry that was found in a damaged file and does not prove itself: what comes before it, or a part of it, is
    lost. As it was read; salt and digest are base64, `body` is text."""

    epoch: str
    stream: str
    seq: int
    entry_kind: str
    wall_ms: int
    digest: str
    salt: str = ""
    body: str = ""
    alarm: bool = True


class CheckpointBody(Body, frozen=True):
    """The newest entry of every stream, signed by this gateway's own key (docs/ledger.md, Checkpoints).
    `heads`: stream → number and digest (hex). `key` and `signature` are hex."""

    heads: dict[str, tuple[int, str]]
    key: str
    signature: str


class ErasureBody(Body, frozen=True):
    """A holder was forgotten; who, is not said. `entries`: how many lost their body, per epoch; `rows`: of state
    tables; `copies`: backups that were treated; `beyond_reach`: backups that were not there."""

    entries: dict[str, int]
    rows: int = 0
    copies: int = 0
    beyond_reach: int = 0


class SecurityBody(Body, frozen=True):
    """Something that a person should look at: forged card, foreign origin, wrong driver."""

    what: str
    source: str
    count: int = 1


class MessageRefusedBody(Body, frozen=True):
    """A message or body from outside that was refused and changed nothing."""

    source: str
    reason: str
    count: int = 1


class CommandBody(Body, frozen=True):
    """A command of the centre, and what became of it."""

    command: str
    act: str
    outcome: str
    detail: str = ""


class AnchorBody(Body, frozen=True):
    """In this boot, this monotonic moment was this wall time: what else was recorded in it can be dated."""

    boot: str
    mono_ns: int
    wall_ms: int
    quality: ClockQuality


class CardAct(StrEnum):
    """What staff at a desk ask the centre to do with a holder's cards."""

    LINK = "link"
    """Add this card."""
    BLOCK = "block"
    """Block that one: it is lost."""
    REPLACE = "replace"
    """Block that one and put this one in its place."""


class CardRequestBody(Body, frozen=True):
    """Staff at a desk ask for something; the centre decides (docs/decisions/0031-cards-at-the-desk.md).

    `credential`: by which the holder was identified. `card`: the one to add. `lost`: digest of the one to block.
    `shown`: the entries that say that both were presented.
    """

    request: str
    station: str
    act: CardAct
    staff: str
    holder: str
    credential: Credential
    card: Credential | None = None
    lost: str = ""
    shown: tuple[str, ...] = ()


class HealthBody(Body, frozen=True):
    """The gateway's own state, each minute."""

    devices: dict[str, str]
    backlog: dict[str, int]
    uptime_s: int


BODIES: dict[EntryKind, type[Body]] = {
    EntryKind.RECEIPT: ReceiptBody,
    EntryKind.ADMISSION: AdmissionBody,
    EntryKind.OPENED: OpenedBody,
    EntryKind.PASSED: PassedBody,
    EntryKind.VOID: VoidBody,
    EntryKind.WALKED: WalkedBody,
    EntryKind.REFUND: RefundBody,
    EntryKind.FISCAL_WORK: FiscalWorkBody,
    EntryKind.FISCAL_STEP: FiscalStepBody,
    EntryKind.FISCAL_OUTCOME: FiscalOutcomeBody,
    EntryKind.IDENTIFICATION: IdentificationBody,
    EntryKind.REFUSAL: IdentificationBody,
    EntryKind.FLOOD: FloodBody,
    EntryKind.BUNDLE_APPLIED: BundleBody,
    EntryKind.BUNDLE_REFUSED: BundleBody,
    EntryKind.BUNDLE_RETURNED: BundleBody,
    EntryKind.DROPPED: DroppedBody,
    EntryKind.STARTED: StartedBody,
    EntryKind.EPOCH_BEGAN: EpochBeganBody,
    EntryKind.SALVAGED: SalvagedBody,
    EntryKind.CHECKPOINT: CheckpointBody,
    EntryKind.ERASURE: ErasureBody,
    EntryKind.SECURITY: SecurityBody,
    EntryKind.MESSAGE_REFUSED: MessageRefusedBody,
    EntryKind.COMMAND: CommandBody,
    EntryKind.ANCHOR: AnchorBody,
    EntryKind.OVERRIDE: OverrideBody,
    EntryKind.FIRE_ALARM: FireAlarmBody,
    EntryKind.INSIDE_SET: InsideSetBody,
    EntryKind.CARD_REQUEST: CardRequestBody,
    EntryKind.Z_SEEN: ZSeenBody,
    EntryKind.Z_DUE: ZDueBody,
    EntryKind.HEALTH: HealthBody,
}
"""Which body a kind of entry has: for the schemas, the centre and anyone who reads entries."""
