"""The city's end fails: the gateway must not believe what was not stored, nor be believed twice."""

from __future__ import annotations

from gateway.cli.demo.town import GATEWAY
from tests.faults.count import stored_of
from tests.faults.frame import Context, Tally
from tests.faults.site import Site

LOAD_S = (0.2, 0.7)


def killed(context: Context) -> Tally:
    """kill -9 of the centre under load. What it stored and did not ack is acked by the next one, or comes again."""
    rounds = context.rounds(4, 20, 100)
    between = 0
    with Site(context) as site:
        site.up(bundles=2)
        for number in range(rounds):
            site.pos.start()
            context.pause(*LOAD_S)
            site.rig.kill("centre")
            between += _stored_not_acked(site)
            # Every second time nothing new comes whose ack would cover what was stored.
            if number % 2:
                site.pos.stop()
            site.rig.start_again("centre")
            site.pos.stop()
            site.pos.repeat()
            site.drain()
        verdict = site.settle()
    missed = [] if between else ["no kill hit between storing and the ack"]
    return verdict.tally(rounds, missed, f"{between} entries were stored, and the ack was not given")


def _stored_not_acked(site: Site) -> int:
    """Entries that the dead centre has and the gateway does not know to be there."""
    stored = stored_of(site.town.centre_store, GATEWAY)
    acked: dict[str, int] = site.rig.status()["ledger"]["acked"]
    return sum(entry.seq > acked[entry.stream] for entry in stored)
