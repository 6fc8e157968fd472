"""What staff at a desk have asked for: done once with its entry, or refused with a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre import people_requests
from gateway.centre.people_log import Change
from gateway.centre.query import Query
from gateway.centre.store import Store
from gateway.model.bodies import CardAct, CardRequestBody
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from gateway.model.identification import Credential, CredentialKind, Strength
from gateway.wire.contents import Standing
from gateway.wire.credentials import digest, pass_id
from tests.centre.people import KEY, People, barcode, named, store

assert KEY.key is not None
UID = "04a2b3c4d5e680"
SUN = digest(KEY.key, CredentialKind.SUN_CARD, bytes.fromhex(UID)).hex()
PASS = digest(KEY.key, CredentialKind.PASS, pass_id("jelgava", "aa")).hex()
FILE = f"holder,kind,id,issuer\nh-1,sun_card,{UID},\nh-1,barcode,1,\nh-1,pass,aa,jelgava\nh-2,barcode,2,\nh-3,,,\n"
PROOF = Credential(CredentialKind.SUN_CARD, Strength.GENUINE, SUN, "k1")
NEW = Credential(CredentialKind.BARCODE, Strength.WEAK, barcode("9"), "k1")


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with store(str(tmp_path / "centre.db")) as opened:
        opened.take(FILE)
        yield opened


def asked(**more: Any) -> CardRequestBody:
    fields: dict[str, Any] = {"act": CardAct.LINK, "credential": PROOF, "card": NEW, "holder": "h-1"} | more
    return CardRequestBody(request="ab" * 16, station="desk-1", staff="Ilze", **fields)


def entry(body: CardRequestBody | bytes, seq: int = 1) -> Entry:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    header = Header(
        EntryId("gw-1", "ab" * 16, Stream.AUDIT, seq), EntryKind.CARD_REQUEST, Stamp(1, 1, "b" * 32, ClockQuality.NTP)
    )
    return Entry(header, bytes(32), bytes(32), bytes(31) + bytes([seq]), bytes(16), data)


def take(people: People, body: CardRequestBody | bytes) -> str:
    """Empty: done."""
    with people.database.begin() as db:
        refused = people_requests.take(db, entry(body), people.clock.wall_ms())
    return refused.word if refused is not None else ""


def test_a_further_card_is_the_holders_from_now_on_and_told_with_who_did_it(people: People) -> None:
    assert take(people, asked()) == ""
    card = people.cards("h-1")[NEW.digest]
    assert (card.standing, card.issued_here, card.until_ms) == (Standing.ACTIVE, True, 0)
    assert people.log("h-1")[-1] == f"h-1 {Change.CARD_ADDED}"
    people.take(FILE)
    assert not people.cards("h-1")[NEW.digest].ended_ms, "the city's next file does not know of it yet"


def test_done_twice_it_is_done_once(people: People) -> None:
    take(people, asked())
    before = people.rows(), people.log()
    assert take(people, asked()) == ""
    assert (people.rows(), people.log()) == before


def test_a_lost_card_is_blocked_on_the_word_of_any_other_card_of_the_holder(people: People) -> None:
    library = Credential(CredentialKind.BARCODE, Strength.WEAK, barcode("1"), "k1")
    assert take(people, asked(act=CardAct.BLOCK, credential=library, card=None, lost=SUN)) == ""
    assert people.cards("h-1")[SUN].standing is Standing.BLOCKED


def test_a_lost_card_is_replaced(people: People) -> None:
    by_pass = Credential(CredentialKind.PASS, Strength.GENUINE, PASS, "k1")
    assert take(people, asked(act=CardAct.REPLACE, credential=by_pass, lost=SUN)) == ""
    plastic = people.cards("h-1")
    assert (plastic[SUN].standing, plastic[SUN].replaced_by) == (Standing.BLOCKED, NEW.digest)
    assert plastic[NEW.digest].standing is Standing.ACTIVE


COPIED = Credential(CredentialKind.BARCODE, Strength.WEAK, barcode("1"), "k1")
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"card": msgspec.structs.replace(NEW, digest=barcode("2"))}, "card_taken"),
    ({"card": msgspec.structs.replace(NEW, digest=barcode("3"))}, "card_blocked"),
    ({"card": msgspec.structs.replace(NEW, key_id="k2")}, "other_card_key"),
    ({"card": Credential(CredentialKind.PASS, Strength.GENUINE, "ab" * 32, "k1")}, "kind_not_registered"),
    ({"credential": COPIED}, "proof_too_weak"),
    ({"credential": msgspec.structs.replace(COPIED, strength=Strength.GENUINE)}, "proof_too_weak"),
    ({"credential": msgspec.structs.replace(PROOF, kind=CredentialKind.PASS)}, "proof_not_of_holder"),
    ({"credential": msgspec.structs.replace(PROOF, digest="cd" * 32)}, "proof_not_of_holder"),
    ({"holder": "h-2"}, "proof_not_of_holder"),
    ({"holder": "h-9"}, "holder_unknown"),
    ({"holder": "h-4"}, "holder_ended"),
    ({"act": CardAct.BLOCK, "card": None, "lost": barcode("2")}, "card_not_of_holder"),
    ({"act": CardAct.BLOCK, "card": None, "lost": SUN}, "lost_is_the_proof"),
    ({"act": CardAct.REPLACE, "lost": barcode("1"), "credential": COPIED}, "proof_too_weak"),
    ({"act": CardAct.REPLACE, "lost": barcode("2")}, "card_not_of_holder"),
    ({"act": CardAct.REPLACE}, "not_understood"),
    ({"act": CardAct.LINK, "lost": barcode("1")}, "not_understood"),
    ({"act": CardAct.LINK, "card": None}, "not_understood"),
]


def test_what_is_refused_has_a_word_and_changes_nothing(people: People) -> None:
    people.take("holder,kind,id\nh-2,barcode,3\nh-4,,\n", delta=True)
    people.desk.block(named("barcode,3"), KEY)
    people.desk.end(["h-4"])
    before = people.rows(), people.log()
    for what, word in REFUSED:
        assert (what, take(people, asked(**what))) == (what, word)
    assert (people.rows(), people.log()) == before


def test_a_proof_that_was_blocked_since_does_not_count(people: People) -> None:
    people.desk.block(named(f"sun_card,{UID}"), KEY)
    assert take(people, asked()) == "proof_does_not_count"


def test_it_is_done_in_the_transaction_that_stores_the_entry_and_a_duplicate_does_nothing(where: str) -> None:
    with store(where) as people:
        people.take(FILE)
        opened = Store(where, people.clock)
        opened.open()
        assert opened.take([entry(asked())]).stored == 1
        assert NEW.digest in people.cards("h-1")
        people.desk.block(named("barcode,9"), KEY)
        assert opened.take([entry(asked())]).duplicates == 1
        assert people.cards("h-1")[NEW.digest].standing is Standing.BLOCKED
        opened.take([entry(asked(), 2)])
        alarms = [(row.what, row.detail) for row in Query(where).alarms() if row.what == "card request refused"]
        assert alarms == [("card request refused", f"card_blocked: {'ab' * 16}")]
        opened.close()


@given(data=st.one_of(st.binary(max_size=200), st.from_type(CardRequestBody).map(msgspec.json.encode)))
def test_any_body_is_understood_or_not_and_breaks_nothing(data: bytes) -> None:
    understood = people_requests.decode(data)
    assert understood is None or [len(one) in (0, 32) for one in understood[1]] == [True] * 3
