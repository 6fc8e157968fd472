"""The centre's store: entries once each, who is online, signed bundles, commands.

Every call is one durable transaction. Safe from any thread and beside other workers.
Reading for people is `gateway.centre.query`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection, func, select, true

from gateway.centre import commands, heard, news, schema, shelf
from gateway.centre.births import Births, Heard, Welcome
from gateway.centre.database import Database
from gateway.centre.ground import write_alarms
from gateway.centre.intaking import Intaking, Taken
from gateway.centre.leases import check_held
from gateway.centre.news import News
from gateway.centre.parcel import Parcel, Refusal
from gateway.centre.quota import Answers, Authority
from gateway.centre.quota_limits import Limits
from gateway.centre.quota_reconcile import Difference, reconcile
from gateway.centre.quota_rows import take_untold
from gateway.centre.quota_tidy import tidy
from gateway.centre.shelf import EVERYONE, Announcement
from gateway.centre.tables import gateways
from gateway.model.clock import Clock
from gateway.model.entry import Entry
from gateway.model.errors import Conflict, GatewayError, InputRefused
from gateway.wire.bundle import BundleKind, Manifest, SignedBundle
from gateway.wire.commands import Act, Command, CommandResult
from gateway.wire.messages import State
from gateway.wire.quota import QuotaSaid
from gateway.wire.topics import shard_of


class Said(msgspec.Struct, frozen=True):
    """A group of messages, sorted: entries, births and deaths in the order they came, answers to commands, wishes
    for bundles (which nothing is stored of)."""

    parcels: list[Parcel] = []
    states: list[Heard] = []
    results: list[tuple[str, CommandResult]] = []
    wishes: list[tuple[str, bytes]] = []
    quotas: list[tuple[str, QuotaSaid]] = []


class Settled(msgspec.Struct, frozen=True):
    """What became of a group, committed: all of this is now to be said, and the wishes to be granted."""

    taken: Taken
    welcomes: list[Welcome]
    wishes: list[tuple[str, bytes]] = []
    answers: Answers = []
    recalled: bool = False
    """Leases of other gateways were recalled: those who hold their shards should look."""


class Store:
    """The store in an SQLite file or in PostgreSQL. A failing database raises `LedgerError`; nothing of that call is
    then stored. `password` names the file with PostgreSQL's password, `worker` who uses it; `makes`: as a worker does,
    where there is none yet."""

    def __init__(
        self,
        store: str | Path,
        clock: Clock,
        password: Path | None = None,
        worker: str = "",
        zone: str = "UTC",
        *,
        makes: bool = True,
    ) -> None:
        self.database = Database(str(store), password, worker=worker, makes=makes)
        self._reader = Database(str(store), password, read_only=True)
        self._clock = clock
        self._limits = Limits(zone)

    def open(self) -> None:
        """Open, make or migrate it. Raises `LedgerError`, `NotFound` or `ConfigurationError`."""
        self.database.reopen()
        self._reader.reopen()
        try:
            schema.prepare(self.database)
        except GatewayError:
            self.close()
            raise

    def close(self) -> None:
        """Close it; what was committed stays."""
        self.database.close()
        self._reader.close()

    def settle(self, said: Said, held: Mapping[int, int] | None = None) -> Settled:
        """Take a group of messages in, in one transaction. `held`: the leases (shard → fence) under which it is done;
        `LeaseLost` when one of them has gone, and then nothing is stored. None: for tools that run alone."""
        with self._transaction() as (db, now_ms):
            if held is not None:
                touched = {shard_of(gateway) for gateway in _gateways(said)}
                check_held(db, {shard: fence for shard, fence in held.items() if shard in touched})
            births = Births(db, now_ms)
            births.hear(said.states)
            taken = Intaking(db, now_ms).run(said.parcels)
            foreign = [
                (gateway, "foreign answer", f"to command {result.id}")
                for gateway, result in said.results
                if not commands.answered(db, gateway, result, now_ms)
            ]
            authority = Authority(db, self._limits, now_ms)
            # Copies of one card are in use, or an old one is: whatever they hold may be used twice.
            fenced = births.fallen_behind | {command.gateway for command in taken.commands}
            answers = [*authority.fence(sorted(fenced)), *authority.run(said.quotas)]
            write_alarms(db, Counter(foreign) + authority.alarms, now_ms)
            return Settled(taken, births.answer(), said.wishes, answers, authority.recalled)

    def take(self, entries: Sequence[Entry], refusals: Sequence[Refusal] = ()) -> Taken:
        """Store each entry once, in one transaction, and say per strand what is now stored, missing, refused."""
        return self.take_parcels([Parcel("", list(entries), list(refusals))])

    def take_parcels(self, parcels: Sequence[Parcel]) -> Taken:
        """`take` for whole messages; what could not be told by number becomes an alarm of its gateway."""
        return self.settle(Said(parcels=list(parcels))).taken

    def hear(self, said: Sequence[tuple[str, State]]) -> list[Welcome]:
        """Births and deaths, in the order they came. A birth is answered; a death counts only when it carries
        the session of the birth that stands: any other is late."""
        return self.settle(Said(states=[Heard(gateway, state) for gateway, state in said])).welcomes

    def alarm(self, gateway: str, what: str, detail: str) -> None:
        """Keep something that a person should look at."""
        with self._transaction() as (db, now_ms):
            write_alarms(db, Counter([(gateway, what, detail)]), now_ms)

    # Commands --------------------------------------------------------------------------------------------

    def command(self, command_id: str, gateway: str, act: Act, expires_ms: int = 0) -> Command:
        """`keep` by its parts."""
        command = Command(command_id, gateway, act, expires_ms)
        self.keep(command)
        return command

    def keep(self, command: Command) -> bool:
        """Keep a command; whoever takes in this gateway's shard sends it with the next beat. False: the very same one
        was kept before, and nothing has changed, whatever became of it. Raises `NotFound` for a gateway that was never
        heard of, `Conflict` when its id is another command's, and `InputRefused` for a new one that has expired;
        nothing is kept then."""
        with self._transaction() as (db, now_ms):
            heard.is_online(db, command.gateway)
            if not commands.put(db, command, now_ms, sent=False):
                if not commands.is_same(db, command):
                    raise Conflict(f"command {command.id} is another one", "Give it a new id")
                return False
            if 0 < command.expires_ms <= now_ms:
                raise InputRefused("it would expire before it is sent", "Give a later time (UTC)")
            return True

    def unsent(self, held: Mapping[int, int]) -> list[Command]:
        """Commands to gateways of these shards that nobody has sent; they count as sent from now on."""
        with self._transaction() as (db, now_ms):
            return commands.take_unsent(db, held, now_ms)

    # Quotas ----------------------------------------------------------------------------------------------

    def recalls(self, held: Mapping[int, int]) -> Answers:
        """Recalls of leases, and fences by hand, that nobody has sent to the gateways of these shards; they count as
        sent from now on."""
        with self._transaction() as (db, _):
            return [*take_untold(db, held)]

    def reconcile(self, key: str, period: str) -> list[Difference]:
        """What receipts say was used of a quota in a period and the authority does not know, or after its end the other
        way round. Each is an alarm, too (`gateway.centre.quota_reconcile`). Nobody waits while the receipts are read:
        only the alarms need the store for themselves."""
        with self._reader.begin() as db:
            found = reconcile(db, key, period, self._clock.wall_ms())
        if found:
            detail = f"I8: {key}/{period}"
            with self._transaction() as (db, now_ms):
                write_alarms(db, Counter((one.gateway, "quota does not come out", detail) for one in found), now_ms)
        return found

    def tidy(self) -> int:
        """Let go some of what is known of periods that ended long ago; 0 when there is nothing more."""
        with self._transaction() as (db, now_ms):
            return tidy(db, now_ms)

    def fence(self, gateway: str) -> int:
        """A box was stolen, or replaced without a word: its leases count as used up from now on. Whoever takes in this
        gateway's shard tells it with the next beat, if it held any, and in any case when it says hello or anything of
        an old life. Returns the number of the life that begins. Raises `NotFound` for a gateway that was never heard
        of."""
        with self._transaction() as (db, now_ms):
            heard.is_online(db, gateway)
            ((_, fence),) = Authority(db, self._limits, now_ms).fence([gateway], later=True)
            return fence.incarnation

    # Bundles ---------------------------------------------------------------------------------------------

    def put_bundles(self, bundles: Sequence[tuple[Manifest, SignedBundle]]) -> None:
        """Keep verified bundles for good, all or none, and leave notes for those who send them (`gateway.centre.shelf`,
        `gateway.centre.news`). Raises `Conflict`."""
        with self._transaction() as (db, _):
            if db.dialect.name == "postgresql":
                db.execute(select(func.pg_advisory_xact_lock(_PUBLISHING)))
            for manifest, bundle in bundles:
                shelf.put(db, manifest, bundle)
                news.leave(db, manifest)

    def news(self, held: Mapping[int, int]) -> list[News]:
        """Bundles that nobody has sent to the gateways that are online in these shards; they count as sent from now
        on."""
        with self._transaction() as (db, _):
            return news.take(db, held)

    def chunk(self, gateway: str, sha256: str, index: int) -> bytes | None:
        """A chunk of a bundle that is meant for this gateway."""
        with self._transaction() as (db, _):
            return shelf.chunk_for(db, gateway, sha256, index)

    def whole(self, gateway: str, kind: BundleKind) -> Announcement | None:
        """The newest bundle of a kind for this gateway that is no delta, as it is sent."""
        with self._transaction() as (db, _):
            return shelf.whole(db, gateway, kind)

    def told(self, gateway: str) -> dict[str, int]:
        """The numbers of the bundles that a gateway has said to have in force."""
        with self._transaction() as (db, _):
            return shelf.told(db, gateway)

    def online(self, target: str) -> list[str]:
        """The gateways that a bundle for this target reaches now."""
        reached = true() if target == EVERYONE else gateways.c.gateway == target
        asked = select(gateways.c.gateway).where(gateways.c.online == 1, reached)
        with self._transaction() as (db, _):
            return list(db.execute(asked.order_by(gateways.c.gateway)).scalars())

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection, int]]:
        with self.database.begin() as db:
            yield db, self._clock.wall_ms()


def _gateways(said: Said) -> set[str]:
    named = {parcel.gateway for parcel in said.parcels} | {heard.gateway for heard in said.states}
    return named | {gateway for gateway, _ in [*said.results, *said.wishes, *said.quotas]}


_PUBLISHING = 0x5352
"""Of PostgreSQL's advisory lock: two bundles of one kind are numbered one after the other."""
