"""The programs in docs/examples run as they stand, also over a line that breaks at every other answer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.model.entry import EntryKind, Stream
from tests.api.conftest import Place
from tests.support.programs import require_program

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def program(language: str) -> list[str]:
    if language == "py":
        return [sys.executable, str(EXAMPLES / "pos.py")]
    return [require_program("node", "nodejs"), str(EXAMPLES / "pos.js")]


async def run(language: str, url: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *program(language),
        f"{url}/v1/stations/till-1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@asynccontextmanager
async def torn(place: Place) -> AsyncIterator[str]:
    """An address before the gateway's, where every other request is heard and its answer lost."""
    assert place.api is not None
    target, heard = place.api.port, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += 1
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", target)
        own = b"host: " + fields[b"host"]
        host = next(line for line in head.split(b"\r\n") if line.lower() == own)
        to_writer.write(head.replace(host, f"Host: 127.0.0.1:{target}".encode()) + body)
        # One answer whole, then the connection ends on either side.
        answer = await to_reader.readuntil(b"\r\n\r\n")
        told = dict(line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:-2])
        answer += await to_reader.readexactly(int(told[b"content-length"]))
        if heard % 2 == 0:
            writer.write(answer)
            await writer.drain()
        for each in (writer, to_writer):
            each.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("language", ["py", "js"])
@pytest.mark.parametrize("breaks", [False, True], ids=["whole", "torn"])
async def test_a_sale_a_refund_and_a_void_are_booked_once_each(place: Place, language: str, breaks: bool) -> None:
    await place.tap()
    if breaks:
        async with torn(place) as url:
            out = await run(language, url)
    else:
        out = await run(language, place.url)
    for told in ("to pay: 2234 cents", "to give back: 1042 cents", "recorded as gw-test/", "withdrawn"):
        assert told in out, out
    entries = place.ledger.read(Stream.RECEIPT, 0, -1)
    kinds = [entry.header.kind for entry in entries]
    assert kinds == [EntryKind.RECEIPT, EntryKind.REFUND, EntryKind.RECEIPT, EntryKind.REFUND]
    assert [json.loads(entry.body or b"").get("reason") for entry in entries] == [None, "returned", None, "void"]
    assert place.ledger.query("SELECT count(*) FROM quote WHERE expires_ms>?", (place.clock.wall_ms(),)) == [(0,)]
