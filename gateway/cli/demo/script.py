"""The morning: who comes when, and what they should see."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

from gateway.cli.demo.acts import DESK, GATE, TILL, Acts
from gateway.cli.demo.children import ChildFailed
from gateway.cli.demo.rig import Failed
from gateway.cli.demo.town import PEOPLE

ILZE = next(person for person in PEOPLE if person.name == "ilze")

VISIT_S = 3.0
"""Between two visitors after the morning."""


class Morning:
    """Plays the scenes; what did not go as it should is in `failures`."""

    def __init__(self, acts: Acts, say: Callable[[str], None]) -> None:
        self._acts = acts
        self._say = say
        self.failures: list[str] = []

    def play(self) -> None:
        """The whole morning. A scene that fails does not end it."""
        self._step("The library opens", self._library)
        self._step("The museum's gate", self._museum)
        self._step("The shop's till", self._shop)
        self._step("The network goes away", self._offline)
        self._step("A driver is killed", self._killed)

    def visit(self, number: int) -> None:
        """One more visitor, so that pages have something to show."""
        acts = self._acts
        visitors: tuple[Callable[[], None], ...] = (
            lambda: acts.tap(DESK, "anna", "accepted", "Anna at the desk"),
            lambda: acts.tap(GATE, "karlis", "open", "Karlis at the gate", then="passed"),
            lambda: acts.tap(DESK, "stranger", "refused", "a card from another city", reason="unknown"),
            lambda: acts.tap(GATE, "peteris", "refused", "Peteris at the gate", reason="payment_due"),
            lambda: acts.tap(DESK, "zane", "accepted", "Zane at the desk"),
            lambda: acts.tap(TILL, "anna", "accepted", "Anna at the till: a quote within the minute is hers"),
        )
        self._step("", visitors[number % len(visitors)])

    # Scenes ----------------------------------------------------------------------------------------------

    def _library(self) -> None:
        tap = partial(self._acts.tap, DESK)
        tap("anna", "accepted", "Anna's library card (weak: its number can be copied)")
        tap("stranger", "refused", "a card from another city", reason="unknown")
        tap("lost-card", "refused", "a card reported lost", reason="blocked")
        tap("zane", "accepted", "Zane's city card (genuine: it proves itself)")
        tap("copy-of-zane", "refused", "a copy of what Zane's card said", reason="replayed")
        tap("zane", "accepted", "Zane again, with the real one")
        show, town = self._acts.show_pass, self._acts.rig.town
        show("ilze", "accepted", "Ilze's pass on her phone")
        forged, foreign = town.forged_pass(ILZE), town.foreign_pass(ILZE)
        show("ilze", "refused", "a pass that someone else has signed", text=forged, reason="forged")
        show("ilze", "refused", "a pass of a city that is no partner", text=foreign, reason="unknown_issuer")

    def _museum(self) -> None:
        tap = partial(self._acts.tap, GATE)
        self._acts.people_walk_through(True)
        tap("anna", "open", "Anna is a pupil: free", then="passed")
        tap("karlis", "open", "Karlis with a genuine card: free", then="passed")
        tap("peteris", "refused", "Peteris pays 1.00 at the desk", reason="payment_due")
        self._acts.people_walk_through(True, delay_ms=300)
        self._acts.group(GATE, "class", "a class of six on the teacher's one pass: one decision, six openings")
        self._acts.people_walk_through(False)
        tap("anna", "open", "Anna turns round in the gate: nothing is counted", then="void")
        self._acts.people_walk_through(True)

    def _shop(self) -> None:
        acts = self._acts
        acts.tap(TILL, "anna", "accepted", "Anna taps at the till")
        quote = acts.quote("1", identified=True)
        acts.commit(quote, "1", fiscal_number="POS-0001")
        self._say("    the POS repeats its request: the same answer, nothing twice")
        acts.commit(quote, "1", fiscal_number="POS-0001")
        acts.tap(TILL, "peteris", "accepted", "Peteris buys too, and the shop prints here")
        quote = acts.quote("2", identified=True)
        acts.commit(quote, "2", printed=True)
        self._say("    another POS, which knows ErpNet.FP only, prints on the same printer, and asks again: one paper")
        acts.print_as_erpnet_fp("4")

    def _offline(self) -> None:
        acts = self._acts
        acts.rig.kill("broker")
        acts.wait_online(False)
        acts.tap(DESK, "anna", "accepted", "Anna, offline: served all the same")
        acts.tap(GATE, "karlis", "open", "Karlis, offline: free all the same", then="passed")
        acts.tap(TILL, "anna", "accepted", "Anna at the till, offline: her discount all the same")
        quote = acts.quote("3", identified=True)
        acts.commit(quote, "3", fiscal_number="POS-0002")
        self._say("    the broker is back")
        acts.rig.start_broker()
        acts.wait_online(True)

    def _killed(self) -> None:
        rig = self._acts.rig
        before = rig.pids()
        os.kill(before["gate-reader"], signal.SIGKILL)
        self._say("    kill -9 of the gate reader's driver")
        rig.until(lambda: rig.pids().get("gate-reader") not in (None, before["gate-reader"]), "the gate's reader")
        after = rig.pids()
        changed = [device for device in before if device != "gate-reader" and after.get(device) != before[device]]
        if changed:
            raise Failed(f"other drivers were started again too: {', '.join(changed)}")
        words = "the gate's reader is back, the others never noticed"
        self._acts.tap(GATE, "anna", "open", words, then="passed")

    def _step(self, title: str, scene: Callable[[], None]) -> None:
        if title:
            self._say(f"  {title}")
        try:
            scene()
        except (Failed, ChildFailed, OSError) as error:
            self.failures.append(f"{title}: {error}")
            self._say(f"    NOT AS IT SHOULD BE: {error}")
