"""Recorded conversations with DESFire cards, replayed at either end."""

from __future__ import annotations

import pytest

from drivers.desfire.authenticate import Wanted, prove
from drivers.desfire.crypto import session_key
from drivers.desfire.keys import FileKeys
from drivers.desfire.outcome import Failed, Outcome, Proved, Why
from drivers.simulators.desfire import Desfire
from tests.drivers.desfire_cards import APPLICATION, DATA, Conversation, wrapped

ALL = sorted(path.name for path in DATA.glob("*.txt"))
REAL = [name for name in ALL if name.startswith("real")]
PEER = "peer-card-uid.txt"
SHOWN = bytes.fromhex("08112233")


def held(conversation: Conversation, *versions: int) -> FileKeys:
    return FileKeys(dict.fromkeys(versions, conversation.facts["key"]), lambda _size: conversation.facts["ours"])


def replayed(conversation: Conversation, keys: FileKeys, diversified: bool = False) -> tuple[Outcome, int]:
    """What the driver's side makes of it, and how many of its commands were those of the conversation, in order."""
    rest = list(conversation.pairs)
    if rest[0][0][0] != 0x5A:
        rest.insert(0, (b"\x5a" + APPLICATION, b"\x00"))
    matched = 0

    def transmit(command: bytes) -> bytes:
        nonlocal matched
        if not rest:
            return b"\x91\x1c"
        asked, answer = rest.pop(0)
        assert command == wrapped(asked)
        matched += 1
        return answer[1:] + b"\x91" + answer[:1]

    wanted = Wanted(APPLICATION, conversation.facts["number"][0], diversified, b"")
    return prove(transmit, wanted, keys, SHOWN), matched


def test_there_are_conversations() -> None:
    assert len(REAL) == 2
    assert PEER in ALL


@pytest.mark.parametrize("name", REAL)
def test_the_driver_says_what_was_said_to_a_real_card_and_believes_it(name: str) -> None:
    """To the last byte. It ends there: the real one was not asked for its UID, and only that is missed."""
    conversation = Conversation(name)
    assert replayed(conversation, held(conversation, 0)) == (Failed(Why.OTHER_UID), 3)
    facts = conversation.facts
    assert session_key(facts["ours"], facts["theirs"]) == facts["session"]


@pytest.mark.parametrize("name", REAL)
def test_a_real_card_that_had_answered_something_else_is_not_believed(name: str) -> None:
    conversation = Conversation(name)
    asked, answer = conversation.pairs[-1]
    conversation.pairs[-1] = asked, answer[:-1] + bytes([answer[-1] ^ 1])
    assert replayed(conversation, held(conversation, 0))[0] == Failed(Why.WRONG_ANSWER)


def test_the_driver_says_what_another_library_says_and_learns_the_same_uid() -> None:
    conversation = Conversation(PEER)
    assert replayed(conversation, held(conversation, 6, 7)) == (Proved(conversation.facts["uid"], 7), 5)


@pytest.mark.parametrize("name", ALL)
def test_the_simulated_card_answers_as_the_recorded_one(name: str) -> None:
    facts = Conversation(name).facts
    uid, key = facts.get("uid", bytes(7)), {facts["number"][0]: facts["key"]}
    card = Desfire(uid, APPLICATION, key, key_version=7, random=lambda _size: facts["theirs"])
    card.native(b"\x5a" + APPLICATION)
    for asked, answer in Conversation(name).pairs:
        assert card.native(asked) == answer
