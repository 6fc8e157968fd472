"""What the API answers, as types: the CLI, the pages and /openapi.json rest on them."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from gateway.api.parts import GatewayNames, LedgerStatus
from gateway.model.device import DeviceHealth
from gateway.model.money import Cents
from gateway.model.shown import Shown
from gateway.stations.inside import InsideCount
from gateway.sync.status import SyncStatus


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all answers."""


class Level(StrEnum):
    """How a chain stands. `warn`: service goes on, something needs looking at; `fail`: it does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class ChainName(StrEnum):
    """The four chains that a tap goes through."""

    READ = "read"
    IDENTIFY = "identify"
    DECIDE = "decide"
    RECORD = "record"


class ChainState(Answer, frozen=True, kw_only=True):
    """One chain: how it stands, why (a closed code, a sentence) and what to do; when it last worked."""

    chain: ChainName
    level: Level
    code: str
    cause: str = ""
    advice: str = ""
    last_ms: int | None = None
    """Wall time of its last success since the start."""


class Overall(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"


class HealthAnswer(Answer, frozen=True, kw_only=True):
    """Whether everything works. `chains` only on the unix socket."""

    status: Overall
    chains: tuple[ChainState, ...] | UnsetType = UNSET


class InDoubt(Answer, frozen=True, kw_only=True):
    """A work of which it is not known how it ended. `number_before`: the device's last document before it began;
    `point`: how far it is known to have come; `total_cents`: of a receipt, or what of cash was moved (out: negative);
    `advice`: what to look at, and what to type then; `settle`: only that."""

    key: str
    station: str
    device: str
    kind: str
    point: str
    began_ms: int
    number_before: str = ""
    total_cents: Cents | None = None
    code: str = ""
    reason: str = ""
    advice: str
    settle: str


class ConcernCode(StrEnum):
    """Why a fiscal printer prints nothing, or soon will not."""

    WAITS_FOR_HAND = "waits_for_hand"
    """A receipt stands still in the middle: paper, cover."""
    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    TAKES_NO_RECEIPT = "takes_no_receipt"
    """Something else at the device: its cause names it."""
    AWAY = "printer_away"
    """It cannot be reached."""
    Z_OVERDUE = "z_overdue"
    IN_DOUBT = "printer_in_doubt"
    """It is not known how a work on it ended."""
    Z_DUE = "z_due"


class Concern(Answer, frozen=True, kw_only=True):
    """What a person has to see to at a fiscal printer, for as long as it is so. `station`: the till that prints on it;
    empty where none does. `level`: `fail` while nothing is printed. `doubt`: the oldest work in doubt, of which there
    are `more`."""

    station: str = ""
    device: str = ""
    code: ConcernCode
    level: Level
    cause: str
    advice: str
    doubt: InDoubt | UnsetType = UNSET
    more: int = 0


class StationView(Answer, frozen=True, kw_only=True):
    """A station: its devices, what it shows now and since when."""

    id: str
    kind: str
    devices: tuple[str, ...]
    ready: bool
    """All its devices are ready."""
    online: bool
    """The centre is connected; else: recorded here, sent later."""
    languages: tuple[str, ...]
    number: int
    """Number of the newest event: follow /v1/events from here."""
    benefits_end_ms: int = 0
    """The rules have expired: when benefits end while the centre is not reached, or have ended. 0 while they count."""
    benefits_until_ms: int = 0
    """When benefits end unless newer rules come, the centre being reached or not as it is now. 0: never."""
    shown: Shown | UnsetType = UNSET
    age_ms: int = 0
    """Age of `shown`."""
    inside: InsideCount | UnsetType = UNSET
    """Of a gate with sensors: how many persons are inside its area."""
    concerns: tuple[Concern, ...] = ()
    """Of a till with a printer: what has to be seen to there, the most pressing first."""


class Stations(Answer, frozen=True, kw_only=True):
    stations: tuple[StationView, ...]


class Devices(Answer, frozen=True, kw_only=True):
    """On TCP without `pid` and `detail`: serial numbers and versions are for the unix socket."""

    devices: tuple[DeviceHealth, ...]


class Restarted(Answer, frozen=True, kw_only=True):
    device: str


class ForgetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget: the id as entries have it."""

    holder: str


class Erased(Answer, frozen=True, kw_only=True):
    """What was erased: entries per file, rows of state and cache, copies that held something; backups that are not
    where they were made."""

    entries: dict[str, int]
    rows: int
    copies: int
    beyond_reach: tuple[str, ...] = ()


class Status(Answer, frozen=True, kw_only=True):
    """Everything that `smartplace status` shows. `gateway` only on the unix socket."""

    status: Overall
    gateway: GatewayNames | UnsetType = UNSET
    uptime_s: int
    now_ms: int
    chains: tuple[ChainState, ...]
    stations: tuple[StationView, ...]
    devices: tuple[DeviceHealth, ...]
    sync: SyncStatus
    ledger: LedgerStatus
    counts: dict[str, int]
    """Events since the start, by what was shown."""
    concerns: tuple[Concern, ...] = ()
    """What has to be seen to at fiscal printers."""
    doubts: tuple[InDoubt, ...] = ()
    """Works of which it is not known how they ended, the oldest first."""


class Hello(Answer, frozen=True, kw_only=True):
    """First event of a stream. Another `session` than before: the gateway has been restarted and numbers began
    anew. `missed`: events that are kept no longer."""

    session: str
    number: int
    now_ms: int
    """The gateway's wall clock, to tell the age of events by."""
    missed: int = 0


class PlaceState(Answer, frozen=True, kw_only=True):
    """Event `place`: sent at the start of a stream and on change. `ready` and `concerns` are of the station asked for,
    or of all; `benefits_end_ms` and `benefits_until_ms` as in a station."""

    online: bool
    ready: bool
    benefits_end_ms: int = 0
    benefits_until_ms: int = 0
    concerns: tuple[Concern, ...] = ()
