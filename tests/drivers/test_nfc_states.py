"""What the nfc driver may say, whatever people and wires do: cards come, go, lie together and are pulled, answers are
damaged, the reader is unplugged. Its loop is driven look by look, at both kinds of reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from drivers.contract.core import Problem
from drivers.contract.reader import Card, Several
from drivers.driver import Detail, DeviceError
from drivers.nfc.driver import NfcDriver
from drivers.nfc.options import Options
from drivers.nfc.presence import RELEASE_LOOKS
from drivers.simulators.card_crypto import diversify
from drivers.simulators.card_place import CardPlace
from drivers.simulators.cards import Card as SimulatedCard
from drivers.simulators.cards import Ntag424, Type2Tag, uri_message
from drivers.simulators.foreign_cards import CommandCard
from drivers.simulators.pn532 import Pn532
from drivers.simulators.port100 import Port100
from tests.drivers.proofs import MASTER_KEY, META_KEY, UID

EXAMPLES = 12
"""More were run by hand, 150 of each reader; these keep the suite short."""
TRIES = 5
UPON_ALL = 12
"""Looks within which a card that lies alone after an empty field is read, one disturbed answer among them."""


class Said:
    """What the driver has said since it was last asked."""

    def __init__(self) -> None:
        self.bodies: list[msgspec.Struct] = []
        self.answered = False
        """Whether the reader has answered the last look."""

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        self.bodies.append(body)

    def alive(self) -> None:
        self.answered = True

    def concern(self, problem: Problem | None, detail: Detail | None = None) -> None: ...

    def step(self, body: msgspec.Struct) -> None: ...


class Desk(RuleBasedStateMachine):
    """`cut`: unplugged since it was opened. `away`: for each card that was reported, the looks in a row since in which
    it did not lie there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.chip = self.made(Path(self.folder.name, "reader"))
        self.chip.start()
        self.plugged, self.opened, self.cut = True, False, False
        self.said, self.away, self.crowd = Said(), dict[bytes, int](), False
        self.empty = RELEASE_LOOKS
        self.box: list[SimulatedCard] = [
            Type2Tag(b"\x04SIMUL1", uri_message("example.org")),
            Ntag424(UID, META_KEY, diversify(MASTER_KEY, UID)),
            CommandCard(bytes.fromhex("5AB1C2D3")),
        ]
        self.driver = NfcDriver(self.said)
        self.open()

    def made(self, path: Path) -> CardPlace:
        raise NotImplementedError

    def port(self) -> str:
        raise NotImplementedError

    def open(self) -> None:
        """As the runner does: again, when the machine was so busy that an answer came late."""
        for _ in range(TRIES if self.plugged else 1):
            try:
                self.driver.open(Options(port=self.port(), poll_ms=20))
                self.opened, self.cut = True, False
                return
            except DeviceError:
                self.driver.close()
        assert not self.plugged

    # What people do ---------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 2))
    def put(self, number: int) -> None:
        self.chip.place(self.box[number])

    @precondition(lambda self: len(self.chip.cards()) == 1)
    @rule(number=st.integers(0, 2))
    def put_beside(self, number: int) -> None:
        if self.box[number] not in self.chip.cards():
            self.chip.beside(self.box[number])

    @rule()
    def take_away(self) -> None:
        self.chip.remove()

    @rule(exchanges=st.integers(0, 12))
    def pull(self, exchanges: int) -> None:
        self.chip.pull_after = exchanges

    # What wires do ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.opened and not self.cut)
    @rule(noise=st.binary(min_size=1, max_size=12))
    def disturb(self, noise: bytes) -> None:
        self.chip.instead = [noise]

    @precondition(lambda self: self.plugged)
    @rule()
    def unplug(self) -> None:
        self.chip.stop()
        self.plugged, self.cut = False, True

    @precondition(lambda self: not self.plugged)
    @rule()
    def plug(self) -> None:
        self.chip.instead.clear()
        self.chip.start()
        self.plugged = True

    # What the driver says ---------------------------------------------------------------------------------

    @rule(times=st.integers(1, 4))
    def look(self, times: int) -> None:
        for _ in range(times):
            self.look_once()

    def look_once(self) -> list[msgspec.Struct]:
        if not self.opened:
            self.open()
            return []
        lay = self.chip.cards()
        self.said.bodies.clear()
        self.said.answered = False
        try:
            self.driver.poll()
        except DeviceError:
            assert self.cut, "lost, and it had been plugged in all the time"
            self.driver.close()
            self.opened = False
            return []
        said = list(self.said.bodies)
        assert len(said) <= 1
        for body in said:
            self.justify(body, lay)
        if self.said.answered:
            self.count(lay, self.chip.cards())
        return said

    def justify(self, body: msgspec.Struct, lay: tuple[SimulatedCard, ...]) -> None:
        if isinstance(body, Several):
            assert len(lay) == 2
            assert not self.crowd or self.empty >= RELEASE_LOOKS, "told twice"
            self.crowd, self.away = True, {}
            return
        assert isinstance(body, Card)
        assert [card.uid for card in lay] == [body.uid], "a card that did not lie there alone"
        assert not self.crowd or self.empty >= RELEASE_LOOKS, "one of a crowd"
        assert self.away.get(body.uid, RELEASE_LOOKS) >= RELEASE_LOOKS, "twice for one presentation"
        if isinstance(lay[0], Ntag424):
            assert body.ndef == lay[0].last_message, "a genuine card that looks weak"
        self.away[body.uid], self.crowd = 0, False

    def count(self, before: tuple[SimulatedCard, ...], after: tuple[SimulatedCard, ...]) -> None:
        """A look counts as without a card when it had gone by its end."""
        there = {card.uid for card in before if card in after}
        self.away = {uid: 0 if uid in there else looks + 1 for uid, looks in self.away.items()}
        self.empty = 0 if there else self.empty + 1

    @precondition(lambda self: self.plugged)
    @rule(number=st.integers(0, 2))
    def whoever_comes_alone_is_read_once(self, number: int) -> None:
        self.chip.remove()
        self.chip.pull_after = None
        for _ in range(RELEASE_LOOKS + 4):
            self.look_once()
        self.chip.place(self.box[number])
        said = [body for _ in range(UPON_ALL) for body in self.look_once()]
        assert len(said) == 1, "not read, or more than once"

    @rule(numbers=st.permutations([0, 1, 2]))
    def two_come_and_one_stays(self, numbers: list[int]) -> None:
        first, second, _ = (self.box[number] for number in numbers)
        self.chip.place(first, beside=second)
        self.look_once()
        self.look_once()
        self.chip.place(second)
        self.look_once()
        self.look_once()

    @precondition(lambda self: self.plugged)
    @rule(number=st.integers(0, 1), exchanges=st.integers(0, 9))
    def somebody_is_too_quick(self, number: int, exchanges: int) -> None:
        self.chip.remove()
        for _ in range(RELEASE_LOOKS + 1):
            self.look_once()
        self.chip.pull_after = exchanges
        self.chip.place(self.box[number])
        for _ in range(3):
            self.look_once()
        self.chip.pull_after = None

    @invariant()
    def nothing_is_said_between_looks(self) -> None:
        assert len(self.said.bodies) <= 1

    def teardown(self) -> None:
        self.driver.close()
        self.chip.stop()
        self.folder.cleanup()


class AtPn532(Desk):
    def made(self, path: Path) -> CardPlace:
        return Pn532(path)

    def port(self) -> str:
        return str(Path(self.folder.name, "reader"))


class AtPort100(Desk):
    def made(self, path: Path) -> CardPlace:
        return Port100(path)

    def port(self) -> str:
        return "usb:" + str(Path(self.folder.name, "reader"))


@pytest.mark.parametrize("desk", [AtPn532, AtPort100])
def test_whatever_happens_each_card_is_told_once_whole_and_alone(desk: type[Desk]) -> None:
    run_state_machine_as_test(
        desk,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
