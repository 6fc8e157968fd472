"""A box that is replaced, and what receipts say against what the authority knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.ledger.checkpoint import Signer, load_signer
from gateway.model.bodies import SecurityBody
from gateway.model.decision import Decision, Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, InputRefused
from gateway.model.gate_bodies import AdmissionBody, VoidBody, VoidReason
from gateway.model.identification import Credential, CredentialKind, Identification, Strength
from gateway.model.receipt import Line, Receipt
from gateway.wire.quota import HandOver, QuotaSaid
from tests.quota.messages import ANNA
from tests.quota.world import RIDES, Box, World

SECURITY = "SELECT body FROM audit WHERE kind='security' ORDER BY seq"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ["museum-1", "school-1"], RIDES)
    made.talk()
    yield made
    made.stop()


def signer_of(world: World, box: Box, name: str = "ledger.key") -> Signer:
    """The gateway's own key, of which a checkpoint is at the centre."""
    return load_signer(world.folder / name, box.ledger.disk)


def send_entries(world: World, box: Box) -> None:
    """What is in the ledger comes to the centre."""
    for stream in Stream:
        world.store.take(box.ledger.read(stream, 0, 1000))


def checkpointed(world: World, box: Box) -> Signer:
    signer = signer_of(world, box)
    box.run(box.ledger.commit([signer.entry(box.name, box.ledger.epoch, {Stream.RECEIPT: (1, bytes(32))})]))
    send_entries(world, box)
    return signer


def test_what_the_old_box_had_not_used_is_free_again_and_nothing_is_used_there_any_more(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    assert box.serve(RIDES, ANNA)
    word = box.run(box.quotas.hand_over(signer))
    assert box.serve(RIDES, ANNA) is None
    box.want(RIDES, ANNA)
    assert box.rows("SELECT * FROM quota_request") == []
    box.replace(world.fresh())
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 2, "the new box alone: nobody knows what the old one used"
    assert box.run(box.quotas.bring(word)) == 1
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 1
    assert box.rows("SELECT * FROM quota_handed") == []
    box.run(box.quotas.bring(word))  # the same file once more
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 1
    assert not world.alarms()


def test_the_last_word_travels_when_the_old_box_is_never_seen_again(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    word = box.run(box.quotas.hand_over(signer))
    box.replace(world.fresh())
    box.run(box.quotas.bring(word))
    world.talk()  # with the new box's hello, in whichever order
    assert world.out()[box.cell(RIDES, ANNA)] == 0
    box.want(RIDES, ANNA)
    world.talk()
    assert box.serve(RIDES, ANNA, 2)


def test_a_last_word_that_another_key_signed_frees_nothing(world: World, box: Box) -> None:
    checkpointed(world, box)
    word = box.run(box.quotas.hand_over(signer_of(world, box, "another.key")))
    box.replace(world.fresh())
    box.run(box.quotas.bring(word))
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 2
    assert world.alarms()["hand-over refused"] == 1
    assert box.rows("SELECT * FROM quota_handed") == [], "it is not said for ever"


def test_a_last_word_that_was_changed_is_not_taken_and_frees_nothing(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    assert box.serve(RIDES, ANNA, 2)
    word = box.run(box.quotas.hand_over(signer)).replace(b"[1,2,0]", b"[1,0,0]")
    box.replace(world.fresh())
    with pytest.raises(InputRefused, match="not signed for museum-1"):
        box.run(box.quotas.bring(word))
    assert box.rows("SELECT * FROM quota_handed") == []
    forged = msgspec.json.decode(word, type=HandOver)  # and from a box that does not look
    world.to_centre("museum-1", msgspec.json.encode(QuotaSaid("museum-1", (forged,))))
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 2
    assert world.alarms()["hand-over refused"] == 1


def test_what_is_no_last_word_of_this_gateway_is_refused(world: World, box: Box) -> None:
    other = world.boxes[1]
    word = box.run(box.quotas.hand_over(signer_of(world, box)))
    others = other.run(other.quotas.hand_over(signer_of(world, other, "other.key")))
    nested = b"[" * 100_000
    for wrong in (b"", b"{}", b'{"say": "handover"}', b"\xff", nested, others, word[: len(word) // 2], word * 1000):
        with pytest.raises(InputRefused) as refused:
            box.run(box.quotas.bring(wrong))
        assert refused.value.code == "bad_hand_over"
    assert box.rows("SELECT * FROM quota_handed") == []


def test_the_last_word_is_the_same_whenever_it_is_asked_for(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    box.want(RIDES, "holder-bert")
    world.talk()
    assert box.serve(RIDES, ANNA)
    word = box.run(box.quotas.hand_over(signer))
    assert box.run(box.quotas.hand_over(signer)) == word, "before anybody has heard of it"
    world.talk()
    assert [row.standing for row in world.leases()] == ["closed", "closed"]
    assert box.say() == [], "what the centre knows is not said again"
    assert box.run(box.quotas.hand_over(signer)) == word, "when the centre has closed it all"
    box.restart()
    world.talk(greet=True)
    assert box.run(box.quotas.hand_over(signer)) == word
    assert msgspec.json.decode(word, type=HandOver).closed == ((1, 1, 0), (2, 0, 0))
    assert not world.alarms()


def test_a_lease_that_came_after_the_last_word_is_in_the_next_one(world: World, box: Box) -> None:
    """Asked for before it, granted after it: closed unused, and known to the new box, too."""
    signer = checkpointed(world, box)
    box.want(RIDES, "holder-bert")
    (request,) = box.say()
    box.run(box.quotas.hand_over(signer))
    world.to_centre("museum-1", request)
    ((_, granted),) = world.down
    world.down.clear()
    box.take(granted)
    word = msgspec.json.decode(box.run(box.quotas.hand_over(signer)), type=HandOver)
    assert word.closed == ((1, 0, 0), (2, 0, 0))
    world.talk()
    assert set(world.out().values()) == {0}


def test_a_void_after_the_last_word_is_told_by_the_old_box(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    entry = box.serve(RIDES, ANNA)
    assert entry is not None
    word = box.run(box.quotas.hand_over(signer))
    world.talk()
    box.commit(box.quotas.give_back(entry))
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 0
    assert box.run(box.quotas.hand_over(signer)) == word
    assert not world.alarms()


def test_a_box_that_is_to_stay_after_all_is_fenced_and_begins_anew(world: World, box: Box) -> None:
    signer = checkpointed(world, box)
    assert box.serve(RIDES, ANNA)
    word = box.run(box.quotas.hand_over(signer))
    world.store.fence("museum-1")
    world.talk(greet=True)
    assert world.out()[box.cell(RIDES, ANNA)] == 2
    box.run(box.quotas.bring(word))
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 1
    box.want(RIDES, ANNA)
    world.talk()
    assert box.serve(RIDES, ANNA)


def test_who_handed_over_and_who_brought_is_on_record(world: World, box: Box) -> None:
    def recorded() -> list[tuple[str, str]]:
        told = [msgspec.json.decode(body or b"", type=SecurityBody) for (body,) in box.rows(SECURITY)]
        return [(one.what, one.source) for one in told]

    word = box.run(box.quotas.hand_over(signer_of(world, box)))
    assert recorded() == [("quota_handed_over", "a technician")]
    box.replace(world.fresh())
    box.run(box.quotas.bring(word))
    assert recorded() == [("quota_brought", "a technician")]


def test_a_box_that_the_centre_does_not_know_has_nothing_to_hand_over(tmp_path: Path) -> None:
    world = World(tmp_path, ["museum-1"], RIDES)
    box = world.boxes[0]
    with pytest.raises(Conflict, match="no life that the centre knows"):
        box.run(box.quotas.hand_over(signer_of(world, box)))
    assert box.rows(SECURITY) == []
    world.stop()


# Receipts against leases -------------------------------------------------------------------------------------


def admitted(box: Box, units: int, *, spend: bool = True) -> int:
    """A ride, as a gate records it; its number."""
    use = Use("rides", box.asked(RIDES).period.name, units)
    credential = Credential(CredentialKind.CARD, Strength.WEAK, "a" * 64, "k1")
    receipt = Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),))
    body = AdmissionBody(
        station="gate-1",
        identification=Identification(credential, holder=ANNA),
        receipt=receipt,
        decision=Decision((), 150, 150, uses=(use,)),
    )
    entry = NewEntry(Stream.RECEIPT, EntryKind.ADMISSION, msgspec.json.encode(body))
    effects = [box.quotas.spend(ANNA, [use])] if spend else []
    (stored,) = box.run(box.ledger.commit([entry], effects))
    return stored.seq


def void(box: Box, admission: int) -> None:
    body = VoidBody(station="gate-1", admission=admission, reason=VoidReason.NO_PASSAGE, epoch=box.ledger.epoch)
    entry = NewEntry(Stream.RECEIPT, EntryKind.VOID, msgspec.json.encode(body))
    back = box.quotas.give_back(f"{box.ledger.epoch}/receipt/{admission}")
    box.run(box.ledger.commit([entry], [back]))


def void_of_some(box: Box, admission: int, units: int, persons: int, *, said: int) -> None:
    """So many of a group's persons did not come, and the entry says that so many units are given back."""
    name = f"{box.ledger.epoch}/receipt/{admission}"
    uses = box.quotas.part_of(name, units, persons)
    body = VoidBody(
        station="gate-1",
        admission=admission,
        reason=VoidReason.NO_PASSAGE,
        epoch=box.ledger.epoch,
        passages=units,
        passed=persons - units,
        returned=tuple(msgspec.structs.replace(use, units=said) for use in uses),
    )
    entry = NewEntry(Stream.RECEIPT, EntryKind.VOID, msgspec.json.encode(body))
    box.run(box.ledger.commit([entry], [box.quotas.give_back(name, {use.key: use.units for use in uses})]))


def end_of_november(world: World) -> None:
    world.clock.set_wall(1_796_700_000_000)  # 8 December


@pytest.mark.parametrize(("said", "differs"), [(2, []), (1, [(4, 3)])])
def test_a_group_of_which_some_did_not_come_counts_for_those_who_did(
    world: World, box: Box, said: int, differs: list[tuple[int, int]]
) -> None:
    box.want(RIDES, ANNA, 3)  # beside the two that it has
    world.talk()
    void_of_some(box, admitted(box, 5), 2, 5, said=said)
    world.talk()
    send_entries(world, box)
    end_of_november(world)
    found = world.store.reconcile("rides", "2026-11")
    assert [(one.used, one.known) for one in found] == differs


def test_what_receipts_say_is_what_the_authority_knows(world: World, box: Box) -> None:
    first = admitted(box, 1)
    admitted(box, 1)
    void(box, first)
    world.talk()
    send_entries(world, box)
    end_of_november(world)
    assert world.store.reconcile("rides", "2026-11") == []
    assert not world.alarms()


def test_a_ride_that_named_no_lease_does_not_come_out(world: World, box: Box) -> None:
    admitted(box, 1)
    admitted(box, 1, spend=False)
    world.talk()
    send_entries(world, box)
    (one,) = world.store.reconcile("rides", "2026-11")
    assert (one.gateway, one.subject, one.used, one.known, one.open) == ("museum-1", ANNA, 2, 1, 1)
    assert one.alarming
    assert world.alarms()["quota does not come out"] == 1


def test_what_was_taken_off_a_card_is_nothing_that_the_authority_would_know(world: World, box: Box) -> None:
    use = Use("on-card", "ever", 1, card=True)
    body = AdmissionBody(
        station="gate-1",
        identification=Identification(holder=ANNA),
        receipt=Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),)),
        decision=Decision((), 150, 150, uses=(use,)),
    )
    box.run(box.ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.ADMISSION, msgspec.json.encode(body))]))
    world.talk()
    send_entries(world, box)
    assert world.store.reconcile("on-card", "ever") == []
    assert not world.alarms()


def test_receipts_that_have_not_come_are_no_difference_until_the_period_is_long_over(world: World, box: Box) -> None:
    admitted(box, 1)
    world.talk()
    assert world.store.reconcile("rides", "2026-11") == []
    end_of_november(world)
    (one,) = world.store.reconcile("rides", "2026-11")
    assert (one.used, one.known, one.alarming) == (0, 1, False)
