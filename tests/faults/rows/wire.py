"""The way to the centre fails in every way that a network, a broker and a broken link know."""

from __future__ import annotations

import os
import signal
import time

from tests.faults.frame import Context, Scale, Tally, require
from tests.faults.network import bytes_slowed, lose, own_network, packets_lost, slow_down
from tests.faults.proxy import Mode
from tests.faults.site import Site

LOAD_S = (0.2, 0.8)


def broker_killed(context: Context) -> Tally:
    """The centre is away, the broker confirms what the gateway sends, and dies with it: a broker's word is no ack."""
    rounds = context.rounds(2, 10, 50)
    forgotten = 0
    with Site(context) as site:
        site.up(bundles=2)
        for _ in range(rounds):
            site.rig.kill("centre")
            mark = site.witness.mark()
            site.pos.start()
            site.until(lambda mark=mark: len(site.witness.since(mark)) >= 5, "entries at the broker")  # type: ignore[misc]
            context.pause(*LOAD_S)
            site.witness.lost()
            site.rig.kill("broker")
            confirmed = set(site.witness.since(mark))
            mark = site.witness.mark()
            site.rig.start_again("broker")
            site.rig.until(site.broker_answers, "the broker")
            site.witness.listens_again()
            site.rig.start_again("centre")
            site.pos.stop()
            site.pos.repeat()
            site.drain()
            forgotten += len(confirmed & set(site.witness.since(mark)))
        verdict = site.settle()
    missed = [] if forgotten else ["the broker forgot nothing"]
    return verdict.tally(rounds, missed, f"{forgotten} entries were confirmed by the broker, and sent again")


def broker_stopped(context: Context) -> Tally:
    """The broker stops answering, its connections stay: only silence tells. Then it goes on as if nothing was."""
    rounds = context.rounds(1, 3, 10)
    with Site(context) as site:
        site.up(bundles=2)
        for _ in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            broker = site.rig.children["broker"].process.pid
            os.kill(broker, signal.SIGSTOP)
            try:
                site.until(lambda: not site.connected, "the gateway to notice")
            finally:
                os.kill(broker, signal.SIGCONT)
            site.pos.stop()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
    return verdict.tally(rounds, (), "noticed each time by silence alone")


def acks_dropped(context: Context, make: type[Site] = Site) -> Tally:
    """The centre stores, and its acks never arrive; or nothing arrives, and then the link breaks."""
    rounds = context.rounds(2, 8, 40)
    with make(context, through_proxy=True) as site:
        site.up(bundles=2)
        for number in range(rounds):
            mode = (Mode.NO_ACKS, Mode.DEAF)[number % 2]
            before = site.link.swallowed
            site.link.set(mode)
            site.pos.start()
            site.until(lambda before=before: site.link.swallowed > before, "an ack to swallow")  # type: ignore[misc]
            context.pause(*LOAD_S)
            site.pos.stop()
            if mode is Mode.NO_ACKS:
                twice = site.repeated()
                site.until(lambda twice=twice: site.repeated() > twice, "entries sent again")  # type: ignore[misc]
                site.link.set(Mode.PASS)
            else:
                site.link.set(Mode.PASS)
                site.link.hang_up()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
        missed = [] if verdict.suppressed else ["no duplicate came of it"]
        note = f"{site.link.swallowed} packets swallowed"
    return verdict.tally(rounds, missed, note)


def black_hole(context: Context, make: type[Site] = Site) -> Tally:
    """Packets go nowhere and nobody is told. When they flow again the old connection lives on, or is reset."""
    rounds = context.rounds(1, 4, 20)
    with make(context, through_proxy=True) as site:
        site.up(bundles=2)
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            site.link.set(Mode.HOLD)
            site.until(lambda: not site.connected, "the gateway to notice")
            context.pause(0.0, 2.0)
            site.link.set(Mode.PASS)
            if number % 2:
                site.link.hang_up()
            site.pos.stop()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
    return verdict.tally(rounds, (), "noticed each time by silence alone")


def reset(context: Context) -> Tally:
    """The link is reset at random moments under load."""
    rounds = context.rounds(4, 30, 150)
    with Site(context, through_proxy=True) as site:
        site.up(bundles=2)
        site.pos.start()
        for _ in range(rounds):
            site.until(lambda: site.connected, "the link")
            context.pause(0.0, 0.4)
            site.until(lambda: site.link.hang_up() > 0, "a connection to reset")
        site.pos.stop()
        verdict = site.settle()
    missed = [] if verdict.suppressed else ["no duplicate came of it"]
    return verdict.tally(rounds, missed, "a connection was reset each time")


def loss(context: Context) -> Tally:
    """One packet in five gets lost, both ways."""
    seconds = context.rounds(2, 15, 120)
    with own_network(), Site(context, through_proxy=True) as site:
        lose(site.link.port, 0.2)
        site.up()
        site.pos.start()
        context.pause(seconds, seconds + 1)
        verdict = site.settle(300.0)
        lost = packets_lost()
    return verdict.tally(1, [] if lost > 10 else [f"only {lost} packets were lost"], f"{lost} packets were lost")


def thin(context: Context) -> Tally:
    """The link has 256 kbit/s and more to send than that."""
    seconds = context.rounds(1, 15, 60)
    with own_network(), Site(context, through_proxy=True) as site:
        slow_down(site.link.port, "256kbit")
        site.up()
        began = time.monotonic()
        site.pos.start(1 if context.scale is Scale.QUICK else 4)
        context.pause(seconds, seconds + 1)
        verdict = site.settle(300.0)
        passed, took = bytes_slowed(), time.monotonic() - began
    rate = passed * 8 / took / 1000
    require(rate < 300, f"{rate:.0f} kbit/s went through")
    missed = [] if passed > 10_000 else [f"only {passed} bytes went through the thin link"]
    return verdict.tally(1, missed, f"{passed / 1000:.0f} kB in {took:.0f} s, {rate:.0f} kbit/s")
