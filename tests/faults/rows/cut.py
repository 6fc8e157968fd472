"""Power cuts with the real daemon, by copying its card's image at a random instant."""

from __future__ import annotations

from tests.faults.card import card
from tests.faults.frame import Context, Tally
from tests.faults.site import Site

LOAD_S = (0.02, 0.6)


def power_cut(context: Context, make: type[Site] = Site) -> Tally:
    """Sell, cut, go on from what the card has."""
    rounds = context.rounds(3, 40, 200)
    running = 0
    with card() as memory, make(context, state=memory.folder) as site:
        site.up(bundles=2)
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            running += site.alive
            site.kill()
            memory.cut()
            site.pos.stop()
            last = site.up()
            site.pos.repeat(last["receipt"])
            if (number + 1) % 50 == 0:
                context.say(f"  {number + 1} cuts, {site.pos.count} receipts told")
        verdict = site.settle()
        missed = [] if running == rounds else [f"only {running} of {rounds} cuts met a running gateway"]
        note = f"{site.pos.booked_before} receipts were on disk and their answer was lost"
    return verdict.tally(rounds, missed, note)
