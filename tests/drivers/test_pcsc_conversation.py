"""The conversation with a card at a PC/SC reader: it may leave before any command, however its reader words that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cards.apdu import Transmit
from drivers.contract.reader import Code, Recognised, RecognisedKind
from drivers.desfire.outcome import Proved
from drivers.desfire.prover import Prover
from drivers.pcsc.conversation import CardGone, Read, read_whole
from drivers.simulators.card_crypto import diversify
from drivers.simulators.cards import Card, Ntag424, Type2Tag
from drivers.simulators.desfire import Desfire
from drivers.simulators.foreign_cards import BankCard, CommandCard, IdentityCard, Phone
from drivers.simulators.vpcd import answer, atr_of
from tests.drivers.desfire_cards import DIVERSIFIED, genuine, keys
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID

ASK = Prover(DIVERSIFIED, keys())
TEXT = b"SP1:" + b"6BF0" * 100

SILENCES = [b"\x63\x00", b"\x6f\x00", b"\x64\x00", None]
"""What readers say for a card that has left (PC/SC part 3, 3.2.2): words of failure, or pcscd's own error (None)."""


class Leaving:
    """A card that is taken away before command number `leaves`."""

    def __init__(self, card: Card, leaves: int | None, silence: bytes | None) -> None:
        self.card, self._leaves, self._silence = card, leaves, silence
        self.asked = 0
        card.activate()

    def transmit(self, command: bytes) -> bytes:
        self.asked += 1
        if self._leaves is not None and self.asked > self._leaves:
            if self._silence is None:
                raise CardGone
            return self._silence
        return answer(self.card, command)


MAKE: list[Callable[[], Card]] = [
    lambda: Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID)),
    genuine,
    lambda: BankCard(UID),
    lambda: IdentityCard(UID, hidden=True),
    lambda: Phone(TEXT, pays=True),
    lambda: CommandCard(UID),
]
cards = st.one_of(
    st.binary(max_size=140).map(lambda message: Type2Tag(UID, message)),
    st.sampled_from(MAKE).map(lambda make: make()),
)


def right(card: Card, read: Read) -> bool:
    """Whether this is all that the card has to tell."""
    match card:
        case Type2Tag():
            return read.shown == whole(card.exchange, card)
        case Ntag424():
            return read.shown == card.last_message
        case Desfire():
            return read.shown == b"" and isinstance(read.proof, Proved)
        case BankCard():
            return read.shown == Recognised(RecognisedKind.BANK)
        case IdentityCard():
            return read.shown == Recognised(RecognisedKind.EID)
        case Phone():
            return read.shown == Code("nfc", TEXT)
        case _:
            return read.shown == b""


def whole(exchange: Callable[[bytes], bytes | None], card: Type2Tag) -> bytes:
    """The message of a Type 2 tag, straight from its memory."""
    card.activate()
    memory = b"".join(exchange(bytes([0x30, page])) or b"" for page in range(4, 44, 4))
    return memory[2 : 2 + memory[1]]


@given(cards)
def test_a_card_that_stays_is_read_whole(card: Card) -> None:
    there = Leaving(card, None, None)
    read = read_whole(there.transmit, atr_of(card), ASK)
    assert right(card, read)
    assert read.uid == card.uid


@given(cards, st.integers(0, 40), st.sampled_from(SILENCES))
def test_a_card_that_leaves_is_read_whole_or_not_at_all(card: Card, leaves: int, silence: bytes | None) -> None:
    """Whenever it leaves: never a part of it, never weak for genuine, never another kind of card."""
    there = Leaving(card, leaves, silence)
    try:
        read = read_whole(there.transmit, atr_of(card), ASK)
    except CardGone:
        assert there.asked > leaves
        return
    assert read.uid is None or right(card, read)


def test_there_is_a_moment_for_each_command() -> None:
    """Else the test above would not reach the end of the longest conversation."""
    asked = []
    for make in (lambda: Type2Tag(UID, bytes(140)), *MAKE):
        there = Leaving(make(), None, None)
        read_whole(there.transmit, atr_of(there.card), ASK)
        asked.append(there.asked)
    assert max(asked) <= 40


def test_without_the_last_question_a_card_that_left_would_look_weak() -> None:
    """What `read_whole` guards against is real: a reader's words for silence are those of a card without NDEF."""
    card = MAKE[0]()
    transmit: Transmit = Leaving(card, 1, b"\x6f\x00").transmit
    with pytest.raises(CardGone):
        read_whole(transmit, atr_of(card), None)
