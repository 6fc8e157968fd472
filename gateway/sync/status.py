"""How it stands between gateway and centre."""

from __future__ import annotations

import msgspec

from gateway.sync.bundles import BundlesStatus


class SyncStatus(msgspec.Struct, frozen=True):
    """For status pages: connected and how, what is owed, what went wrong last or still does. Connected with a problem:
    the broker confirms nothing, or will not take some of the entries."""

    connected: bool
    protocol: str
    backlog: dict[str, int]
    last_ack_age_s: float | None
    bundles: dict[str, int]
    problem: str = ""
    content: BundlesStatus = BundlesStatus()
