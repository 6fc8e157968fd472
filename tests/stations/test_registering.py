"""A desk registers further cards and blocks lost ones: what was presented, what staff confirm, what is recorded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from gateway.config.types import DeskStation
from gateway.ledger.forget import forget
from gateway.model.bodies import CardAct
from gateway.model.entry import EntryKind
from gateway.model.errors import Conflict, GatewayError, InputRefused
from gateway.model.identification import CredentialKind
from gateway.model.reading import CardReading, CodeReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.desk_words import CardRequest, CardsAnswer
from gateway.stations.pairing import Verdict
from gateway.stations.registering import WRONG_TOKENS
from tests.support.place import BARCODE, UIDS, Card, Place, SlowDisk, digest

TOKEN = bytes(range(16))
NEW = b"LV-000777"
BUS_UID = bytes.fromhex("5a6b7c8d")
PHONE_UID = bytes.fromhex("08112233")


class Visit:
    """People at a desk whose staff have a token."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.desk = Desk(DeskStation(id="desk-1", readers=("nfc-1", "cam-1")), place.services, TOKEN)

    async def code(self, data: bytes) -> None:
        await self.desk.on_reading(CodeReading("cam-1", self.place.clock.mono_ns(), "code-128", data))

    async def card(self, uid: bytes) -> None:
        await self.desk.on_reading(CardReading("nfc-1", self.place.clock.mono_ns(), uid, b""))

    async def proof(self, name: str = "anna") -> None:
        await self.desk.on_reading(Card(name).tap(self.place))

    def cards(self) -> CardsAnswer:
        return self.desk.registering.cards()

    async def ask(self, act: CardAct = CardAct.LINK, key: str = "k-1", **more: Any) -> dict[str, Any]:
        given = {"presented": self.cards().presented or "0" * 16, "staff": "Ilze", "lost": None} | more
        answer: dict[str, Any] = json.loads(await self.desk.registering.request(CardRequest(act=act, **given), key))
        return answer

    @property
    def shown(self) -> tuple[Show, str]:
        last = self.place.board.last("desk-1")
        assert last is not None
        return last.show, last.reason

    def requests(self) -> list[Any]:
        return self.place.bodies(EntryKind.CARD_REQUEST)


@pytest.fixture
def visit(place: Place) -> Visit:
    return Visit(place)


async def test_an_unknown_card_and_then_its_holders_genuine_one_are_confirmed_by_staff(visit: Visit) -> None:
    await visit.code(NEW)
    assert visit.shown == (Show.REFUSED, "unknown_register")
    await visit.proof()
    assert visit.shown == (Show.REGISTER, "confirm")
    now = visit.cards()
    assert now.proof is not None
    assert now.further is not None
    assert (now.proof.kind, now.further.kind, now.verdict) == ("sun_card", "barcode", Verdict.READY)
    answer = await visit.ask()
    (body,) = visit.requests()
    assert visit.shown == (Show.REQUESTED, "requested_link")
    assert (body["act"], body["holder"], body["staff"]) == ("link", "h-anna", "Ilze")
    assert body["card"]["digest"] == digest(CredentialKind.BARCODE, NEW)
    assert body["credential"]["digest"] == digest(CredentialKind.SUN_CARD, UIDS["anna"])
    assert len(body["shown"]) == 2
    assert (answer["request"], answer["entry"]) == (body["request"], f"gw-test/{visit.place.ledger.epoch}/audit/1")


async def test_the_other_way_round_is_as_good(visit: Visit) -> None:
    await visit.desk.on_reading(visit.place.pass_reading())
    await visit.card(BUS_UID)
    assert visit.shown == (Show.REGISTER, "confirm")
    await visit.ask()
    assert visit.requests()[0]["card"]["kind"] == "card"


async def test_a_request_is_recorded_once_however_often_it_is_sent(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    presented = visit.cards().presented
    first = await visit.ask()
    assert await visit.ask(presented=presented) == first
    with pytest.raises(Conflict) as refused:
        await visit.ask(key="k-2", presented=presented)
    assert refused.value.code == "presented_changed"
    assert len(visit.requests()) == 1


async def test_nothing_is_shown_before_the_request_is_on_disk(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    with SlowDisk(visit.place):
        asked = asyncio.create_task(visit.ask())
        done, _ = await asyncio.wait([asked], timeout=0.2)
        assert not done
        assert visit.shown == (Show.REGISTER, "confirm")
    await asked
    assert visit.shown == (Show.REQUESTED, "requested_link")


async def _weak(visit: Visit) -> None:
    await visit.code(BARCODE)
    await visit.code(NEW)
    assert visit.shown == (Show.REFUSED, Verdict.TOO_WEAK)


async def _another(visit: Visit) -> None:
    await visit.code(BARCODE)
    await visit.proof("berta")


async def _known(visit: Visit) -> None:
    await visit.code(BARCODE)
    await visit.proof()


async def _blocked(visit: Visit) -> None:
    await visit.proof("carl")
    await visit.proof()


async def _phone(visit: Visit) -> None:
    await visit.card(PHONE_UID)
    await visit.proof()


async def _late(visit: Visit) -> None:
    await visit.code(NEW)
    visit.place.clock.advance(61)
    await visit.proof()


async def _nobody(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.card(BUS_UID)


async def _gone(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    visit.place.clock.advance(61)


async def _copied(visit: Visit) -> None:
    """A clone that shows a used message of the holder's card is no proof."""
    genuine = Card("anna")
    await visit.desk.on_reading(genuine.tap(visit.place))
    visit.place.clock.advance(61)
    await visit.code(NEW)
    copy = genuine.clone()
    await visit.desk.on_reading(CardReading("nfc-1", visit.place.clock.mono_ns(), copy.uid, copy.message()))


@pytest.mark.parametrize(
    ("comes", "code"),
    [
        (_weak, "proof_too_weak"),
        (_another, "card_of_another"),
        (_known, "card_known"),
        (_blocked, "card_blocked"),
        (_phone, "no_further_card"),
        (_late, "no_further_card"),
        (_nobody, "presented_changed"),
        (_gone, "presented_changed"),
        (_copied, "presented_changed"),
    ],
)
async def test_what_cannot_be_registered_has_a_word_of_its_own_and_records_nothing(
    visit: Visit, comes: Any, code: str
) -> None:
    await comes(visit)
    with pytest.raises(GatewayError) as refused:
        await visit.ask()
    assert refused.value.code == code
    assert visit.requests() == []


async def test_staff_confirm_what_they_were_shown_and_nothing_that_came_after_it(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    looked_at = visit.cards().presented
    await visit.card(BUS_UID)
    with pytest.raises(Conflict) as refused:
        await visit.ask(presented=looked_at)
    assert refused.value.code == "presented_changed"


async def test_a_lost_card_is_blocked_for_a_holder_who_is_known_otherwise(visit: Visit) -> None:
    await visit.code(BARCODE)
    marks = {card.kind: card.mark for card in visit.cards().known}
    assert set(marks) == {"sun_card", "pass", "beacon"}, "the one that is at the desk is not lost"
    await visit.ask(CardAct.BLOCK, lost=marks["sun_card"])
    (body,) = visit.requests()
    assert (body["act"], body["lost"]) == ("block", digest(CredentialKind.SUN_CARD, UIDS["anna"]))
    assert "card" not in body
    assert visit.shown == (Show.REQUESTED, "requested_block")


async def test_a_lost_card_is_replaced_by_the_one_in_hand(visit: Visit) -> None:
    await visit.card(BUS_UID)
    await visit.desk.on_reading(visit.place.pass_reading())
    (lost,) = [card.mark for card in visit.cards().known if card.kind == "sun_card"]
    await visit.ask(CardAct.REPLACE, lost=lost)
    (body,) = visit.requests()
    assert body["lost"] == digest(CredentialKind.SUN_CARD, UIDS["anna"])
    assert body["card"]["digest"] == digest(CredentialKind.CARD, BUS_UID)


@pytest.mark.parametrize(
    ("act", "lost", "code"),
    [
        (CardAct.BLOCK, None, "bad_card_request"),
        (CardAct.LINK, "000000", "bad_card_request"),
        (CardAct.BLOCK, "000000", "no_such_card"),
    ],
)
async def test_a_lost_card_goes_with_its_act_and_is_the_holders(
    visit: Visit, act: CardAct, lost: str | None, code: str
) -> None:
    await visit.code(NEW)
    await visit.proof()
    with pytest.raises(GatewayError) as refused:
        await visit.ask(act, lost=lost)
    assert refused.value.code == code
    assert visit.requests() == []


async def test_the_token_is_tried_five_times_a_minute(visit: Visit) -> None:
    check = visit.desk.registering.check_staff
    check(TOKEN.hex())
    check(TOKEN.hex().upper())
    for wrong in ("", "00" * 16, TOKEN.hex()[:-1], "é\udcff", TOKEN.hex() + "0"):
        with pytest.raises(InputRefused) as refused:
            check(wrong)
        assert refused.value.code == "not_staff"
    with pytest.raises(InputRefused) as refused:
        check(TOKEN.hex())
    assert (refused.value.code, WRONG_TOKENS) == ("too_many_tokens", 5)
    visit.place.clock.advance(60)
    check(TOKEN.hex())


async def test_a_desk_without_a_token_remembers_nothing(place: Place) -> None:
    desk = Desk(DeskStation(id="desk-1", readers=("cam-1",)), place.services)
    for data in (NEW, BARCODE):
        await desk.on_reading(CodeReading("cam-1", place.clock.mono_ns(), "code-128", data))
    assert desk.registering.cards() == CardsAnswer()
    assert [event.reason for event in place.board.after(0)] == ["unknown", ""]


async def test_nothing_that_staff_see_holds_a_digest_or_a_holder(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    text = msgspec.json.encode(visit.cards()).decode()
    assert "anna" not in text
    assert digest(CredentialKind.BARCODE, NEW)[:7] not in text
    assert digest(CredentialKind.BARCODE, NEW)[:6] in text


async def test_a_holder_who_is_forgotten_takes_the_request_along(visit: Visit) -> None:
    await visit.code(NEW)
    await visit.proof()
    await visit.ask()
    await forget(visit.place.ledger, visit.place.folder / "cache.db", "h-anna")
    assert visit.requests() == [None]
    assert b"h-anna" not in visit.place.ledger_path.read_bytes()
