"""Chunks for gateways that ask for them: the centre's half of fetching a large bundle.

A wish is never queued up: what cannot be sent soon is asked for again.
"""

from __future__ import annotations

import logging

from gateway.centre.link import Link
from gateway.centre.store import Store
from gateway.model.errors import InputRefused, LedgerError
from gateway.wire.chunks import Want, WantChunks, WantWhole, decode_want, encode_chunk
from gateway.wire.topics import Topics

log = logging.getLogger(__name__)

MAX_WAITING = 200
"""Messages in the bulk lane, 24 MB; while there are more, wishes go unheard and are repeated by those who have them."""


def grant(city: str, store: Store, link: Link, gateway: str, payload: bytes) -> None:
    """Send what a gateway asks for, as far as it is meant for it. Never fails: an odd wish becomes an alarm."""
    try:
        _grant(city, store, link, gateway, decode_want(payload))
    except InputRefused as refused:
        try:
            store.alarm(gateway, "wish refused", refused.what)
        except LedgerError as error:
            log.error("%s", error)
    except LedgerError as error:
        log.error("a wish of %s is not granted: %s", gateway, error)


def _grant(city: str, store: Store, link: Link, gateway: str, want: Want) -> None:
    topics = Topics(city, gateway)
    match want:
        case WantWhole(kind=kind):
            if (told := store.whole(gateway, kind)) is not None:
                link.publish(topics.bundle, told.message, bulk=True)
        case WantChunks(sha256=sha256, chunks=indexes):
            for index in indexes:
                if link.bulk_waiting >= MAX_WAITING:
                    return
                data = store.chunk(gateway, sha256, index)
                if data is None:
                    raise InputRefused(f"no chunk {index} of {sha256[:12]} for it")
                link.publish(topics.chunk, encode_chunk(sha256, index, data), bulk=True)
