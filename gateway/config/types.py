"""The configuration's types: one TOML file, every key documented here, unknown keys refused.

Paths are relative to the configuration file. Secrets are files, never values.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from gateway.model.money import Cents

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,32}$(?!\n)")]
Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)")]
Path = Annotated[str, msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections."""


class GatewaySection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[gateway]: who and where this gateway is."""

    id: Id
    """The gateway's id in the city; also its MQTT client id."""
    city: Id
    place: Id
    """The smart place it stands in."""
    state: Path
    """Folder for ledger.db, cache.db and the run files."""
    time_zone: str = "Europe/Riga"
    languages: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("lv", "en")
    merchant_groups: tuple[Code, ...] = ()
    """Groups that the place belongs to, as rules name them."""
    cash_rounding_cents: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """To what multiple totals in cash are rounded by law (Lithuania: 5 cents since 2025-05-01); 0: not at all."""
    vat_registered: bool = True
    """Whether the merchant charges VAT."""
    clock: Annotated[str, msgspec.Meta(pattern=r"^(auto|vouched)$(?!\n)")] = "auto"
    """`vouched`: the machine's clock is right although systemd-timesyncd does not say so (battery, other client)."""


class KeysSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[keys]: files with keys. Secret ones must not be readable by others (mode 0600)."""

    card: Path
    """32 bytes in hex: the city's key for card digests (HMAC-SHA-256)."""
    card_id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,16}$(?!\n)")]
    """The key's id, stored beside each digest."""
    sun_meta: Path | None = None
    """16 bytes in hex: NTAG 424 DNA SDMMetaReadKey. Without it no SUN card is genuine here."""
    sun_master: Path | None = None
    """16 bytes in hex: master key from which each card's SDMFileReadKey is diversified."""
    bundles: Annotated[tuple[Path, ...], msgspec.Meta(min_length=1)]
    """minisign public keys that may sign bundles."""
    passes: dict[str, Path] = {}
    """Issuer of signed passes of our own city → its public key (PEM file; Ed25519 or P-256)."""
    trust: Path | None = None
    """Trust list of further issuers, such as partner cities (JSON). It counts until a bundle brings one."""


class SyncSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[sync]: the way to the city's broker."""

    host: str
    port: Port = 8883
    tls: bool = True
    """TLS with the broker's certificate verified. Off only for a broker on this machine."""
    ca: Path | None = None
    """Certificate authority of the broker (PEM); the system's own when absent."""
    certificate: Path | None = None
    certificate_key: Path | None = None
    user: str = ""
    password: Path | None = None
    """File that holds the password."""
    protocol: Annotated[str, msgspec.Meta(pattern=r"^(auto|5|3.1.1)$(?!\n)")] = "auto"
    window: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    """Messages on their way at most; the broker's own limit also holds."""
    resend_s: Annotated[float, msgspec.Meta(ge=1)] = 20.0
    """Entries without the centre's ack for so long are sent again."""
    backlog_per_s: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    """Entries a second that wait since an outage or are sent again; what was stored a moment ago goes at once."""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 60
    backoff_cap_s: Annotated[float, msgspec.Meta(ge=0.5)] = 120.0
    fetch_jitter_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 600.0
    """A large bundle for the whole city is fetched at a random moment within so long."""
    telemetry_s: Annotated[int, msgspec.Meta(ge=0)] = 60
    """Interval of health entries; 0 for none."""


class LedgerSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[ledger]: how much may wait for the centre, how long what it has stays here, how much room is kept."""

    identification_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    """Identifications that the centre has not acked are dropped when they are older, the oldest first."""
    identification_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 64_000_000
    """… and when they are more than this together."""
    telemetry_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 16_000_000
    """Telemetry that the centre has not acked is dropped when it is more than this together, the oldest first."""
    keep_receipt_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 35
    """A receipt that the centre has stays here for so long: the refund period."""
    keep_identification_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 7
    keep_audit_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 90
    keep_document_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 35
    keep_telemetry_days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 1
    min_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 32_000_000
    """With less room on the card telemetry goes, then identifications: first what the centre has."""
    ballast_bytes: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 4_000_000
    """Size of the file `ballast`, given up on a full card so that drops, audit entries and acks can be written."""


class ApiSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[api]: the local HTTP API. The unix socket is always there, in the state folder."""

    address: Annotated[str, msgspec.Meta(pattern=r"^(127\.0\.0\.1|::1)$(?!\n)")] = "127.0.0.1"
    port: Port = 8080
    """0 for any free port, printed at the start."""
    origins: tuple[str, ...] = ()
    """Further web origins (a POS page) that may call the API."""


PrinterName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$(?!\n)")]


class NetfpSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[netfp]: ErpNet.FP's HTTP interface (docs/netfp.md), for POS software that prints through it. Off without this
    section."""

    address: str = "127.0.0.1"
    """Where to listen: an IP address. Any but the loopback address needs `tokens`, and a `certificate` or `plain`."""
    port: Port = 8001
    """0 for any free port, printed at the start."""
    printers: dict[PrinterName, Id] = {}
    """Printer id as clients know it → device. Empty: every fiscal printer, by its serial number in lower case."""
    origins: tuple[str, ...] = ()
    """Web origins whose pages (a POS in a browser) may call."""
    hosts: tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.-]{1,253}$(?!\n)")], ...] = ()
    """Further names by which clients call this machine."""
    tokens: dict[Id, Path] = {}
    """Client → file with its token: 16 bytes in hex, mode 0600. With any, every request has to have one."""
    certificate: Path | None = None
    """TLS: the certificate with its chain (PEM)."""
    certificate_key: Path | None = None
    """Its key (PEM), mode 0600."""
    plain: bool = False
    """Speak plain HTTP on an address that is not the loopback one: tokens can be read by whoever is on that network."""
    duplicate: bool = False
    """Let clients print copies of the last receipt, where the driver's option allows it too."""
    raw: bool = False
    """Let clients send commands of their own to the device, where the driver's option allows it too."""


class DeviceSection(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """[[device]]: one device and its driver."""

    id: Id
    driver: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{2,32}$(?!\n)")]
    options: dict[str, Any] = {}
    """The driver's own options: see docs/drivers/NAME.md."""
    command: tuple[str, ...] = ()
    """Program and arguments of a driver that is not ours."""
    silence_s: Annotated[float, msgspec.Meta(ge=12)] = 15.0
    """Without proof of life for so long the recovery ladder begins. Drivers give one each 4 s: three may be missed."""


Weak = Annotated[tuple[Literal["card", "access_card", "barcode"], ...], msgspec.Meta(max_length=3)]
"""Kinds of credentials that can be copied and are taken all the same: cards by their UID, access cards by their number,
barcodes."""
WeakAtDesk = Annotated[tuple[Literal["card", "access_card", "barcode", "beacon"], ...], msgspec.Meta(max_length=4)]
"""And beacons, which serve a desk only."""


class PassbackScope(StrEnum):
    """Through which gates a credential has passed when it is asked at one of them."""

    GATE = "gate"
    PLACE = "place"
    """Through any gate of the place."""


class DeskStation(Section, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="desk", tag_field="kind"):
    """[[station]] kind = "desk": a library terminal that identifies people."""

    id: Id
    readers: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]
    weak: WeakAtDesk = ("card", "access_card", "barcode", "beacon")
    """Kinds of credentials that are taken here although they can be copied; `[]`: genuine ones only."""
    staff: Path | None = None
    """16 bytes in hex: the token of the desk's staff. With it they may register further cards and block lost ones."""
    register_s: Annotated[float, msgspec.Meta(ge=5, le=300)] = 60.0
    """A further card and its holder's proof are presented within so long."""
    library: Id | None = None
    """Link to the library's own system, which is asked about library barcodes. Several desks may name the same one."""
    wedge: Id | None = None
    """Keyboard that types library barcodes into the librarian's program; this desk's alone."""
    slips: Id | None = None
    """Printer of slips: what is left for a person. Several stations may name the same one."""


class GroupOpening(StrEnum):
    """How a gate is opened for a group."""

    PULSES = "pulses"
    """Once for each person: again when the one before has passed."""
    HELD = "held"
    """Held open: the pulse is given again before it ends, until all have passed."""


InputNumber = Annotated[int, msgspec.Meta(ge=0, le=31)]


class GateStation(Section, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="gate", tag_field="kind"):
    """[[station]] kind = "gate": a turnstile that opens once per grant."""

    id: Id
    readers: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]
    relay: Id
    exit_readers: tuple[Id, ...] = ()
    """On the way out: whatever is presented there lets out."""
    output: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    pulse_ms: Annotated[int, msgspec.Meta(ge=100, le=10_000)] = 500
    passage_input: InputNumber | None = None
    """Input of the passage sensor; without one `opened` counts as passed, and groups are not let in."""
    passage_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 8.0
    """No passage within so long is a void; of a group: no further passage."""
    group: GroupOpening = GroupOpening.PULSES
    group_pause_ms: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 300
    """Between a passage and the next pulse, so that the turnstile has come to rest."""
    largest_group: Annotated[int, msgspec.Meta(ge=1, le=500)] = 60
    """Persons that one grant is for at most."""
    exit_input: InputNumber | None = None
    """Input of the sensor that sees who goes out."""
    exit_button_input: InputNumber | None = None
    """Input of the button that lets out at once, beside its own wire to the lock."""
    exit_output: Annotated[int, msgspec.Meta(ge=0, le=31)] | None = None
    """What that button and the exit readers close; `output` when absent."""
    staff_input: InputNumber | None = None
    """Input of the button with which staff opens the gate, on record."""
    alarm_input: InputNumber | None = None
    """Input of the fire alarm's contact. It only tells; the wiring frees the gate."""
    alarm_when_active: bool = False
    """False: the contact is closed at rest, and alarm, a cut wire and no power are the same."""
    area: Id = "place"
    """Whose number inside its passages count for; gates of one area share it."""
    capacity: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    """Persons inside the area at most; 0: no limit."""
    reset_hour: Annotated[int, msgspec.Meta(ge=0, le=23)] | None = None
    """Local hour at which nobody is inside: the count begins anew."""
    category: Code = "admission"
    text: str = "Admission"
    price_cents: Annotated[Cents, msgspec.Meta(ge=1)] = 250
    """List price of one admission."""
    vat: Annotated[str, msgspec.Meta(pattern=r"^[A-H]$(?!\n)")] = "A"
    weak: Weak = ("card", "access_card", "barcode")
    anti_passback_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0
    """What has passed does not open again within so long; 0: it does."""
    anti_passback: PassbackScope = PassbackScope.GATE


PayerMeans = Literal[
    "card",
    "credit",
    "cheque",
    "coupon",
    "external_coupon",
    "packaging",
    "internal",
    "damage",
    "bank",
    "reserved1",
    "reserved2",
]
"""Means of payment by which a payer's share stands on paper. Not cash: nobody puts it into the drawer."""


class OnPaper(StrEnum):
    """What else stands at the foot of a receipt."""

    MARK = "mark"
    """Kind of the credential and the first six digits of its digest."""
    BENEFITS = "benefits"
    """Titles of the rules that gave something."""


class TillStation(Section, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="till", tag_field="kind"):
    """[[station]] kind = "till": quotes for a certified POS, or receipts on a fiscal printer."""

    id: Id
    readers: tuple[Id, ...] = ()
    printer: Id | None = None
    slips: Id | None = None
    """Printer of slips: what is left for a person, a POS's coupons. A fiscal printer may be it as well."""
    quote_s: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 300.0
    """A quote holds for so long; a commit after that is accepted as late."""
    tap_s: Annotated[float, msgspec.Meta(ge=5, le=600)] = 60.0
    """A tap waits for its receipt so long."""
    payer_means: dict[Code, PayerMeans] = {}
    """Party that pays a part as a tender → the printer's means of payment for it; without one that is not printed."""
    on_paper: tuple[OnPaper, ...] = ()
    """Lines at the foot of receipts that are printed here."""
    z_at: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")] | None = None
    """Local time at which the Z report is printed each day, such as `23:50`; else only when somebody orders it."""
    weak: Weak = ("card", "access_card", "barcode")


Station = DeskStation | GateStation | TillStation


class Configuration(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    gateway: GatewaySection
    keys: KeysSection
    sync: SyncSection
    ledger: LedgerSection = LedgerSection()
    api: ApiSection = ApiSection()
    netfp: NetfpSection | None = None
    device: tuple[DeviceSection, ...] = ()
    station: tuple[Station, ...] = ()
