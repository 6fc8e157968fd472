"""Each target takes its examples and noise made of them. What `make fuzz` finds becomes a seed here."""

from __future__ import annotations

from random import Random

import pytest

from drivers.cards.asking import ask
from drivers.contract import reader
from drivers.desfire.authenticate import prove
from drivers.desfire.keys import FileKeys
from drivers.desfire.outcome import Proved
from drivers.pcsc import cards
from tests.fuzz import seeds
from tests.fuzz.targets import MAX_BYTES, TARGETS, Card, Target

ROUNDS = 200
INSERTED = (b"\xff", b"\x00", b"\x80", b'"', b"-", b"1e999", b"\xf0\x9f", b"{[", b"NaN")


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_examples_and_noise_are_taken_or_refused(target: Target) -> None:
    chance = Random(target.name)
    for seed in target.seeds:
        assert len(seed) <= MAX_BYTES
        target.take(seed)
        for _ in range(ROUNDS):
            target.take(_noise(chance, seed))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_first_example_is_one_that_the_parser_understands(target: Target) -> None:
    """Fuzzing begins where the parser lets something in: not at the door."""
    target.run(target.seeds[0])


@pytest.mark.parametrize("data", [seeds.TYPE_4_CARD, seeds.TYPE_2_CARD])
def test_the_cards_are_read_to_the_end(data: bytes) -> None:
    card = Card(data[20:])
    assert cards.uid_of(card) is not None
    assert cards.ndef_of(card, data[:20]) == seeds.NDEF


def test_the_phone_hands_over_its_pass_and_the_bank_card_is_one() -> None:
    assert ask(b"\x08\x01\x02\x03", Card(seeds.PHONE), lambda: b"") == reader.Code(reader.NFC, seeds.PASS)
    recognised = reader.Recognised(reader.RecognisedKind.BANK)
    assert ask(b"\x04\x01\x02\x03", Card(seeds.BANK_CARD), lambda: b"") == recognised


def test_the_desfire_is_asked_to_the_end() -> None:
    keys = FileKeys({0: bytes(16)}, bytes)
    assert prove(Card(seeds.DESFIRE_CARD), seeds.DESFIRE_WANTED, keys, seeds.DESFIRE_UID) == Proved(
        seeds.DESFIRE_UID, 0
    )


def test_a_target_lets_nothing_through_that_it_does_not_name() -> None:
    broken = Target("broken", lambda data: data[8], (ValueError,), (b"",))
    with pytest.raises(IndexError):
        broken.take(b"")


def _noise(chance: Random, seed: bytes) -> bytes:
    """The seed with some bytes changed, cut or put in."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        match chance.randint(0, 2):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case _:
                data[at:at] = chance.choice(
                    (b"\xff", b"\x00", b"\x80", b'"', b"-", b"1e999", b"\xf0\x9f", b"{[", b"NaN")
                )
    return bytes(data)
