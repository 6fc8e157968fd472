"""Contract messages to model types and back: the only place where the two meet.

Everything from a driver is checked here; what is not as it should be raises `BadMessage`, whose text never
holds the content (it may be a card id).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from drivers.contract import counter, desfire, keyboard, library, reader, relay
from drivers.contract.codec import BadMessage, decode_body, encode, raw
from drivers.contract.core import Kind, Options
from gateway.config.types import DeviceSection
from gateway.model.counter import CardCounter, CardDebited, DebitEnd
from gateway.model.identification import Refusal
from gateway.model.library import LibraryWord
from gateway.model.reading import (
    AccessCardReading,
    BeaconReading,
    CardReading,
    CodeReading,
    InputReading,
    InputStates,
    Proved,
    Reading,
    Unproved,
    UnusableReading,
)

UID_MAX = 32
"""Bytes. ISO 14443-3 has 4, 7 and 10; other technologies somewhat more."""
PROVED_UIDS = (4, 7, 10)
"""Bytes of a UID of ISO/IEC 14443-3 type A: only such a card can prove itself, and the registry knows no other."""
CODE_MAX = 2048
ACCESS_BITS_MIN, ACCESS_BITS_MAX = 24, 128
"""Bits of an access card's number: readers send 24 at least, identities of 128 bits at most."""
NDEF_MAX = 8192
BEACON_MAX = 96
CHANNEL_MAX = 255
FIELD_MAX = 64

_readings: dict[Kind, msgspec.json.Decoder[Any]] = {
    Kind.READER: msgspec.json.Decoder(reader.ReaderReading),
    Kind.RELAY: msgspec.json.Decoder(relay.RelayReading),
}
_unusable = {reader.RecognisedKind.BANK: Refusal.BANK_CARD, reader.RecognisedKind.EID: Refusal.EID}
_pulsed = msgspec.json.Decoder(relay.Pulsed)
_outputs = msgspec.json.Decoder(relay.Outputs)
_patron = msgspec.json.Decoder(library.Patron)
_ask = msgspec.json.Decoder(library.PatronStatus)
_typed = msgspec.json.Decoder(keyboard.Typed)
_type = msgspec.json.Decoder(keyboard.Type)
_debit = msgspec.json.Decoder(counter.Debit)
_debited = msgspec.json.Decoder(counter.Debited)


def options_line(section: DeviceSection) -> bytes:
    """The first line to a driver. Raises `BadMessage` when it would be too long."""
    return encode(Options(section.id, msgspec.Raw(msgspec.json.encode(section.options))))


def reading(device: str, kinds: Sequence[Kind], mono_ns: int, body: msgspec.Raw) -> Reading:
    """What a device of these kinds may see; a relay never presents a card."""
    match _decoded(kinds, body):
        case reader.Card(uid=uid, ndef=ndef, proof=proof) if 1 <= len(uid) <= UID_MAX and len(ndef) <= NDEF_MAX:
            return CardReading(device, mono_ns, uid, ndef, _proof(proof))
        case reader.Code(symbology=name, data=data) if 1 <= len(data) <= CODE_MAX and len(name) <= FIELD_MAX:
            return CodeReading(device, mono_ns, name, data)
        case reader.Recognised(kind=which):
            return UnusableReading(device, mono_ns, _unusable[which])
        case reader.Several():
            return UnusableReading(device, mono_ns, Refusal.SEVERAL_CARDS)
        case reader.Beacon(id=name, event=event, rssi_dbm=rssi) if 1 <= len(name) <= BEACON_MAX and -127 <= rssi <= 20:
            return BeaconReading(device, mono_ns, name, event is reader.BeaconEvent.ENTER, rssi)
        case reader.AccessCard(bits=bits, number=number) if _is_number(bits, number):
            return AccessCardReading(device, mono_ns, bits, number)
        case relay.InputEdge(channel=channel, on=on) if 0 <= channel <= CHANNEL_MAX:
            return InputReading(device, mono_ns, channel, on)
        case relay.InputStates(on=states) if len(states) <= CHANNEL_MAX + 1:
            return InputStates(device, mono_ns, states)
        case _:
            raise BadMessage("a reading out of its bounds")


def _is_number(bits: int, number: bytes) -> bool:
    """Whether it is one number of so many bits, in the fewest bytes: two forms of one card would be two cards."""
    if not ACCESS_BITS_MIN <= bits <= ACCESS_BITS_MAX or len(number) != -(-bits // 8):
        return False
    return int.from_bytes(number, "big").bit_length() <= bits


def _decoded(kinds: Sequence[Kind], body: msgspec.Raw) -> msgspec.Struct:
    """The body as one of the readings of the first of these kinds that knows it."""
    wrong = BadMessage(f"a {' and '.join(kinds)} has no readings")
    for kind in kinds:
        if (decoder := _readings.get(kind)) is not None:
            try:
                seen: msgspec.Struct = decode_body(body, decoder)
            except BadMessage as error:
                wrong = error
            else:
                return seen
    raise wrong


def _proof(said: desfire.Proof | None) -> Proved | Unproved | None:
    match said:
        case None:
            return None
        case desfire.DesfireProof(uid=uid, application=application, key_version=version, counter=held) if (
            len(uid) in PROVED_UIDS and len(application) == desfire.APPLICATION_BYTES and 0 <= version <= 255
        ):
            return Proved(uid, application, version, _counter(held))
        case desfire.DesfireFailed(application=application) if len(application) == desfire.APPLICATION_BYTES:
            return Unproved(application)
        case _:
            raise BadMessage("a proof out of its bounds")


def _counter(said: desfire.Counter | None) -> CardCounter | None:
    match said:
        case None:
            return None
        case desfire.Counter(quota=quota, value=value, names=names) if (
            1 <= len(quota) <= FIELD_MAX
            and 0 <= value <= desfire.VALUE_MOST
            and len(names) == desfire.NAMES * desfire.NAME_BYTES
        ):
            return CardCounter(quota, value, names)
        case _:
            raise BadMessage("a counter out of its bounds")


def debit_call(uid: bytes, quota: str, units: int, name: bytes) -> counter.Debit:
    """Raises `BadMessage`, without a word of the card, for what no card of ours is asked."""
    return decode_body(raw(counter.Debit(uid, quota, units, name)), _debit)


_ENDS = {
    counter.DebitEnd.DONE: DebitEnd.DONE,
    counter.DebitEnd.NOTHING: DebitEnd.NOTHING,
    counter.DebitEnd.TOO_LITTLE: DebitEnd.NOTHING,
    counter.DebitEnd.IN_DOUBT: DebitEnd.IN_DOUBT,
}


def debited(body: msgspec.Raw) -> CardDebited:
    """How a debit ended. Who says that it was done, says what is left."""
    said = decode_body(body, _debited)
    if not -1 <= said.value <= desfire.VALUE_MOST or (said.end is counter.DebitEnd.DONE and said.value < 0):
        raise BadMessage("a debit out of its bounds")
    return CardDebited(_ENDS[said.end], said.value)


def pulse(channel: int, ms: int) -> relay.Pulse:
    return relay.Pulse(channel, ms)


def pulsed(body: msgspec.Raw) -> int:
    """Monotonic ns at which the pulse had begun at the latest."""
    return decode_body(body, _pulsed).mono_ns


def read_outputs() -> relay.ReadOutputs:
    return relay.ReadOutputs()


def outputs(body: msgspec.Raw) -> tuple[bool, ...]:
    return decode_body(body, _outputs).closed


def patron_call(barcode: bytes) -> library.PatronStatus:
    """Raises `BadMessage`, without a word of the code, for what is no library card."""
    try:
        return decode_body(raw(library.PatronStatus(barcode.decode("ascii"))), _ask)
    except (UnicodeDecodeError, BadMessage):
        raise BadMessage("a code that no library card has") from None


def type_call(text: bytes) -> keyboard.Type:
    """Raises `BadMessage`, without a word of the text, for what no keyboard of ours types."""
    try:
        return decode_body(raw(keyboard.Type(text.decode("ascii"))), _type)
    except (UnicodeDecodeError, BadMessage):
        raise BadMessage("a text that is not typed") from None


def typed(body: msgspec.Raw) -> None:
    """All of it was typed."""
    decode_body(body, _typed)


def patron(body: msgspec.Raw) -> LibraryWord:
    """How the library card stands."""
    return LibraryWord(decode_body(body, _patron).standing.value)
