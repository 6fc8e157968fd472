"""SUN messages of NTAG 424 DNA: what a genuine card sends verifies, anything else does not.

Published figures: NXP AN12196 (SDM sample of section 3.4), NXP AN10922 (AES-128 example of section 2.2.1).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulators import card_crypto, cards
from gateway.identity import ndef, sun

META, MASTER = bytes(range(16)), bytes(range(16, 32))
UID = bytes.fromhex("04DE5F1EACC040")
ENCRYPTED = bytes.fromhex("EF963FF7828658A599F3041510671E88")
MAC = bytes.fromhex("94EED9EE65337086")

keys = st.binary(min_size=16, max_size=16)
uids = st.binary(min_size=7, max_size=7)
counters = st.integers(0, 2**24 - 1)


def message(uid: bytes, counter: int, meta: bytes = META, master: bytes = MASTER) -> sun.SunMessage:
    return sun.SunMessage(
        card_crypto.picc_data(meta, uid, counter, bytes(5)),
        card_crypto.sdm_mac(card_crypto.diversify(master, uid), uid, counter),
    )


def test_the_simulated_card_makes_the_published_message() -> None:
    zero = bytes(16)
    assert card_crypto.picc_data(zero, UID, 61, bytes.fromhex("DA5CF60941")) == ENCRYPTED
    assert card_crypto.sdm_mac(zero, UID, 61) == MAC


def test_the_published_url_is_parsed() -> None:
    url = f"https://ntag.nxp.com/424?e={ENCRYPTED.hex().upper()}&c={MAC.hex().upper()}"
    assert sun.parse(url) == sun.SunMessage(ENCRYPTED, MAC)


def test_the_published_message_under_undiversified_keys_is_not_ours() -> None:
    assert sun.verify(sun.SunMessage(ENCRYPTED, MAC), bytes(16), bytes(16)) is None


def test_the_published_diversified_key() -> None:
    master = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    data = bytes.fromhex("01" + "04782E21801D80" + "3042F5" + "4E585020416275")
    assert card_crypto.an10922(master, data) == bytes.fromhex("A8DD63A3B89D54B37CA802473FDA9175")


@given(keys, uids)
def test_a_cards_key_is_diversified_as_an10922_says(master: bytes, uid: bytes) -> None:
    assert sun.diversify(master, uid) == card_crypto.an10922(master, b"\x01" + uid + b"SUN")


@given(keys, keys, uids, counters)
def test_what_a_genuine_card_sends_verifies(meta: bytes, master: bytes, uid: bytes, counter: int) -> None:
    assert sun.verify(message(uid, counter, meta, master), meta, master) == sun.SunProof(uid, counter)


@given(st.integers(0, 191))
def test_no_bit_can_be_changed(bit: int) -> None:
    genuine = message(UID, 61)
    raw = bytearray(genuine.encrypted + genuine.mac)
    raw[bit // 8] ^= 1 << bit % 8
    forged = sun.SunMessage(bytes(raw[:16]), bytes(raw[16:]))
    # The card's 5 bytes of padding are random and not covered; CBC spreads them over the whole block all the same.
    assert sun.verify(forged, META, MASTER) is None


def test_another_citys_card_is_not_genuine_here() -> None:
    assert sun.verify(message(UID, 1, meta=MASTER), META, MASTER) is None
    assert sun.verify(message(UID, 1, master=META), META, MASTER) is None


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))
def test_noise_never_verifies(encrypted: bytes, mac: bytes) -> None:
    assert sun.verify(sun.SunMessage(encrypted, mac), META, MASTER) is None


def test_the_proof_does_not_show_the_uid() -> None:
    proof = sun.verify(message(UID, 61), META, MASTER)
    assert repr(proof) == "SunProof(counter=61)"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://pass.example/t",
        f"https://pass.example/t?e={'0' * 31}&c={'0' * 16}",
        f"https://pass.example/t?e={'0' * 32}&c={'0' * 16}0",
        f"https://pass.example/t?e={'0' * 32}&c={'0' * 16}\n",
        f"https://pass.example/t?c={'0' * 16}&e={'0' * 32}",
        f"tel:?e={'0' * 32}&c={'0' * 16}",
        f"https://pass.example/t#?e={'0' * 32}&c={'0' * 16}",
    ],
)
def test_other_urls_hold_no_message(uri: str) -> None:
    assert sun.parse(uri) is None


def test_other_parameters_may_stand_before_the_message() -> None:
    assert sun.parse(f"http://a.example/?x=1&e={'0' * 32}&c={'0' * 16}") is not None


@given(st.text(max_size=300))
def test_parsing_never_fails(uri: str) -> None:
    sun.parse(uri)


def test_the_ndef_message_of_a_simulated_card_holds_its_sun_message() -> None:
    card = cards.Ntag424(UID, META, card_crypto.diversify(MASTER, UID))
    uri = ndef.first_uri(card.message())
    assert uri is not None
    parsed = sun.parse(uri)
    assert parsed is not None
    assert sun.verify(parsed, META, MASTER) == sun.SunProof(UID, 1)
