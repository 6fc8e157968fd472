"""The simulated cards against published vectors and ISO-DEP as a reader speaks it."""

from __future__ import annotations

import pytest

from drivers.simulators.card_crypto import an10922, diversify, picc_data, sdm_mac
from drivers.simulators.cards import Ntag424, Type2Tag, Type4Tag, uri_message

UID = bytes.fromhex("04DE5F1EACC040")
ZEROS = bytes(16)
SELECT_APP = bytes.fromhex("00A4040007D276000085010100")
SELECT_CC = bytes.fromhex("00A4000C02E103")
SELECT_NDEF = bytes.fromhex("00A4000C02E104")


def test_sun_is_the_published_one() -> None:
    """NXP AN12196 section 3.4: zero keys, counter 61, PICC data C7 04DE5F1EACC040 3D0000 DA5CF60941."""
    picc = picc_data(ZEROS, UID, 61, bytes.fromhex("DA5CF60941"))
    assert picc.hex().upper() == "EF963FF7828658A599F3041510671E88"
    assert sdm_mac(ZEROS, UID, 61).hex().upper() == "94EED9EE65337086"


def test_an10922_with_a_long_input_is_the_published_one() -> None:
    """AN10922 section 2.2.1: UID, AID 3042F5, "NXP Abu"."""
    data = bytes.fromhex("0104782E21801D803042F54E585020416275")
    key = an10922(bytes.fromhex("00112233445566778899AABBCCDDEEFF"), data)
    assert key.hex().upper() == "A8DD63A3B89D54B37CA802473FDA9175"


def test_an10922_with_a_short_input_is_the_published_one() -> None:
    """AN10957, key diversification example: a short input is padded to two blocks, unlike plain CMAC."""
    key = an10922(bytes.fromhex("F3F9377698707B688EAF84ABE39E3791"), bytes.fromhex("0104DEADBEEFFEED"))
    assert key.hex().upper() == "0BB408BAFF98B6EE9F2E1585777F6A51"


def test_the_file_key_takes_uid_and_sun() -> None:
    master = bytes(range(16))
    assert diversify(master, UID) == an10922(master, b"\x01" + UID + b"SUN")
    assert diversify(master, UID).hex() == "be48be529886e076538a532eae619190"


def test_a_genuine_card_counts_once_per_activation() -> None:
    card = Ntag424(UID, ZEROS, ZEROS, counter=60, random=lambda _size: bytes.fromhex("DA5CF60941"))
    first, again, next_tap = _tap(card), _read_again(card), _tap(card)
    assert first == uri_message("pass.example/t?e=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086")
    assert again == first
    assert next_tap != first
    assert card.counter == 62


def test_a_clone_says_the_same_for_ever() -> None:
    card = Ntag424(UID, ZEROS, ZEROS)
    message = _tap(card)
    clone = card.clone()
    assert _tap(clone) == _tap(clone) == message
    assert card.counter == 1


def test_the_file_is_read_in_a_chain_of_blocks() -> None:
    """A response longer than the card's frames is chained; each R(ACK) brings the next part."""
    card = Ntag424(UID, ZEROS, ZEROS)
    _select(card)
    part = card.exchange(b"\x03" + bytes.fromhex("00B0000000"))
    assert part is not None
    assert part[0] == 0x13
    whole = part[1:]
    number = 0
    while part[0] & 0x10:
        part = card.exchange(bytes([0xA2 | number]))
        assert part is not None
        whole += part[1:]
        number ^= 1
    assert len(whole) == 256 + 2
    assert whole.endswith(b"\x90\x00")


def test_a_nak_brings_the_last_block_again_and_a_presence_check_an_ack() -> None:
    card = Ntag424(UID, ZEROS, ZEROS)
    assert card.exchange(b"\xe0\x80") == card.ATS
    assert card.exchange(b"\xb2") == b"\xa3"
    answer = card.exchange(b"\x02" + SELECT_APP)
    assert answer == b"\x02\x90\x00"
    assert card.exchange(b"\xb2") == answer
    assert card.exchange(b"\xb3") == b"\xa2"


def test_a_card_that_was_not_activated_is_silent() -> None:
    card = Ntag424(UID, ZEROS, ZEROS)
    assert card.exchange(b"\x02" + SELECT_APP) is None


def test_an_ntag213_goes_mute_at_an_unknown_command_until_selected_again() -> None:
    tag = Type2Tag(UID, uri_message("example.org"))
    assert tag.exchange(b"\x1a\x00") == b"\x00"
    assert tag.exchange(b"\x30\x00") is None
    tag.activate()
    page = tag.exchange(b"\x30\x00")
    assert page is not None
    assert page[:3] + page[4:8] == UID


def test_a_type_2_tag_holds_no_more_than_it_has() -> None:
    with pytest.raises(ValueError, match="140 bytes"):
        Type2Tag(UID, bytes(141))


def _select(card: Type4Tag) -> None:
    card.activate()
    assert card.exchange(b"\xe0\x80") == card.ATS
    for number, command in enumerate((SELECT_APP, SELECT_CC, SELECT_NDEF)):
        answer = card.exchange(bytes([0x02 | number & 1]) + command)
        assert answer is not None
        assert answer[1:] == b"\x90\x00"


def _tap(card: Type4Tag) -> bytes:
    _select(card)
    return _message(card.exchange(b"\x03" + bytes.fromhex("00B0000064")))


def _read_again(card: Ntag424) -> bytes:
    return _message(card.exchange(b"\x02" + bytes.fromhex("00B0000064")))


def _message(block: bytes | None) -> bytes:
    assert block is not None
    size = int.from_bytes(block[1:3], "big")
    return block[3 : 3 + size]
