"""Contract and model: what a driver says becomes a model value or is refused; nothing else escapes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import counter, desfire, library, reader, relay
from drivers.contract.codec import BadMessage, raw
from drivers.contract.core import Kind
from gateway.devices import convert
from gateway.model.counter import CardCounter, CardDebited, DebitEnd
from gateway.model.identification import Refusal
from gateway.model.library import LibraryWord
from gateway.model.reading import (
    NFC,
    AccessCardReading,
    BeaconReading,
    CardReading,
    CodeReading,
    InputReading,
    InputStates,
    Proved,
    Unproved,
    UnusableReading,
)


def test_each_kind_of_reading_becomes_its_own_type() -> None:
    card = convert.reading("nfc-1", (Kind.READER,), 7, raw(reader.Card(b"\x04\xaa", b"\xd1")))
    assert card == CardReading("nfc-1", 7, b"\x04\xaa", b"\xd1")
    code = convert.reading("cam-1", (Kind.READER,), 8, raw(reader.Code("QRCode", b"SP1:x")))
    assert code == CodeReading("cam-1", 8, "QRCode", b"SP1:x")
    near = convert.reading("ble-1", (Kind.READER,), 8, raw(reader.Beacon("phone:a", reader.BeaconEvent.ENTER, -61)))
    assert near == BeaconReading("ble-1", 8, "phone:a", True, -61)
    edge = convert.reading("relay-1", (Kind.RELAY,), 9, raw(relay.InputEdge(2, False)))
    assert edge == InputReading("relay-1", 9, 2, False)
    number = convert.reading("osdp-1", (Kind.READER,), 7, raw(reader.AccessCard(37, b"\x1f" + bytes(4))))
    assert number == AccessCardReading("osdp-1", 7, 37, b"\x1f" + bytes(4))


def test_a_device_of_two_kinds_sees_what_either_sees_and_no_more() -> None:
    """A reader with the door's relay in it (OSDP)."""
    both = (Kind.READER, Kind.RELAY)
    assert convert.reading("osdp-1", both, 1, raw(relay.InputEdge(2, True))) == InputReading("osdp-1", 1, 2, True)
    assert convert.reading("osdp-1", both, 1, raw(reader.Card(b"\x04"))) == CardReading("osdp-1", 1, b"\x04", b"")
    with pytest.raises(BadMessage):
        convert.reading("osdp-1", both, 1, msgspec.Raw(b'{"reading":"moon"}'))
    with pytest.raises(BadMessage):
        convert.reading("osdp-1", (), 1, raw(reader.Card(b"\x04")))


UID, APPLICATION = bytes(7), bytes.fromhex("3042F5")


def test_a_proof_comes_along_and_shows_no_uid() -> None:
    said = reader.Card(UID, proof=desfire.DesfireProof(UID, APPLICATION, 2))
    reading = convert.reading("nfc-1", (Kind.READER,), 7, raw(said))
    proved = Proved(UID, APPLICATION, 2)
    assert reading == CardReading("nfc-1", 7, UID, b"", proved)
    assert repr(UID) not in repr(reading) + repr(proved)
    failed = convert.reading(
        "nfc-1", (Kind.READER,), 7, raw(reader.Card(UID, proof=desfire.DesfireFailed(APPLICATION)))
    )
    assert failed == CardReading("nfc-1", 7, UID, b"", Unproved(APPLICATION))


NAMES = bytes(range(32))


def test_a_counter_comes_along_with_its_proof() -> None:
    said = desfire.DesfireProof(UID, APPLICATION, 2, desfire.Counter("rides-card", 17, NAMES))
    reading = convert.reading("nfc-1", (Kind.READER,), 7, raw(reader.Card(UID, proof=said)))
    assert reading == CardReading(
        "nfc-1", 7, UID, b"", Proved(UID, APPLICATION, 2, CardCounter("rides-card", 17, NAMES))
    )


def test_a_debit_is_asked_for_and_answered() -> None:
    assert convert.debit_call(UID, "rides-card", 2, b"name-001") == counter.Debit(UID, "rides-card", 2, b"name-001")
    ends = {
        counter.Debited(counter.DebitEnd.DONE, 15): CardDebited(DebitEnd.DONE, 15),
        counter.Debited(counter.DebitEnd.TOO_LITTLE, 1): CardDebited(DebitEnd.NOTHING, 1),
        counter.Debited(counter.DebitEnd.NOTHING): CardDebited(DebitEnd.NOTHING),
        counter.Debited(counter.DebitEnd.IN_DOUBT): CardDebited(DebitEnd.IN_DOUBT),
    }
    for said, told in ends.items():
        assert convert.debited(raw(said)) == told


@pytest.mark.parametrize(
    ("uid", "quota", "units", "name"),
    [
        (b"", "rides", 1, bytes(8)),
        (UID, "Rides!", 1, bytes(8)),
        (UID, "rides", 0, bytes(8)),
        (UID, "rides", 2**31, bytes(8)),
        (UID, "rides", 1, bytes(7)),
    ],
)
def test_no_card_is_asked_for_what_the_contract_cannot_say(uid: bytes, quota: str, units: int, name: bytes) -> None:
    with pytest.raises(BadMessage) as told:
        convert.debit_call(uid, quota, units, name)
    assert UID.hex() not in str(told.value)


@pytest.mark.parametrize("value", [-2, 2**31])
def test_a_debit_that_is_done_says_what_is_left(value: int) -> None:
    for said in (counter.Debited(counter.DebitEnd.DONE, value), counter.Debited(counter.DebitEnd.DONE)):
        with pytest.raises(BadMessage):
            convert.debited(raw(said))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (reader.Recognised(reader.RecognisedKind.BANK), Refusal.BANK_CARD),
        (reader.Recognised(reader.RecognisedKind.EID), Refusal.EID),
        (reader.Several(), Refusal.SEVERAL_CARDS),
    ],
)
def test_what_is_no_credential_says_why(body: msgspec.Struct, why: Refusal) -> None:
    assert convert.reading("nfc-1", (Kind.READER,), 7, raw(body)) == UnusableReading("nfc-1", 7, why)


def test_every_kind_of_foreign_card_has_its_refusal() -> None:
    told = [convert.reading("nfc-1", (Kind.READER,), 1, raw(reader.Recognised(kind))) for kind in reader.RecognisedKind]
    assert len({one.why for one in told if isinstance(one, UnusableReading)}) == len(reader.RecognisedKind)


def test_the_symbology_of_a_phone_is_the_contracts() -> None:
    assert NFC == reader.NFC


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.RELAY, reader.Several()),
        (Kind.RELAY, reader.Card(b"\x04")),
        (Kind.READER, relay.InputEdge(1, True)),
        (Kind.PRINTER, reader.Card(b"\x04")),
        (Kind.READER, reader.Card(b"")),
        (Kind.READER, reader.Card(b"\x04" * 33)),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(b"", APPLICATION, 0))),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(bytes(8), APPLICATION, 0))),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(UID, b"", 0))),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(UID, APPLICATION, -1))),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(UID, APPLICATION, 256))),
        (Kind.READER, reader.Card(UID, proof=desfire.DesfireFailed(bytes(4)))),
        *(
            (Kind.READER, reader.Card(UID, proof=desfire.DesfireProof(UID, APPLICATION, 0, desfire.Counter(*held))))
            for held in (("", 1, NAMES), ("r", -1, NAMES), ("r", 2**31, NAMES), ("r", 1, bytes(31)))
        ),
        (Kind.READER, reader.Code("QRCode", b"x" * 2049)),
        (Kind.READER, reader.Code("QRCode" * 20, b"x")),
        (Kind.READER, reader.Beacon("", reader.BeaconEvent.ENTER, -61)),
        (Kind.READER, reader.Beacon("x" * 97, reader.BeaconEvent.ENTER, -61)),
        (Kind.READER, reader.Beacon("phone:a", reader.BeaconEvent.LEAVE, -1000)),
        (Kind.RELAY, reader.AccessCard(24, bytes(3))),
        (Kind.READER, reader.AccessCard(24, bytes(4))),
        (Kind.READER, reader.AccessCard(25, b"\x02" + bytes(3))),
        (Kind.READER, reader.AccessCard(8, b"\x01")),
        (Kind.READER, reader.AccessCard(10**6, bytes(125_000))),
        (Kind.READER, reader.AccessCard(-24, b"")),
        (Kind.RELAY, relay.InputEdge(-1, True)),
        (Kind.RELAY, relay.InputEdge(1000, True)),
    ],
)
def test_a_reading_that_this_device_may_not_send_is_refused(kind: Kind, body: msgspec.Struct) -> None:
    with pytest.raises(BadMessage):
        convert.reading("dev-1", (kind,), 1, raw(body))


def test_a_refusal_never_holds_the_card_id() -> None:
    with pytest.raises(BadMessage) as refused:
        convert.reading("nfc-1", (Kind.READER,), 1, msgspec.Raw(b'{"reading":"card","uid":"04aabbccdd"}'))
    assert "04aabbccdd" not in str(refused.value)


BODIES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=10,
    ).map(msgspec.json.encode),
    st.fixed_dictionaries(
        {},
        optional={
            "reading": st.sampled_from(["card", "code", "access_card", "beacon", "input", "inputs", "moon"]),
            "bits": st.integers(),
            "number": st.just("AAAA") | st.text(max_size=8),
            "result": st.sampled_from(["pulsed", "outputs", "outcome", "printer_status", "done"]),
            "id": st.text(max_size=120),
            "event": st.sampled_from(["enter", "leave", "stay"]),
            "rssi_dbm": st.integers(),
            "uid": st.text(max_size=8) | st.integers(),
            "proof": st.none()
            | st.fixed_dictionaries(
                {"proof": st.sampled_from(["desfire", "desfire_failed", "word of honour"])},
                optional={"uid": st.just("BKHCAAAAAA=="), "application": st.just("MEL1"), "key_version": st.integers()},
            ),
            "symbology": st.text(max_size=80),
            "data": st.just("eA==") | st.text(max_size=8),
            "channel": st.integers(),
            "on": st.booleans() | st.integers() | st.lists(st.booleans()),
            "key": st.sampled_from(["key-1", "key-2", ""]),
            "point": st.sampled_from(["intent", "closed", "nowhere"]),
            "outcome": st.sampled_from(["printed", "unknown", "perhaps"]),
            "mono_ns": st.integers(),
            "closed": st.lists(st.booleans()),
        },
    ).map(msgspec.json.encode),
)


def test_what_inputs_are_becomes_a_reading_of_a_relay_and_of_nothing_else() -> None:
    states = raw(relay.InputStates((True, False)))
    assert convert.reading("relay-1", (Kind.RELAY,), 5, states) == InputStates("relay-1", 5, (True, False))
    with pytest.raises(BadMessage):
        convert.reading("nfc-1", (Kind.READER,), 5, states)
    with pytest.raises(BadMessage):
        convert.reading("relay-1", (Kind.RELAY,), 5, raw(relay.InputStates((True,) * 257)))


@given(BODIES, st.sampled_from(Kind))
def test_any_body_is_understood_or_refused(body: bytes, kind: Kind) -> None:
    parsers = (
        lambda b: convert.reading("dev-1", (kind,), 1, b),
        convert.pulsed,
        convert.outputs,
    )
    for parse in parsers:
        try:
            parse(msgspec.Raw(body))
        except BadMessage:
            continue


@pytest.mark.parametrize("standing", library.PatronStanding)
def test_each_word_of_a_library_has_its_own_here(standing: library.PatronStanding) -> None:
    assert convert.patron(raw(library.Patron(standing))) is LibraryWord(standing.value)


@pytest.mark.parametrize("code", [b"", b"L\x01", "ž".encode(), b"1" * 129])
def test_what_no_library_card_has_is_never_asked_and_never_told(code: bytes) -> None:
    with pytest.raises(BadMessage) as refused:
        convert.patron_call(code)
    assert str(refused.value) == "a code that no library card has"
    assert refused.value.__suppress_context__


@given(st.binary(max_size=60))
def test_any_answer_of_a_library_is_a_word_or_refused(data: bytes) -> None:
    try:
        assert convert.patron(msgspec.Raw(data)) in LibraryWord
    except BadMessage:
        return
