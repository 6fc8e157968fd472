"""Messages as they came, sorted into what the store takes in: entries, births and deaths, answers to commands, wishes.

Pure. Whatever is wrong becomes poison of the gateway on whose topic it came, and costs nobody else anything.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from gateway.centre.births import Heard
from gateway.centre.link import Delivery
from gateway.centre.parcel import Parcel, open_parcel
from gateway.centre.store import Said
from gateway.model.entry import Stream
from gateway.model.errors import InputRefused
from gateway.wire.commands import CommandResult
from gateway.wire.messages import State, decode
from gateway.wire.quota import decode_said
from gateway.wire.topics import Address, parse, shard_of

MAX_STATE = 64 * 1024
MAX_TEXT = 64
"""Of a session id, an epoch, a version: longer ones are nobody's."""
_EVENTS = {f"ev/{stream}": stream for stream in Stream}


def sort(city: str, deliveries: Sequence[Delivery], shards: Container[int]) -> Said:
    """What these messages say, as far as their gateways are in one of these shards: another's are left out."""
    said = Said([], [], [], [], [])
    for delivery in deliveries:
        address = parse(delivery.topic)
        if address is None or address.city != city:
            said.parcels.append(Parcel("", [], poison="a topic that is none of ours, or in the wrong shard"))
        elif shard_of(address.gateway) in shards:
            _sort_one(address, delivery, said)
    return said


def _sort_one(address: Address, delivery: Delivery, said: Said) -> None:
    gateway = address.gateway
    try:
        if address.leaf in _EVENTS:
            stream = _EVENTS[address.leaf]
            said.parcels.append(open_parcel(address.city, gateway, stream, delivery.payload))
        elif address.leaf == "state" and delivery.payload:  # empty: a retained state was deleted
            said.states.append(Heard(gateway, _state(gateway, delivery.payload), delivery.retained))
        elif address.leaf == "res":
            said.results.append((gateway, decode(delivery.payload, CommandResult, f"{gateway}/res")))
        elif address.leaf == "want":
            said.wishes.append((gateway, delivery.payload))
        elif address.leaf == "quota":
            said.quotas.append((gateway, decode_said(delivery.payload, gateway)))
    except InputRefused as refused:
        said.parcels.append(Parcel(gateway, [], poison=refused.what))


def _state(gateway: str, payload: bytes) -> State:
    where = f"{gateway}/state"
    if len(payload) > MAX_STATE:
        raise InputRefused(f"a state of {len(payload)} bytes", where=where)
    state = decode(payload, State, where)
    texts = state.session, state.boot, state.version
    if any(len(text) > MAX_TEXT or not text.isprintable() for text in texts) or " " in state.session:
        raise InputRefused("a session, boot or version that is none", where=where)
    return state
