"""The identity step: whose credential it is or a closed reason why not; the clear id ends here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulators import cards
from gateway.identity.identify import Identified, Identity
from gateway.identity.keys import Keys
from gateway.identity.registry import Cache
from gateway.model.errors import Conflict
from gateway.model.identification import CredentialKind, Identification, Refusal, Strength
from gateway.model.reading import (
    NFC,
    AccessCardReading,
    BeaconReading,
    CardReading,
    CodeReading,
    Presented,
    Proved,
    Unproved,
    UnusableReading,
)
from gateway.wire import base45
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.passes import PREFIX
from tests.support.place import BARCODE, BEACON, KEYS, UIDS, Card, Place, digest

NOW = 1_795_424_400_000


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    started = Place(tmp_path).start()
    yield started
    await started.stop()


def identify(place: Place, reading: Presented, now_ms: int = NOW) -> Identified:
    return place.services.identity.identify(reading, now_ms)


def refusal(place: Place, reading: Presented, now_ms: int = NOW) -> Refusal | None:
    return identify(place, reading, now_ms).identification.refusal


def card(uid: bytes, ndef: bytes = b"") -> CardReading:
    return CardReading("nfc-1", 0, uid, ndef)


def code(data: bytes) -> CodeReading:
    return CodeReading("cam-1", 0, "QRCode", data)


async def use(place: Place, identified: Identified) -> None:
    await place.ledger.commit([], identified.effects)


async def test_an_access_card_is_known_by_its_bits_and_number_and_is_weak(place: Place) -> None:
    """Whichever wire its number came on; and never as the card with a UID of the same bytes."""
    known = identify(place, AccessCardReading("osdp-1", 0, 24, b"\x0c\x87\x07")).identification
    assert known.credential is not None
    assert (known.credential.kind, known.credential.strength) == (CredentialKind.ACCESS_CARD, Strength.WEAK)
    assert known.refusal is Refusal.UNKNOWN
    same = identify(place, AccessCardReading("wiegand-1", 9, 24, b"\x0c\x87\x07")).identification
    assert same.credential == known.credential
    others = (AccessCardReading("osdp-1", 0, 32, b"\0\x0c\x87\x07"), card(b"\x0c\x87\x07"), card(b"\x18\x0c\x87\x07"))
    for reading in others:
        other = identify(place, reading).identification.credential
        assert other is not None
        assert other.digest != known.credential.digest


async def test_a_counter_counts_only_once_it_is_committed(place: Place) -> None:
    anna = Card("anna")
    reading = anna.tap(place)
    first = identify(place, reading)
    assert identify(place, reading).identification.accepted
    await use(place, first)
    assert refusal(place, reading) is Refusal.REPLAYED


async def test_two_that_race_to_the_commit_with_one_message_end_with_one_winner(place: Place) -> None:
    reading = Card("anna").tap(place)
    one, other = identify(place, reading), identify(place, reading)
    await use(place, one)
    with pytest.raises(Conflict):
        await use(place, other)
    assert other.replayed.refusal is Refusal.REPLAYED
    assert other.replayed.holder is None


async def test_older_counters_are_replays_newer_ones_are_not(place: Place) -> None:
    old, new = Card("anna", counter=3), Card("anna", counter=9)
    await use(place, identify(place, new.tap(place)))
    assert refusal(place, old.tap(place)) is Refusal.REPLAYED
    assert identify(place, Card("anna", counter=10).tap(place)).identification.accepted


async def test_a_counter_is_the_cards_own(place: Place) -> None:
    await use(place, identify(place, Card("anna", counter=50).tap(place)))
    assert identify(place, Card("berta").tap(place)).identification.accepted


async def test_the_last_counter_of_a_card_still_counts(place: Place) -> None:
    assert identify(place, Card("anna", counter=2**24 - 2).tap(place)).identification.accepted


async def test_a_genuine_message_on_a_random_short_uid_is_accepted(place: Place) -> None:
    assert identify(place, card(b"\x08\x01\x02\x03", Card("anna").message())).identification.accepted


@pytest.mark.parametrize("ndef", [b"", cards.uri_message("example.org/x")])
async def test_a_random_uid_without_a_proof_is_nobodys(place: Place, ndef: bytes) -> None:
    identified = identify(place, card(b"\x08\x01\x02\x03", ndef))
    assert identified.identification == Identification(refusal=Refusal.RANDOM_UID)


@pytest.mark.parametrize("uid", [b"\x08\x01\x02\x03\x04\x05\x06", b"\x18\x01\x02\x03"])
async def test_only_four_bytes_that_begin_with_08_are_random(place: Place, uid: bytes) -> None:
    assert refusal(place, card(uid)) is Refusal.UNKNOWN


@pytest.mark.parametrize("why", [Refusal.BANK_CARD, Refusal.EID, Refusal.SEVERAL_CARDS])
async def test_what_is_no_credential_is_refused_without_one(place: Place, why: Refusal) -> None:
    assert identify(place, UnusableReading("nfc-1", 0, why)) == Identified(Identification(refusal=why))


async def test_a_phone_hands_over_a_pass_as_a_screen_shows_it(place: Place) -> None:
    shown = place.pass_reading()
    by_radio = identify(place, CodeReading("nfc-1", 0, NFC, shown.data), place.clock.wall_ms())
    assert by_radio == identify(place, shown, place.clock.wall_ms())
    assert by_radio.identification.holder == "h-anna"


async def test_a_phone_hands_over_nothing_but_passes(place: Place) -> None:
    assert identify(place, code(BARCODE)).identification.accepted
    assert identify(place, CodeReading("nfc-1", 0, NFC, BARCODE)) == Identified(
        Identification(refusal=Refusal.UNREADABLE)
    )


async def test_a_genuine_message_on_another_cards_uid_is_forged(place: Place) -> None:
    assert refusal(place, card(UIDS["berta"], Card("anna").message())) is Refusal.FORGED


async def test_a_message_of_another_citys_keys_is_forged(place: Place) -> None:
    foreign = cards.Ntag424(UIDS["anna"], bytes(16), bytes(16))
    assert refusal(place, card(foreign.uid, foreign.message())) is Refusal.FORGED


async def test_a_copied_uid_without_a_message_is_not_the_sun_card(place: Place) -> None:
    identified = identify(place, card(UIDS["anna"]))
    credential = identified.identification.credential
    assert credential is not None
    assert (credential.strength, identified.identification.refusal) == (Strength.WEAK, Refusal.UNKNOWN)


async def test_without_sun_keys_no_card_is_genuine(place: Place) -> None:
    keys = msgspec.structs.replace(KEYS, sun_meta=None, sun_master=None)
    identity = Identity(keys, place.cache, place.ledger.query)
    anna = identity.identify(Card("anna").tap(place), NOW).identification
    assert anna.credential is not None
    assert (anna.credential.strength, anna.accepted) == (Strength.WEAK, False)


async def test_a_card_without_uid_and_message_is_unreadable(place: Place) -> None:
    assert refusal(place, card(b"")) is Refusal.UNREADABLE


async def test_a_valid_pass_is_accepted_and_genuine(place: Place) -> None:
    who = identify(place, place.pass_reading()).identification
    assert who.credential is not None
    assert (who.holder, who.credential.strength, who.language) == ("h-anna", Strength.GENUINE, "lv")


@pytest.mark.parametrize(
    ("at_s", "reason"), [(99, Refusal.NOT_YET_VALID), (100, None), (199, None), (200, Refusal.EXPIRED)]
)
async def test_a_pass_holds_from_nbf_until_just_before_exp(place: Place, at_s: int, reason: Refusal | None) -> None:
    reading = place.pass_reading(not_before_s=100, expires_s=200)
    assert refusal(place, reading, at_s * 1000) is reason


async def test_a_pass_that_was_tampered_with_is_forged(place: Place) -> None:
    raw = bytearray(base45.decode(place.pass_text()[4:]))
    raw[-70] ^= 1  # the pass id, just before the signature
    assert refusal(place, code(PREFIX + base45.encode(bytes(raw)))) is Refusal.FORGED


async def test_a_pass_that_is_none_is_unreadable(place: Place) -> None:
    assert refusal(place, code(b"SP1:NOTHING")) is Refusal.UNREADABLE


async def test_an_issuer_with_a_zero_byte_is_unreadable(place: Place) -> None:
    assert refusal(place, place.pass_reading(issuer="a\0b")) is Refusal.UNREADABLE


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BARCODE, None),
        (b"\t" + BARCODE + b"\n", None),
        (BARCODE.lower(), Refusal.UNKNOWN),
        (b"", Refusal.UNREADABLE),
        (b"\xff", Refusal.UNREADABLE),
        (b"1" * 129, Refusal.UNREADABLE),
    ],
)
async def test_a_barcode_is_trimmed_ascii(place: Place, data: bytes, reason: Refusal | None) -> None:
    assert refusal(place, code(data)) is reason


@pytest.mark.parametrize(
    ("at_ms", "reason"), [(99, Refusal.NOT_YET_VALID), (100, None), (199, None), (200, Refusal.EXPIRED)]
)
def test_a_credential_holds_from_its_first_ms_until_just_before_its_last(
    tmp_path: Path, at_ms: int, reason: Refusal | None
) -> None:
    cache = Cache(tmp_path / "cache.db")
    cache.start()
    held = RegistryCredential(CredentialKind.CARD, digest(CredentialKind.CARD, b"1234"), "h", from_ms=100, until_ms=200)
    cache.stage_registry(1, RegistryContent("k1", (RegistryHolder("h"),), (held,)), "k1")
    cache.use_registry(1)
    identity = Identity(KEYS, cache, lambda _sql, _parameters: [])
    assert identity.identify(card(b"1234"), at_ms).identification.refusal is reason
    cache.stop()


async def test_nothing_of_the_clear_id_is_in_what_comes_out(place: Place) -> None:
    for reading in (Card("anna").tap(place), card(UIDS["anna"]), code(BARCODE), place.pass_reading()):
        out = msgspec.json.encode(identify(place, reading).identification) + repr(identify(place, reading)).encode()
        for clear in (UIDS["anna"].hex(), UIDS["anna"].hex().upper(), BARCODE.decode(), b"anna-pass".hex()):
            assert clear.encode() not in out


async def test_nothing_of_the_clear_id_is_in_a_readings_repr(place: Place) -> None:
    shown = repr([Card("anna").tap(place), code(BARCODE)])
    assert UIDS["anna"].hex() not in shown
    assert repr(UIDS["anna"])[2:-1] not in shown
    assert BARCODE.decode() not in shown


class Nothing(Cache):
    """A cache that knows nobody, without a file."""

    def __init__(self) -> None:
        super().__init__(Path("unused"))

    def find(self, digest: bytes) -> None:
        return None


BARE = Identity(Keys(bytes(32), "k1", bytes(16), bytes(16), KEYS.issuers), Nothing(), lambda _sql, _parameters: [])


@given(st.binary(max_size=32), st.binary(max_size=120))
def test_no_card_can_make_it_fail(uid: bytes, ndef: bytes) -> None:
    assert not BARE.identify(card(uid, ndef), NOW).identification.accepted


@given(st.binary(max_size=120), st.booleans())
def test_no_code_can_make_it_fail(data: bytes, like_a_pass: bool) -> None:
    assert not BARE.identify(code(PREFIX + data if like_a_pass else data), NOW).identification.accepted


@pytest.mark.parametrize("id", [BEACON, BEACON.upper()])
async def test_a_beacon_is_weak_and_known_by_its_canonical_id(place: Place, id: str) -> None:
    who = identify(place, BeaconReading("ble-1", 0, id, True, -60)).identification
    assert who.holder == "h-anna"
    assert who.credential is not None
    assert (who.credential.kind, who.credential.strength) == (CredentialKind.BEACON, Strength.WEAK)
    assert who.credential.digest == digest(CredentialKind.BEACON, BEACON.encode())


async def test_a_beacon_that_is_none_is_unreadable_and_a_strangers_is_unknown(place: Place) -> None:
    assert refusal(place, BeaconReading("ble-1", 0, "nonsense", True, -60)) is Refusal.UNREADABLE
    assert refusal(place, BeaconReading("ble-1", 0, "phone:nobody", True, -60)) is Refusal.UNKNOWN
    assert BEACON not in repr(BeaconReading("ble-1", 0, BEACON, True, -60))


# Cards that have proved themselves to their reader -------------------------------------------------------

PROVED = Proved(UIDS["anna"], bytes.fromhex("3042F5"), 1)


def of_the_city(folder: Path) -> Identity:
    """An identity step that knows one card, as one that proves itself."""
    cache = Cache(folder / "proved.db")
    cache.start()
    known = RegistryCredential(CredentialKind.DESFIRE_CARD, digest(CredentialKind.DESFIRE_CARD, UIDS["anna"]), "h-anna")
    cache.stage_registry(1, RegistryContent("k1", (RegistryHolder("h-anna"),), (known,)), "k1")
    cache.use_registry(1)
    return Identity(KEYS, cache, lambda _sql, _parameters: [])


def test_a_proved_card_is_genuine_by_the_uid_of_its_proof(tmp_path: Path) -> None:
    """Not by the one that it shows to everybody, which may be a random one."""
    reading = CardReading("nfc-1", 0, bytes.fromhex("08112233"), b"", PROVED)
    who = of_the_city(tmp_path).identify(reading, NOW).identification
    assert who.credential is not None
    assert (who.holder, who.credential.kind, who.credential.strength) == (
        "h-anna",
        CredentialKind.DESFIRE_CARD,
        Strength.GENUINE,
    )


def test_a_clone_of_its_uid_is_another_credential_and_unknown(tmp_path: Path) -> None:
    who = of_the_city(tmp_path).identify(card(UIDS["anna"]), NOW).identification
    assert who.credential is not None
    assert (who.credential.strength, who.refusal) == (Strength.WEAK, Refusal.UNKNOWN)


def test_a_card_that_could_not_prove_itself_is_nobodys_not_even_as_a_weak_one(tmp_path: Path) -> None:
    identity = of_the_city(tmp_path)
    reading = CardReading("nfc-1", 0, UIDS["anna"], b"", Unproved(bytes.fromhex("3042F5")))
    assert identity.identify(reading, NOW).identification == Identification(refusal=Refusal.UNPROVED)


async def test_what_a_card_has_proved_needs_no_message_beside_it(place: Place) -> None:
    """Its own proof decides, also when it carries somebody's SUN message."""
    reading = CardReading("nfc-1", 0, UIDS["berta"], Card("anna").message(), Unproved(b"\x30\x42\xf5"))
    assert refusal(place, reading) is Refusal.UNPROVED


async def test_nothing_of_a_proved_uid_comes_out(place: Place) -> None:
    reading = CardReading("nfc-1", 0, UIDS["anna"], b"", PROVED)
    identified = identify(place, reading)
    out = msgspec.json.encode(identified.identification) + repr((identified, reading)).encode()
    assert UIDS["anna"].hex().encode() not in out.lower()
    assert repr(UIDS["anna"])[2:-1].encode() not in out
