"""The tables of a ledger file, by the schema that brought them: one for the entries of each stream, and state tables.
State tables are written in the commits of what they stand for."""

from __future__ import annotations

ENTRIES = """
CREATE TABLE {stream} (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    wall_ms INTEGER NOT NULL,
    mono_ns INTEGER NOT NULL,
    boot TEXT NOT NULL,
    quality TEXT NOT NULL,
    digest BLOB NOT NULL,
    salt BLOB,
    body BLOB,
    commitment BLOB
) STRICT"""

STATE_1 = (
    # This file's own: gateway, epoch, whether the last stop was clean.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT",
    # Per stream: through which the centre has acked; up to where the chain has been checked.
    """CREATE TABLE stream (
        name TEXT PRIMARY KEY,
        acked INTEGER NOT NULL DEFAULT 0,
        checked INTEGER NOT NULL DEFAULT 0,
        checked_digest BLOB NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # sync: entries that the centre will never store.
    """CREATE TABLE quarantine (
        stream TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (stream, seq)
    ) WITHOUT ROWID, STRICT""",
    # sync: number of the bundle in force, per kind. Never goes back.
    """CREATE TABLE bundle (
        kind TEXT PRIMARY KEY, number INTEGER NOT NULL, sha256 TEXT NOT NULL, applied_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # identity: highest counter seen of each SUN card, by its digest.
    "CREATE TABLE sun_counter (digest BLOB PRIMARY KEY, counter INTEGER NOT NULL) WITHOUT ROWID, STRICT",
    # api: answers given under an idempotency key.
    """CREATE TABLE answer (
        key TEXT PRIMARY KEY, request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
        at_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # stations, till: quotes given and not yet committed.
    """CREATE TABLE quote (
        id TEXT PRIMARY KEY, station TEXT NOT NULL, body BLOB NOT NULL, expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # stations, gate: grants whose opening or passage is still open.
    """CREATE TABLE grant_open (
        admission INTEGER PRIMARY KEY, station TEXT NOT NULL, opened INTEGER NOT NULL
    ) STRICT""",
    # stations, till: where each receipt on our own printer stands.
    """CREATE TABLE fiscal (
        key TEXT PRIMARY KEY, station TEXT NOT NULL, point TEXT NOT NULL, baseline TEXT NOT NULL,
        number TEXT NOT NULL, outcome TEXT NOT NULL, at_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
)


STATE_2 = (
    # sync: commands that were done or refused, by their id, with the answer that was given.
    """CREATE TABLE command (
        id TEXT PRIMARY KEY, result BLOB NOT NULL, at_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # sync: the newest anchor of monotonic time in UTC; one row at most.
    """CREATE TABLE anchor (
        one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, mono_ns INTEGER NOT NULL, wall_ms INTEGER NOT NULL
    ) STRICT""",
    # Per stream: everything through `floor` is gone or going; the digest of that entry (NULL: floor 0, the genesis).
    "ALTER TABLE stream ADD COLUMN floor INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE stream ADD COLUMN floor_digest BLOB",
    # sync, bundles: `number` is in force, `highest` was ever accepted (it never goes back), `previous` is kept for a
    # person to go back to (0: none).
    "ALTER TABLE bundle ADD COLUMN highest INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE bundle ADD COLUMN highest_sha256 TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE bundle ADD COLUMN previous INTEGER NOT NULL DEFAULT 0",
    # sync, bundles: what was put in force when, and how; the newest ones of each kind.
    """CREATE TABLE bundle_past (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL,
        created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, grace_ms INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, how TEXT NOT NULL
    ) STRICT""",
    # sync, bundles: keys that may sign, and those that never may again.
    """CREATE TABLE bundle_key (
        public BLOB PRIMARY KEY, key_id BLOB NOT NULL, retired INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # sync, bundles: the list of blocked cards in force, one row.
    "CREATE TABLE bundle_blocks (id INTEGER PRIMARY KEY CHECK (id = 1), content BLOB NOT NULL) STRICT",
    # stations, gate: a grant may outlive the epoch that it was given in, and numbers begin anew in the next one.
    """CREATE TABLE grant_of_epoch (
        epoch TEXT NOT NULL, admission INTEGER NOT NULL, station TEXT NOT NULL, opened INTEGER NOT NULL,
        PRIMARY KEY (epoch, admission)
    ) WITHOUT ROWID, STRICT""",
    """INSERT INTO grant_of_epoch
        SELECT (SELECT value FROM meta WHERE key='epoch'), admission, station, opened FROM grant_open""",
    "DROP TABLE grant_open",
    "ALTER TABLE grant_of_epoch RENAME TO grant_open",
    # This file's own, only in one that was salvaged: ranges that are lost; digest of the entry at `last`.
    """CREATE TABLE gap (
        stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, digest BLOB,
        PRIMARY KEY (stream, first)
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 2 brought. A new file gets `STATE_1`, this and those that follow; `gateway.ledger.migrations` brings an
older one here."""


STATE_3 = (
    # stations: what holders did here before, as far as rules ask for it; `entry` is `epoch/stream/number`.
    """CREATE TABLE happened (
        entry TEXT PRIMARY KEY, holder TEXT NOT NULL, event TEXT NOT NULL, codes TEXT NOT NULL, station TEXT NOT NULL,
        at_ms INTEGER NOT NULL, boot TEXT NOT NULL, mono_ns INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX happened_holder ON happened (holder, at_ms)",
    # quota: the present life of this gateway, one row; `incarnation` 0 while the centre has not answered its `nonce`.
    """CREATE TABLE quota_life (
        one INTEGER PRIMARY KEY CHECK (one = 1), incarnation INTEGER NOT NULL, nonce TEXT NOT NULL,
        next INTEGER NOT NULL, closings INTEGER NOT NULL, handed INTEGER NOT NULL
    ) STRICT""",
    # quota: requests that the authority has not answered.
    """CREATE TABLE quota_request (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL, period TEXT NOT NULL, subject TEXT NOT NULL,
        want INTEGER NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX quota_request_cell ON quota_request (key, period, subject)",
    # quota: leases of this life. `told_…`: what the authority is known to know; `recalled`: 0 or 1; `closed`: 0, 1, or
    # 2 when the authority knows and the row is kept for the last word.
    """CREATE TABLE quota_lease (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL, period TEXT NOT NULL, subject TEXT NOT NULL,
        units INTEGER NOT NULL, base INTEGER NOT NULL, stop_ms INTEGER NOT NULL, elsewhere INTEGER NOT NULL,
        used INTEGER NOT NULL, returned INTEGER NOT NULL, told_used INTEGER NOT NULL, told_returned INTEGER NOT NULL,
        recalled INTEGER NOT NULL, closed INTEGER NOT NULL, last TEXT NOT NULL, at_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX quota_lease_cell ON quota_lease (key, period, subject)",
    # quota: what an entry used of what; `kind`: lease, grace or over. So that a void returns it to where it was from.
    """CREATE TABLE quota_spend (
        entry TEXT NOT NULL, part INTEGER NOT NULL, kind TEXT NOT NULL, incarnation INTEGER NOT NULL,
        number INTEGER NOT NULL, key TEXT NOT NULL, period TEXT NOT NULL, subject TEXT NOT NULL,
        units INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (entry, part)
    ) WITHOUT ROWID, STRICT""",
    # quota: units that an open quote holds of a lease, until a monotonic time of a boot.
    """CREATE TABLE quota_hold (
        number INTEGER NOT NULL, quote TEXT NOT NULL, units INTEGER NOT NULL, boot TEXT NOT NULL,
        until_ns INTEGER NOT NULL, PRIMARY KEY (number, quote)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX quota_hold_quote ON quota_hold (quote)",
    # quota: what is given back of a lease that is closed, by the entry that had used it; running totals.
    """CREATE TABLE quota_void (
        number INTEGER NOT NULL, entry TEXT NOT NULL, units INTEGER NOT NULL, told INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, PRIMARY KEY (number, entry)
    ) WITHOUT ROWID, STRICT""",
    # quota: what was given that no lease covered, per life: on trust, and by quotes that were committed late.
    """CREATE TABLE quota_beyond (
        key TEXT NOT NULL, period TEXT NOT NULL, subject TEXT NOT NULL, incarnation INTEGER NOT NULL,
        grace INTEGER NOT NULL, over INTEGER NOT NULL, grace_back INTEGER NOT NULL, over_back INTEGER NOT NULL,
        told INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (key, period, subject, incarnation)
    ) WITHOUT ROWID, STRICT""",
    # quota: cells of which the authority had nothing for us; `why` as it said.
    """CREATE TABLE quota_denied (
        key TEXT NOT NULL, period TEXT NOT NULL, subject TEXT NOT NULL, why TEXT NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (key, period, subject)
    ) WITHOUT ROWID, STRICT""",
    # quota: how often somebody used one here, for those who come often.
    """CREATE TABLE quota_visit (
        subject TEXT PRIMARY KEY, times INTEGER NOT NULL, at_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # quota: the signed last word of the box that this one replaced, until the authority has taken it.
    """CREATE TABLE quota_handed (
        incarnation INTEGER PRIMARY KEY, message BLOB NOT NULL
    ) STRICT""",
)
"""What schema 3 brought."""

STATE_4 = (
    # stations, gate: the last passage of each credential through each gate, for anti-passback; `entry` is that of the
    # admission, `epoch/stream/number`.
    """CREATE TABLE passage (
        digest BLOB NOT NULL, station TEXT NOT NULL, entry TEXT NOT NULL, at_ms INTEGER NOT NULL, boot TEXT NOT NULL,
        mono_ns INTEGER NOT NULL, PRIMARY KEY (digest, station)
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 4 brought."""

STATE_5 = (
    # identity: passes that were used, by their digest: for good, or with a phone's proof of this time; until when they
    # could have been used; the entry that says so.
    """CREATE TABLE pass_used (
        digest BLOB PRIMARY KEY, proof_s INTEGER NOT NULL, until_s INTEGER NOT NULL, entry TEXT NOT NULL
    ) WITHOUT ROWID, STRICT""",
    # sync: the trust list in force, as it was signed.
    "CREATE TABLE bundle_trust (one INTEGER PRIMARY KEY CHECK (one = 1), content BLOB NOT NULL) STRICT",
)
"""What schema 5 brought."""


STATE_6 = (
    # stations, gate: how many may pass on a grant, and how many of them have; which area's number inside it counts for.
    "ALTER TABLE grant_open ADD COLUMN persons INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE grant_open ADD COLUMN passed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE grant_open ADD COLUMN area TEXT NOT NULL DEFAULT 'place'",
    # stations, gate: how many persons are inside an area; `since_ms`: when it was last set by staff or by the hour.
    """CREATE TABLE inside (
        area TEXT PRIMARY KEY, persons INTEGER NOT NULL, since_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 6 brought."""

STATE_7 = (
    # quota: counters on cards, by the card's digest: units that this gateway owes it, and the debit of which it is not
    # known here whether it happened (`name` is empty when there is none; `anchor`: the newest name before it).
    """CREATE TABLE card_counter (
        digest BLOB NOT NULL, quota TEXT NOT NULL, owed INTEGER NOT NULL, name BLOB NOT NULL, anchor BLOB NOT NULL,
        units INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (digest, quota)
    ) WITHOUT ROWID, STRICT""",
    # quota: what an entry took of a counter on a card and has not given back.
    """CREATE TABLE card_use (
        entry TEXT PRIMARY KEY, digest BLOB NOT NULL, quota TEXT NOT NULL, units INTEGER NOT NULL,
        at_ms INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 7 brought."""

STATE_8_TILL = (
    # stations, till: receipts and refunds by the time of their entry, for the report of a day. `off_paper`: 1 when our
    # printer has refused or cancelled it: it did not take place.
    """CREATE TABLE sale (
        at_ms INTEGER NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, station TEXT NOT NULL,
        off_paper INTEGER NOT NULL, PRIMARY KEY (at_ms, epoch, seq)
    ) WITHOUT ROWID, STRICT""",
    # stations, till: how much of a receipt's line has come back so far, in thousandths. `work`: a refund's printing of
    # which it is not known yet how it ends (empty: none).
    """CREATE TABLE returned (
        epoch TEXT NOT NULL, seq INTEGER NOT NULL, line TEXT NOT NULL, quantity INTEGER NOT NULL,
        work TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (epoch, seq, line)
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 8 brought for tills."""

STATE_8 = (
    # fiscal: on which device, what kind of work, under which key its answer is stored, how it ended (JSON), when it was
    # asked for. `station` is who asked. `baseline` becomes JSON: all of the device's counters.
    "ALTER TABLE fiscal ADD COLUMN device TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE fiscal ADD COLUMN kind TEXT NOT NULL DEFAULT 'receipt'",
    "ALTER TABLE fiscal ADD COLUMN answer TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE fiscal ADD COLUMN said TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE fiscal ADD COLUMN began_ms INTEGER NOT NULL DEFAULT 0",
    r"""UPDATE fiscal SET began_ms=at_ms, baseline=CASE baseline WHEN '' THEN '' ELSE
        '{"number":"' || replace(replace(baseline, '\', '\\'), '"', '\"') || '"}' END""",
    # fiscal: the work itself (JSON), while it may be needed to settle it. Apart, so that a step does not write it anew.
    "CREATE TABLE fiscal_work (key TEXT PRIMARY KEY, work TEXT NOT NULL) WITHOUT ROWID, STRICT",
    # fiscal: the fiscal day of each device: the last Z report's number that was seen, and our first receipt since.
    """CREATE TABLE fiscal_day (
        device TEXT PRIMARY KEY, z_number TEXT NOT NULL, serial TEXT NOT NULL, first_ms INTEGER NOT NULL,
        first_boot TEXT NOT NULL, first_ns INTEGER NOT NULL, warned INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT""",
)
"""What schema 8 brought."""

ALL = (*STATE_1, *STATE_2, *STATE_3, *STATE_4, *STATE_5, *STATE_6, *STATE_7, *STATE_8, *STATE_8_TILL)
"""What a new file begins with, beside its streams."""
