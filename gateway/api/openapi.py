"""The API's description (OpenAPI 3.1), from the very types that decode and encode. `python -m gateway.api.openapi`
writes it to config/openapi.json; a test holds that file and the registered routes against it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from gateway.api.answers import Devices, Erased, ForgetRequest, HealthAnswer, Restarted, Stations, StationView, Status
from gateway.api.areas import InsideAnswer, InsideRequest
from gateway.api.bundles import BundleChunk, BundlesAnswer, Missing
from gateway.api.fiscal import FiscalAnswer, Settled, SettleRequest
from gateway.api.handovers import Brought
from gateway.api.problems import CONTENT_TYPE, Problem
from gateway.model.shown import Shown
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
from gateway.wire.bundle import BundleKind, SignedBundle
from gateway.wire.described import components
from gateway.wire.quota import HandOver

API_VERSION = "1"

_TYPES = (
    *(HealthAnswer, Status, Devices, Restarted, ForgetRequest, Erased, Stations, StationView, Shown, Problem),
    *(PosQuoteRequest, QuoteAnswer, QuoteWithdrawn, BalanceAnswer, CommitRequest, CommitAnswer),
    *(RefundRequest, VoidRequest, RefundAnswer, DayReport),
    *(BundlesAnswer, SignedBundle, BundleChunk, Missing, Past),
    *(HandOver, Brought, InsideRequest, InsideAnswer),
    *(CardsAnswer, CardRequest, CardRequested),
    *(SlipRequest, SlipAnswer),
    *(FiscalAnswer, SettleRequest, Settled, ReportRequest, CashRequest, WorkAnswer),
)

Json = dict[str, Any]

_STATION: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "Id of a station, as in the configuration.",
}
_KIND: Json = {
    **_STATION,
    "name": "kind",
    "schema": {"type": "string", "enum": [kind.value for kind in BundleKind]},
    "description": "Kind of bundle.",
}
_BY_HAND = "On the unix socket only, by root or the gateway's own user."
_QUOTE: Json = {**_STATION, "name": "quote", "description": "Id of a quote."}
_DATE: Json = {
    "name": "date",
    "in": "query",
    "schema": {"type": "string", "format": "date"},
    "description": "A day of the place's calendar; today without it.",
}
_AREA: Json = {**_STATION, "description": "An area that a gate of the configuration counts for."}
_BY_STAFF = "With the header Authorization: Bearer and the token of the desk's staff."
_DEVICE: Json = {**_STATION, "description": "Id of a device, as in the configuration."}


def _key(*, required: bool) -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": required,
        "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[ -~]+$"},
        "description": "New for each receipt, the same to repeat a request: the answer is the same, too.",
    }


_EVENTS: Json = {
    "operationId": "events",
    "summary": "What stations show, as server-sent events",
    "description": "First `hello` and `place`, then `shown` with the event's number as id; `place` again on change. "
    "A comment each 15 s while it is quiet. A client that comes back with Last-Event-ID catches up (512 events).",
    "parameters": [
        {"name": "station", "in": "query", "schema": {"type": "string"}, "description": "Only this station."},
        {
            "name": "after",
            "in": "query",
            "schema": {"type": "integer", "minimum": 0},
            "description": "Begin after this number; without it, with the next event.",
        },
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer", "minimum": 0}},
    ],
    "responses": {
        "200": {
            "description": "A stream; `data` of `shown` is a Shown.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "default": {"$ref": "#/components/responses/Problem"},
    },
}


def _operation(
    name: str,
    summary: str,
    answer: type[msgspec.Struct],
    *,
    parameters: Iterable[Json] = (),
    body: type[msgspec.Struct] | None = None,
    description: str = "",
) -> Json:
    operation: Json = {"operationId": name, "summary": summary}
    if description:
        operation["description"] = description
    if given := list(parameters):
        operation["parameters"] = given
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    operation["responses"] = {
        "200": {"description": summary, "content": {"application/json": {"schema": _ref(answer)}}},
        "default": {"$ref": "#/components/responses/Problem"},
    }
    return operation


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _paths() -> Json:
    station = [_STATION]
    return {
        "/v1/health": {"get": _operation("health", "Whether everything works", HealthAnswer)},
        "/v1/status": {"get": _operation("status", "Everything that `smartplace status` shows", Status)},
        "/v1/devices": {"get": _operation("devices", "All devices and how they are", Devices)},
        "/v1/devices/{id}/restart": {
            "post": _operation(
                "restart",
                "Restart a device's driver",
                Restarted,
                parameters=[_DEVICE],
                description="On the unix socket only, by root or the gateway's own user.",
            )
        },
        "/v1/stations": {"get": _operation("stations", "All stations", Stations)},
        "/v1/stations/{id}": {"get": _operation("station", "One station", StationView, parameters=station)},
        "/v1/stations/{id}/balance": {
            "get": _operation(
                "balance",
                "What is left of benefits that are counted",
                BalanceAnswer,
                parameters=station,
                description="For the person whose tap waits at the till. Spends nothing.",
            )
        },
        "/v1/stations/{id}/quotes": {
            "post": _operation(
                "quote",
                "What is due for this receipt",
                QuoteAnswer,
                parameters=[_STATION, _key(required=False)],
                body=PosQuoteRequest,
                description="For the person whose tap waits at the till, if any. Without a key each is a new quote. "
                "While two persons' taps wait, the answer is 409 `two_taps` with the `marks` to choose by.",
            )
        },
        "/v1/stations/{id}/quotes/{quote}": {
            "delete": _operation(
                "withdraw",
                "Withdraw a quote: its receipt is not sold",
                QuoteWithdrawn,
                parameters=[_STATION, _QUOTE],
                description="What it held is free. Again: the same answer.",
            )
        },
        "/v1/stations/{id}/receipts": {
            "post": _operation(
                "receipt",
                "Commit a quote",
                CommitAnswer,
                parameters=[_STATION, _key(required=True)],
                body=CommitRequest,
                description="With the answer the receipt is recorded durably. A late commit is accepted as late.",
            )
        },
        "/v1/stations/{id}/refunds": {
            "post": _operation(
                "refund",
                "Give a receipt back, in whole or in part",
                RefundAnswer,
                parameters=[_STATION, _key(required=False)],
                body=RefundRequest,
                description="As the receipt's own decision says, at any till of the place. The key is required unless "
                "it is a `preview`, which books nothing.",
            )
        },
        "/v1/stations/{id}/voids": {
            "post": _operation(
                "void",
                "Cancel a receipt: the sale did not take place",
                RefundAnswer,
                parameters=[_STATION, _key(required=True)],
                body=VoidRequest,
                description="All of it, while nothing of it has come back.",
            )
        },
        "/v1/stations/{id}/day": {
            "get": _operation("day", "What a till sold and gave back on a day", DayReport, parameters=[_STATION, _DATE])
        },
        "/v1/stations/{id}/cards": {
            "get": _operation(
                "cards",
                "Who is at the desk, and which cards may be registered or blocked",
                CardsAnswer,
                parameters=station,
                description=_BY_STAFF,
            ),
            "post": _operation(
                "card_request",
                "Register a further card, block a lost one",
                CardRequested,
                parameters=[_STATION, _key(required=True)],
                body=CardRequest,
                description=f"{_BY_STAFF} With the answer the request is recorded durably; the centre decides.",
            ),
        },
        "/v1/stations/{id}/slips": {
            "post": _operation(
                "slip",
                "Print a slip",
                SlipAnswer,
                parameters=[_STATION, _key(required=True)],
                body=SlipRequest,
                description="At a desk or a till that names a printer in `slips`. It books nothing; it is printed once "
                "for each key.",
            )
        },
        "/v1/stations/{id}/reports": {
            "post": _operation(
                "report",
                "Print an X report, or the Z report that ends the fiscal day",
                WorkAnswer,
                parameters=[_STATION, _key(required=True)],
                body=ReportRequest,
                description="On the till's own printer, once per key.",
            )
        },
        "/v1/stations/{id}/cash": {
            "post": _operation(
                "cash",
                "Record cash that is put into the drawer or taken out",
                WorkAnswer,
                parameters=[_STATION, _key(required=True)],
                body=CashRequest,
                description="On the till's own printer, once per key.",
            )
        },
        "/v1/fiscal": {"get": _operation("fiscal", "Fiscal devices, and works in doubt on them", FiscalAnswer)},
        "/v1/fiscal/{key}/settle": {
            "post": _operation(
                "settle",
                "Say what stands on the paper",
                Settled,
                parameters=[{**_STATION, "name": "key", "description": "Key of a work in doubt."}],
                body=SettleRequest,
                description=f"{_BY_HAND} It is on record, and the answer to who asked for the work is amended.",
            )
        },
        "/v1/bundles": {
            "get": _operation("bundles", "Bundles in force, being fetched, and the history", BundlesAnswer),
            "post": _operation("hand_over", "Hand a bundle over", Missing, body=SignedBundle, description=_BY_HAND),
        },
        "/v1/bundles/chunks": {
            "post": _operation("chunk", "Hand a chunk over", Missing, body=BundleChunk, description=_BY_HAND)
        },
        "/v1/bundles/{kind}/rollback": {
            "post": _operation("rollback", "The one before", Past, parameters=[_KIND], description=_BY_HAND)
        },
        "/v1/quota/hand-over": {
            "post": _operation(
                "quota_hand_over",
                "Close every lease for good, and the signed last word about them",
                HandOver,
                description=f"{_BY_HAND} Afterwards nothing that needs a quota is given here. Again: the same word.",
            )
        },
        "/v1/quota/bring": {
            "post": _operation(
                "quota_bring",
                "Bring the last word of the box that this one replaces",
                Brought,
                body=HandOver,
                description=f"{_BY_HAND} It is kept, and sent to the centre until that has it.",
            )
        },
        "/v1/areas/{id}/inside": {
            "post": _operation(
                "set_inside",
                "Set how many persons are inside",
                InsideAnswer,
                parameters=[_AREA],
                body=InsideRequest,
                description=f"{_BY_HAND} It is on record.",
            )
        },
        "/v1/ledger/forget": {
            "post": _operation(
                "forget",
                "Erase what is held of one person",
                Erased,
                body=ForgetRequest,
                description="On the unix socket only, by root or the gateway's own user. May take a minute.",
            )
        },
        "/v1/events": {"get": _EVENTS},
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}},
            }
        },
    }


def document() -> bytes:
    """The description as JSON, the same bytes for the same types."""
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Smart Place Gateway, local API",
            "version": API_VERSION,
            "description": "On 127.0.0.1 for programs on the same machine, and on a unix socket. Money in cents, "
            "quantities in thousandths, times in ms since 1970. Errors are RFC 9457 problems: docs/errors.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": components(_TYPES, "#/components/schemas/{name}"),
            "responses": {
                "Problem": {"description": "What is wrong", "content": {CONTENT_TYPE: {"schema": _ref(Problem)}}}
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(described, order="sorted"), indent=2) + b"\n"


def main(arguments: list[str]) -> None:
    """Write the document to the file given, config/openapi.json by default."""
    target = Path(arguments[0] if arguments else "config/openapi.json")
    target.write_bytes(document())


if __name__ == "__main__":
    main(sys.argv[1:])
