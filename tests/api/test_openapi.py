"""The published description is what the code does."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp

from gateway.api.openapi import document
from tests.api.conftest import Place

PUBLISHED = Path(__file__).parents[2] / "config" / "openapi.json"
PAGES = {"/", "/station/{id}", "/staff/{id}", "/day/{id}", "/static/{path}"}


def test_the_published_description_is_up_to_date() -> None:
    assert PUBLISHED.read_bytes() == document(), "run: python -m gateway.api.openapi"


async def test_every_address_is_described_and_no_other(place: Place) -> None:
    assert place.api is not None
    served = {(method.lower(), path) for method, path in place.api.routes() if method != "HEAD"}
    described = json.loads(document())["paths"]
    told = {(method, path) for path, methods in described.items() for method in methods}
    assert {(method, path) for method, path in served if path not in PAGES} == told


async def test_every_reference_in_it_leads_somewhere() -> None:
    described = json.loads(document())
    text = json.dumps(described)
    for part in text.split('"$ref": "#/')[1:]:
        node = described
        for step in part.split('"')[0].split("/"):
            node = node[step]


async def test_it_is_served(http: aiohttp.ClientSession) -> None:
    async with http.get("/openapi.json") as answer:
        assert (await answer.json())["openapi"] == "3.1.0"
