"""The wire's published description: as the types say, whole, and nothing taken from those who rely on it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.centre import schemas
from gateway.model.entry import Stream
from gateway.wire.topics import Topics

CONFIG = Path(__file__).parents[2] / "config"
RELEASED = Path(__file__).parents[1] / "data" / "wire-1.0.json"
"""The description as others may rely on it. It is replaced when a version is released, never to make a test pass."""


def published() -> Any:
    return json.loads(schemas.asyncapi())


def test_the_published_files_are_up_to_date() -> None:
    assert (CONFIG / "asyncapi.json").read_bytes() == schemas.asyncapi(), "run: python -m gateway.centre.schemas"
    found = {path.name: path.read_bytes() for path in (CONFIG / "schemas").iterdir()}
    assert found == schemas.json_schemas(), "run: python -m gateway.centre.schemas"


@pytest.mark.parametrize("name", sorted(schemas.json_schemas()))
def test_each_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(schemas.json_schemas()[name]))


def test_every_reference_leads_somewhere() -> None:
    text = schemas.asyncapi().decode()
    for part in text.split('"$ref": "#/')[1:]:
        node = published()
        for step in part.split('"')[0].split("/"):
            node = node[step]


def test_every_topic_is_a_channel_and_no_other() -> None:
    places = {name for name in vars(Topics) if not name.startswith("_")} - set(Topics.__struct_fields__) - {"base"}
    described = {channel["address"] for channel in published()["channels"].values()}
    assert described == {schemas.topic(place) for place in places}
    assert f"sp/1/{{city}}/{{shard}}/{{gateway}}/ev/{{{'stream'}}}" in described
    assert set(published()["channels"]["events"]["parameters"]["stream"]["enum"]) == set(Stream)


def test_within_a_major_version_nothing_is_taken_away() -> None:
    assert schemas.breaks(json.loads(RELEASED.read_bytes()), published()) == []


def test_what_would_be_taken_away_is_named() -> None:
    new = copy.deepcopy(published())
    types = new["components"]["schemas"]
    del new["channels"]["result"], types["OpenedBody"], types["Ack"]["properties"]["missing"]
    types["Ack"]["required"].remove("through")
    types["Stream"]["enum"].remove("document")
    types["State"]["required"].append("boot")
    assert sorted(schemas.breaks(published(), new)) == sorted(
        [
            "channel result",
            "type OpenedBody",
            "Ack.missing",
            "Ack.through may be absent now",
            "Stream: document",
            "State.boot is required now",
        ]
    )
