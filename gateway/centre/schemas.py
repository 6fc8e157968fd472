"""The wire's description for other people's programs, from the very types that decode and encode: AsyncAPI 3.0 and one
JSON Schema (2020-12) per message. `python -m gateway.centre.schemas` writes them to config/; a test holds those files
against the types and real traffic against them.

Version and deprecation: docs/sync.md, "Versions".
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from gateway.centre.rules_schema import rules_schema
from gateway.model.bodies import BODIES
from gateway.model.entry import EntryKind, Stream
from gateway.rules.document import RulesContent
from gateway.wire.bundle import Manifest, SignedBundle
from gateway.wire.chunks import CHUNK_BYTES, HEADER_BYTES, Want
from gateway.wire.commands import Command, CommandResult
from gateway.wire.contents import Blocks, KeySet, RegistryCredential, RegistryDelta, RegistryHolder
from gateway.wire.described import components
from gateway.wire.envelope import MAX_BATCH_ENTRIES, Event
from gateway.wire.messages import Acks, State
from gateway.wire.quota import QuotaSaid, QuotaTold
from gateway.wire.registry import RegistryHeader
from gateway.wire.topics import Topics
from gateway.wire.trust import TrustList

WIRE_VERSION = "1.1"
"""Major: as in the topics' root. Minor: counts up with each field, kind or topic that is added or deprecated."""

Json = dict[str, Any]

DOCUMENTS: dict[str, Any] = {
    "event": Event,
    "acks": Acks,
    "state": State,
    "command": Command,
    "command-result": CommandResult,
    "bundle": SignedBundle,
    "manifest": Manifest,
    "want": Want,
    "registry-header": RegistryHeader,
    "registry-holder": RegistryHolder,
    "registry-credential": RegistryCredential,
    "registry-delta": RegistryDelta,
    "rules": RulesContent,
    "keys": KeySet,
    "blocks": Blocks,
    "trust": TrustList,
    "quota": QuotaSaid,
    "lease": QuotaTold,
}
"""File name in config/schemas → what it describes: a type, or one of several. A whole registry is lines of three."""

_UP, _DOWN = "receive", "send"
"""AsyncAPI tells the side of the application it describes: the centre."""
_CHANNELS: dict[str, tuple[str, str, str, str]] = {
    "events": (_UP, "event-batch", Topics.events.__name__, "Batches of consecutive entries of one stream."),
    "state": (_UP, "state", "state", "Birth and death, retained for people; nothing relies on that."),
    "result": (_UP, "command-result", "result", "Answers to commands."),
    "ack": (_DOWN, "acks", "ack", "What is stored, missing, refused. Only after the commit."),
    "command": (_DOWN, "command", "command", "What the centre asks for, once per id."),
    "bundle": (_DOWN, "bundle", "bundle", "Signed bundles; without content the announcement of a large one."),
    "want": (_UP, "want", "want", "Which chunks of a large bundle the gateway would like to have."),
    "chunk": (_DOWN, "chunk", "chunk", "A chunk that was asked for."),
    "quota": (_UP, "quota", "quota", "What is asked, used and given back of quotas; repeated until it is answered."),
    "lease": (_DOWN, "lease", "lease", "Leases of quotas, and the authority's answers. Only after the commit."),
}
"""Channel → who acts, message, the property of `Topics` that names it, what it is for."""
_BATCH: Json = {
    "type": "array",
    "minItems": 1,
    "maxItems": 4 * MAX_BATCH_ENTRIES,
    "description": "CloudEvents 1.0, JSON batch.",
}
_CHUNK: Json = {
    "type": "string",
    "format": "binary",
    "maxLength": HEADER_BYTES + CHUNK_BYTES,
    "description": "No JSON: 32 bytes SHA-256 of the whole content, 4 bytes number from 0 (big-endian), the bytes.",
}


def json_schemas() -> dict[str, bytes]:
    """File name → the schema of each message and content, each whole in itself."""
    written = {}
    for name, kind in DOCUMENTS.items():
        roots: list[Any] = [kind, *BODIES.values()] if kind is Event else [kind]
        parts = rules_schema() if kind is RulesContent else components(roots, "#/$defs/{name}")
        if kind is Event:
            parts[Event.__name__]["allOf"] = _bodies("#/$defs/")
        described = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:smartplace:wire:{WIRE_VERSION}:{name}",
            **_ref(kind, "#/$defs/"),
            "$defs": parts,
        }
        written[f"{name}.json"] = _encode(described)
    return written


def asyncapi() -> bytes:
    """All channels, operations, messages and their types as one AsyncAPI 3.0 document."""
    types = [Event, *BODIES.values(), *(kind for kind in DOCUMENTS.values() if kind is not Event)]
    parts = components(types, "#/components/schemas/{name}")
    parts[Event.__name__]["allOf"] = _bodies("#/components/schemas/")
    messages: dict[str, Json] = {
        name: {"name": name, "contentType": "application/json", "payload": _ref(kind)}
        for name, kind in DOCUMENTS.items()
        if name in {message for _, message, _, _ in _CHANNELS.values()}
    }
    messages["chunk"] = {"name": "chunk", "contentType": "application/octet-stream", "payload": _CHUNK}
    messages["event-batch"] = {
        "name": "event-batch",
        "contentType": "application/cloudevents-batch+json",
        "payload": {**_BATCH, "items": _ref(Event)},
    }
    return _encode(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Smart Place Gateway, wire",
                "version": WIRE_VERSION,
                "description": "MQTT 5 or 3.1.1, QoS 1. Cents, thousandths of a unit, ms since 1970 UTC.",
                "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            },
            "defaultContentType": "application/json",
            "channels": {name: _channel(name) for name in _CHANNELS},
            "operations": {
                f"{action}-{name}": {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": summary}
                for name, (action, _, _, summary) in _CHANNELS.items()
            },
            "components": {"schemas": parts, "messages": messages},
        }
    )


def breaks(old: Json, new: Json) -> list[str]:
    """What `new` takes from those who rely on `old` (both AsyncAPI documents): channels, types, fields and values that
    are gone, fields that may be absent now or must be there now. Empty within one major version."""
    found = [f"channel {name}" for name in old["channels"] if name not in new["channels"]]
    now = new["components"]["schemas"]
    for name, before in old["components"]["schemas"].items():
        if name not in now:
            found.append(f"type {name}")
            continue
        found += [f"{name}.{field}" for field in before.get("properties", {}) if field not in now[name]["properties"]]
        missing = set(before.get("required", ())) - set(now[name].get("required", ()))
        found += [f"{name}.{field} may be absent now" for field in sorted(missing)]
        fresh = set(now[name].get("required", ())) - set(before.get("required", ()))
        found += [f"{name}.{field} is required now" for field in sorted(fresh)]
        found += [f"{name}: {value}" for value in before.get("enum", ()) if value not in now[name].get("enum", ())]
    return found


def _bodies(prefix: str) -> list[Json]:
    """`type` says what `data` is."""
    return [
        {
            "if": {"properties": {"type": {"pattern": rf"^smartplace\.({'|'.join(Stream)})\.{kind}$"}}},
            "then": {"properties": {"data": {"$ref": prefix + BODIES[kind].__name__}}},
        }
        for kind in EntryKind
    ]


def _channel(name: str) -> Json:
    _, message, place, summary = _CHANNELS[name]
    address = topic(place)
    parameters: Json = {
        "city": {"description": "The city's id."},
        "shard": {"description": "First byte of SHA-256 over the gateway's id, modulo 16, two digits."},
        "gateway": {"description": "The gateway's id."},
        "stream": {"description": "An entry's class.", "enum": [str(stream) for stream in Stream]},
    }
    return {
        "address": address,
        "summary": summary,
        "parameters": {key: parameters[key] for key in re.findall(r"\{(\w+)\}", address)},
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }


def topic(place: str) -> str:
    """The topic that this property of `Topics` names, with its variable levels in braces."""
    named = getattr(Topics("CITY", "gateway-id"), place)
    text = named(Stream.RECEIPT) if callable(named) else str(named)
    levels = text.split("/")
    levels[2:5] = ["{city}", "{shard}", "{gateway}"]
    return "/".join(levels).replace(f"ev/{Stream.RECEIPT}", "ev/{stream}")


def _ref(kind: Any, prefix: str = "#/components/schemas/") -> Json:
    """A type by name; of several, any one."""
    if several := get_args(kind):
        return {"anyOf": [_ref(one, prefix) for one in several]}
    return {"$ref": prefix + kind.__name__}


def _encode(described: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(described, order="sorted"), indent=2) + b"\n"


def main(arguments: list[str]) -> None:
    """Write all files below the folder given, config/ by default."""
    folder = Path(arguments[0] if arguments else "config")
    (folder / "schemas").mkdir(exist_ok=True)
    (folder / "asyncapi.json").write_bytes(asyncapi())
    for name, content in json_schemas().items():
        (folder / "schemas" / name).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
