"""What entries hold, by kind. These very bytes are stored, sent and kept: JSON, gross cents, ms since 1970.

`station` names the spot; `admission` and `epoch` in later entries name the admission that they belong to: a new epoch
may have begun in between.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.circumstances import Circumstances
from gateway.model.clock import ClockQuality
from gateway.model.counter import CardDebit
from gateway.model.decision import Decision, Use
from gateway.model.entry import EntryKind
from gateway.model.fiscal import Baseline, Work
from gateway.model.identification import Credential, Identification
from gateway.model.library import LibraryWord
from gateway.model.money import Thousandths
from gateway.model.receipt import Means, Receipt
from gateway.model.refund import Refund, RefundReason


class Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all bodies."""


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


class AdmissionBody(Body, frozen=True):
    """Identification, decision and grant at a gate, in one entry."""

    station: str
    identification: Identification
    receipt: Receipt
    decision: Decision
    asked: Circumstances | None = None
    """What the decision rested on beside the receipt: with both and the bundle it can be replayed."""
    debit: CardDebit | None = None
    """What it took of the holder's own counter on their card, which was debited before this was stored."""


class OpenedBody(Body, frozen=True):
    """The relay echoed the pulse. `passage`: for which passage of the grant, from 1."""

    station: str
    admission: int
    mono_ns: int
    epoch: str = ""
    passage: int = 1


class PassedBody(Body, frozen=True):
    """The passage sensor saw a person; `passage`: the how manieth of this grant, from 1."""

    station: str
    admission: int
    epoch: str = ""
    passage: int = 1


class VoidReason(StrEnum):
    NO_PASSAGE = "no_passage"
    NOT_OPENED = "not_opened"
    RESTART = "restart"
    FREE_PASSAGE = "free_passage"
    """The fire alarm freed the gate."""


class VoidBody(Body, frozen=True):
    """The grant, or what was left of it, is taken back. `opening_unknown`: the relay may have opened.

    `passages`: for how many it was not used. `passed`: how many have passed on it; when somebody has, the quota units
    of `returned` are given back, else all that the admission took.
    """

    station: str
    admission: int
    reason: VoidReason
    opening_unknown: bool = False
    epoch: str = ""
    passages: int = 1
    passed: int = 0
    returned: tuple[Use, ...] = ()


class Way(StrEnum):
    IN = "in"
    OUT = "out"


class WalkCause(StrEnum):
    """Why somebody could pass without a grant."""

    EXIT = "exit"
    """The way out is free."""
    STAFF_BUTTON = "staff_button"
    EXIT_BUTTON = "exit_button"
    EXIT_READER = "exit_reader"
    FIRE_ALARM = "fire_alarm"


class WalkedBody(Body, frozen=True):
    """So many passed without a grant, within about a second."""

    station: str
    way: Way
    cause: WalkCause
    count: int = 1


class OverrideKind(StrEnum):
    STAFF_BUTTON = "staff_button"
    EXIT_BUTTON = "exit_button"
    EXIT_READER = "exit_reader"
    """Something was presented at a reader on the way out. What it was is not recorded: nobody needs a reason to leave,
    and a record of who left when is one that nobody asked for."""


class OverrideBody(Body, frozen=True):
    """A gate was opened without a decision: by the staff's button (stored before the relay moves) or by a person on the
    way out (stored within a second after). `count`: so many times. `not_opened`: the relay did not do it, or nobody
    knows whether it did."""

    station: str
    what: OverrideKind
    count: int = 1
    not_opened: bool = False


class FireAlarmBody(Body, frozen=True):
    """The fire alarm's input says that the gates are free (`on`), or no longer."""

    station: str
    on: bool
    alarm: bool = True


class InsideWhy(StrEnum):
    STAFF = "staff"
    HOUR = "hour"
    """The hour of the day at which nobody is inside."""


class InsideSetBody(Body, frozen=True):
    """From now on so many persons are inside an area; `before`: how many were counted until then."""

    area: str
    persons: int
    before: int
    why: InsideWhy


class PrintedBy(StrEnum):
    POS = "pos"
    GATEWAY = "gateway"


class ReceiptBody(Body, frozen=True):
    """A receipt with its decision. `key` is the caller's idempotency key, `fiscal_number` the number on the
    POS's own paper; for `printed_by` gateway it follows in a `fiscal_outcome`. `late`: the quote had expired."""

    station: str
    key: str
    quote: str
    receipt: Receipt
    decision: Decision
    printed_by: PrintedBy
    identification: Identification | None = None
    fiscal_number: str = ""
    late: bool = False
    asked: Circumstances | None = None
    """As in `AdmissionBody`."""
    unmapped: tuple[str, ...] = ()
    """Ids of the lines of which nobody could say what they are: without a category, or with one that no rule names."""


class RefundBody(Body, frozen=True):
    """What was given back of the receipt in entry `receipt`, as its own decision says. `key` is the caller's, as in
    `ReceiptBody`. `before`: what of its lines had come back earlier (line → thousandths); `rest`: whether anything is
    left. `printed_by` is absent when there is no paper that says so; for `gateway` the number follows in a
    `fiscal_outcome` of the key `work`: only when that says `printed` was anything given back."""

    station: str
    key: str
    receipt: str
    refund: Refund
    reason: RefundReason
    means: Means
    printed_by: PrintedBy | None = None
    fiscal_number: str = ""
    work: str = ""
    before: dict[str, Thousandths] = {}
    rest: bool = False


class FiscalWorkBody(Body, frozen=True):
    """A work was asked for on one of the gateway's own fiscal devices, without a decision, and is recorded before the
    device hears of it: a report or a movement of cash at a till (`scheduled`: by the configured hour), or whatever a
    program asks of another face: as `client`, on what that knows as `printer`, under its own id `task`."""

    station: str
    device: str
    work: Work
    printer: str = ""
    task: str = ""
    client: str = ""
    scheduled: bool = False


class FiscalStepBody(Body, frozen=True):
    """A durable point of a work on one of the gateway's own fiscal devices. `station`: the station or face that asked.
    `baseline`: number of the last document before it; `counters`: all counters before it, with the point `intent`."""

    station: str
    key: str
    point: str
    baseline: str = ""
    number: str = ""
    device: str = ""
    counters: Baseline | None = None


class FiscalOutcomeBody(Body, frozen=True):
    """How a work ended: printed, refused, cancelled or unknown. A later one of the same key is the newer word: an
    `unknown` was read back from the device, or (`by`) a person says what stands on the paper. `kind`: `receipt`,
    `reversal`, `x`, `z` or `cash`. `device_time`, `fiscal_memory`, `z_number`: as the device says."""

    station: str
    key: str
    outcome: str
    number: str = ""
    total_cents: int = 0
    reason: str = ""
    device: str = ""
    kind: str = "receipt"
    code: str = ""
    device_time: str = ""
    fiscal_memory: str = ""
    z_number: str = ""
    by: str = ""


class ZSeenBody(Body, frozen=True):
    """A fiscal device has printed a Z report that nobody here asked for: the number of its last one was `before`."""

    device: str
    before: str
    now: str


class ZDueBody(Body, frozen=True):
    """Nobody has printed the Z report of a fiscal device for so many hours after the day's first receipt; after 24 it
    sells no more."""

    device: str
    hours: int
    alarm: bool = True


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
    last: dict[str, int] = {}
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
