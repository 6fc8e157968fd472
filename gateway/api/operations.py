"""What can be asked of the API, one line for each method of an address: the table behind /openapi.json. A test holds it
against the routes that are registered. Loaded only when somebody asks for the description."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from gateway.api.answers import Devices, Erased, ForgetRequest, HealthAnswer, Restarted, Stations, StationView, Status
from gateway.api.areas import InsideAnswer, InsideRequest
from gateway.api.bundles import BundleChunk, BundlesAnswer, Missing
from gateway.api.fiscal import FiscalAnswer, Settled, SettleRequest
from gateway.api.handovers import Brought
from gateway.stations.day_words import DayReport
from gateway.stations.desk_words import CardRequest, CardRequested, CardsAnswer
from gateway.stations.refund_words import RefundAnswer, RefundRequest, VoidRequest
from gateway.stations.report_words import CashRequest, ReportRequest, WorkAnswer
from gateway.stations.slip_words import SlipAnswer, SlipRequest
from gateway.stations.till_words import (
    BalanceAnswer,
    CommitAnswer,
    CommitRequest,
    PosQuoteRequest,
    QuoteAnswer,
    QuoteWithdrawn,
)
from gateway.sync.bundles_record import Past
from gateway.wire.bundle import SignedBundle
from gateway.wire.quota import HandOver

_BY_HAND = "On the unix socket only, by root or the gateway's own user."
_BY_STAFF = "With the header Authorization: Bearer and the token of the desk's staff."


class Operation(NamedTuple):
    """`address`: method and path, whose placeholders are described by what stands before them. `key`: whether it takes
    an Idempotency-Key, and whether it needs one (None: it takes none). `of_day`: it takes a date."""

    address: str
    name: str
    summary: str
    answer: type[msgspec.Struct]
    description: str = ""
    body: type[msgspec.Struct] | None = None
    key: bool | None = None
    of_day: bool = False


OPERATIONS = (
    Operation("get /v1/health", "health", "Whether everything works", HealthAnswer),
    Operation("get /v1/status", "status", "Everything that `smartplace status` shows", Status),
    Operation("get /v1/devices", "devices", "All devices and how they are", Devices),
    Operation("post /v1/devices/{id}/restart", "restart", "Restart a device's driver", Restarted, _BY_HAND),
    Operation("get /v1/stations", "stations", "All stations", Stations),
    Operation("get /v1/stations/{id}", "station", "One station", StationView),
    Operation(
        "get /v1/stations/{id}/balance",
        "balance",
        "What is left of benefits that are counted",
        BalanceAnswer,
        "For the person whose tap waits at the till. Spends nothing.",
    ),
    Operation(
        "post /v1/stations/{id}/quotes",
        "quote",
        "What is due for this receipt",
        QuoteAnswer,
        "For the person whose tap waits at the till, if any. Without a key each is a new quote. "
        "While two persons' taps wait, the answer is 409 `two_taps` with the `marks` to choose by.",
        PosQuoteRequest,
        key=False,
    ),
    Operation(
        "delete /v1/stations/{id}/quotes/{quote}",
        "withdraw",
        "Withdraw a quote: its receipt is not sold",
        QuoteWithdrawn,
        "What it held is free. Again: the same answer.",
    ),
    Operation(
        "post /v1/stations/{id}/receipts",
        "receipt",
        "Commit a quote",
        CommitAnswer,
        "With the answer the receipt is recorded durably. A late commit is accepted as late.",
        CommitRequest,
        key=True,
    ),
    Operation(
        "post /v1/stations/{id}/refunds",
        "refund",
        "Give a receipt back, in whole or in part",
        RefundAnswer,
        "As the receipt's own decision says, at any till of the place. The key is required unless it is a `preview`, "
        "which books nothing.",
        RefundRequest,
        key=False,
    ),
    Operation(
        "post /v1/stations/{id}/voids",
        "void",
        "Cancel a receipt: the sale did not take place",
        RefundAnswer,
        "All of it, while nothing of it has come back.",
        VoidRequest,
        key=True,
    ),
    Operation("get /v1/stations/{id}/day", "day", "What a till sold and gave back on a day", DayReport, of_day=True),
    Operation(
        "get /v1/stations/{id}/cards",
        "cards",
        "Who is at the desk, and which cards may be registered or blocked",
        CardsAnswer,
        _BY_STAFF,
    ),
    Operation(
        "post /v1/stations/{id}/cards",
        "card_request",
        "Register a further card, block a lost one",
        CardRequested,
        f"{_BY_STAFF} With the answer the request is recorded durably; the centre decides.",
        CardRequest,
        key=True,
    ),
    Operation(
        "post /v1/stations/{id}/slips",
        "slip",
        "Print a slip",
        SlipAnswer,
        "At a desk or a till that names a printer in `slips`. It books nothing; it is printed once for each key.",
        SlipRequest,
        key=True,
    ),
    Operation(
        "post /v1/stations/{id}/reports",
        "report",
        "Print an X report, or the Z report that ends the fiscal day",
        WorkAnswer,
        "On the till's own printer, once per key.",
        ReportRequest,
        key=True,
    ),
    Operation(
        "post /v1/stations/{id}/cash",
        "cash",
        "Record cash that is put into the drawer or taken out",
        WorkAnswer,
        "On the till's own printer, once per key.",
        CashRequest,
        key=True,
    ),
    Operation("get /v1/fiscal", "fiscal", "Fiscal devices, and works in doubt on them", FiscalAnswer),
    Operation(
        "post /v1/fiscal/{key}/settle",
        "settle",
        "Say what stands on the paper",
        Settled,
        f"{_BY_HAND} It is on record, and the answer to who asked for the work is amended.",
        SettleRequest,
    ),
    Operation("get /v1/bundles", "bundles", "Bundles in force, being fetched, and the history", BundlesAnswer),
    Operation("post /v1/bundles", "hand_over", "Hand a bundle over", Missing, _BY_HAND, SignedBundle),
    Operation("post /v1/bundles/chunks", "chunk", "Hand a chunk over", Missing, _BY_HAND, BundleChunk),
    Operation("post /v1/bundles/{kind}/rollback", "rollback", "The one before", Past, _BY_HAND),
    Operation(
        "post /v1/quota/hand-over",
        "quota_hand_over",
        "Close every lease for good, and the signed last word about them",
        HandOver,
        f"{_BY_HAND} Afterwards nothing that needs a quota is given here. Again: the same word.",
    ),
    Operation(
        "post /v1/quota/bring",
        "quota_bring",
        "Bring the last word of the box that this one replaces",
        Brought,
        f"{_BY_HAND} It is kept, and sent to the centre until that has it.",
        HandOver,
    ),
    Operation(
        "post /v1/areas/{id}/inside",
        "set_inside",
        "Set how many persons are inside",
        InsideAnswer,
        f"{_BY_HAND} It is on record.",
        InsideRequest,
    ),
    Operation(
        "post /v1/ledger/forget",
        "forget",
        "Erase what is held of one person",
        Erased,
        f"{_BY_HAND} May take a minute.",
        ForgetRequest,
    ),
)
