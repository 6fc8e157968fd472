"""The examples of docs/api.md run as they stand, against a real till."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from gateway.model.entry import Stream
from tests.api.conftest import Place
from tests.support.programs import require_program

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language} example\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


async def run(place: Place, program: list[str], script: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate(script.replace("http://127.0.0.1:8080", place.url).encode())
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_curl_example_gives_a_quote(place: Place) -> None:
    require_program("curl", "curl")
    out = await run(place, ["sh"], example("sh"))
    assert '"due_cents":1539' in out


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_example_sells_a_book(place: Place, language: str) -> None:
    if language == "python":
        program = [sys.executable, "-"]
    else:
        program = [require_program("node", "nodejs"), "--input-type=module"]
    await place.tap()
    out = await run(place, program, example(language))
    assert "to pay: 1042 cents" in out
    assert f"recorded as gw-test/{place.ledger.epoch}/receipt/1" in out
    assert place.ledger.last(Stream.RECEIPT) == 1


async def test_every_address_is_on_the_page(place: Place) -> None:
    assert place.api is not None
    for _, path in place.api.routes():
        if not path.startswith("/static/"):
            assert re.sub("/(quotes|receipts|balance)$", "", path) in PAGE, path
