"""The API's description (OpenAPI 3.1), from the table of operations and the very types that decode and encode.
`python -m gateway.api.openapi` writes it to config/openapi.json; a test holds that file and the registered routes
against it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from gateway.api.operations import OPERATIONS, Operation
from gateway.api.problems import CONTENT_TYPE, Problem
from gateway.model.shown import Shown
from gateway.wire.bundle import BundleKind
from gateway.wire.described import components

API_VERSION = "1"

Json = dict[str, Any]

_IN_PATH: dict[str, Json] = {
    "stations": {"description": "Id of a station, as in the configuration."},
    "quotes": {"description": "Id of a quote."},
    "devices": {"description": "Id of a device, as in the configuration."},
    "fiscal": {"description": "Key of a work in doubt."},
    "areas": {"description": "An area that a gate of the configuration counts for."},
    "bundles": {
        "description": "Kind of bundle.",
        "schema": {"type": "string", "enum": [kind.value for kind in BundleKind]},
    },
}
"""What a placeholder is, by the step of the path before it."""
_DATE: Json = {
    "name": "date",
    "in": "query",
    "schema": {"type": "string", "format": "date"},
    "description": "A day of the place's calendar; today without it.",
}
_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[ -~]+$"},
    "description": "New for each receipt, the same to repeat a request: the answer is the same, too.",
}
_PROBLEM: Json = {"$ref": "#/components/responses/Problem"}
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
        "default": _PROBLEM,
    },
}
_ITSELF: Json = {
    "operationId": "openapi",
    "summary": "This document",
    "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}},
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
            "schemas": components(_types(), "#/components/schemas/{name}"),
            "responses": {
                "Problem": {"description": "What is wrong", "content": {CONTENT_TYPE: {"schema": _ref(Problem)}}}
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(described, order="sorted"), indent=2) + b"\n"


def _types() -> tuple[type[msgspec.Struct], ...]:
    told = [kind for each in OPERATIONS for kind in (each.answer, each.body) if kind is not None]
    return tuple(dict.fromkeys([*told, Shown, Problem]))


def _paths() -> Json:
    paths: Json = {"/v1/events": {"get": _EVENTS}, "/openapi.json": {"get": _ITSELF}}
    for each in OPERATIONS:
        method, path = each.address.split(" ")
        paths.setdefault(path, {})[method] = _operation(each, path)
    return paths


def _operation(told: Operation, path: str) -> Json:
    operation: Json = {"operationId": told.name, "summary": told.summary}
    if told.description:
        operation["description"] = told.description
    if parameters := list(_parameters(told, path)):
        operation["parameters"] = parameters
    if told.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(told.body)}
    operation["responses"] = {
        "200": {"description": told.summary, "content": _json(told.answer)},
        "default": _PROBLEM,
    }
    return operation


def _parameters(told: Operation, path: str) -> Iterator[Json]:
    steps = path.split("/")
    for before, step in pairwise(steps):
        if step.startswith("{"):
            yield {"name": step[1:-1], "in": "path", "required": True, "schema": {"type": "string"}, **_IN_PATH[before]}
    if told.of_day:
        yield _DATE
    if told.key is not None:
        yield {**_KEY, "required": told.key}


def _json(kind: type[msgspec.Struct]) -> Json:
    return {"application/json": {"schema": _ref(kind)}}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def main(arguments: list[str]) -> None:
    """Write the document to the file given, config/openapi.json by default."""
    target = Path(arguments[0] if arguments else "config/openapi.json")
    target.write_bytes(document())


if __name__ == "__main__":
    main(sys.argv[1:])
