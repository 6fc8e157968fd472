"""What comes in wrong, from a driver or over HTTP, is refused with a reason, recorded, and changes nothing."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from typing import Any

import pytest

from gateway.cli.demo.acts import BASKET, DESK, TILL
from gateway.cli.demo.watch import ask
from gateway.model.entry import EntryKind, Stream
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, until

BABBLER = f"""
[[device]]
id = "babbler"
driver = "babbler"
command = ["{sys.executable}", "-m", "tests.end_to_end.babbler"]

[[station]]
kind = "desk"
id = "babblers-desk"
readers = ["babbler"]
"""


def test_malformed_lines_of_a_driver_are_counted_and_change_nothing(new_house: NewHouse) -> None:
    house = new_house()
    house.open(more=BABBLER)
    rig = house.rig
    rig.until(lambda: rig.devices()["babbler"].get("slowed", 0) >= 460, "the end of what the babbler says")
    told = rig.devices()["babbler"]
    assert told["health"] == "ready"
    assert told["garbage"] >= 15
    # Nothing of it was anybody: neither an identification nor a refusal; what was readable was a flood.
    at_the_desk = [
        body
        for kind in (EntryKind.IDENTIFICATION, EntryKind.REFUSAL)
        for body in house.bodies(kind)
        if body["station"] == "babblers-desk"
    ]
    assert len(at_the_desk) <= 30, "the burst that a device may send"
    assert all(body["identification"]["refusal"] == "unknown" for body in at_the_desk)
    rig.wait_ready()
    house.acts.tap(DESK, "anna", "accepted", "")
    # Counts are told at the end, or after a minute.
    assert rig.stop_gateway() == 0
    floods = {(body["source"], body["reason"]): body["count"] for body in house.bodies(EntryKind.FLOOD)}
    assert floods["babbler", "garbage"] >= 15
    assert floods["babbler", "flood"] >= 100
    assert floods["babbler", "stale"] >= 3
    assert house.verify().clean
    assert "ABABABAB" not in house.log().upper()


BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "malformed_json"),
    (b"\xff\xfe", 400, "malformed_json"),
    (b'{"receipt": {"lines": [{"id": ' + b"[" * 50_000, 422, "bad_request"),
    (b"[]", 422, "bad_request"),
    (b"{}", 422, "bad_request"),
    (b'{"receipt": {"lines": []}}', 422, "bad_request"),
    (b'{"receipt": {"lines": [{"id": "1"}]}}', 422, "bad_request"),
    (b'{"receipt": {"lines": [{"id": "1", "text": "x", "category": "books", "unit_cents": -5}]}}', 422, "bad_request"),
    (b'{"receipt": {"lines": []}, "discount_cents": 500}', 422, "bad_request"),
    (b" " * 300_000, 413, "too_large"),
]


def post(house: House, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", house.rig.port, timeout=20)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_malformed_bodies_are_refused_with_a_reason_and_change_nothing(house: House) -> None:
    before = (house.count()[Stream.RECEIPT], house.query("SELECT * FROM quote"), house.query("SELECT * FROM answer"))
    for number, (body, status, code) in enumerate(BAD_BODIES):
        got, problem = post(house, f"/v1/stations/{TILL}/quotes", body, **{"Idempotency-Key": f"bad-{number}"})
        assert (got, problem["code"]) == (status, code), body[:60]
        assert problem["detail"]
        assert problem["advice"]
    after = (house.count()[Stream.RECEIPT], house.query("SELECT * FROM quote"), house.query("SELECT * FROM answer"))
    assert after == before
    assert house.acts.quote("good", identified=False)["due_cents"] == 1240


def test_a_malformed_commit_leaves_its_quote_open(house: House) -> None:
    quote = house.acts.quote("1", identified=False)
    for body in (
        {"quote": quote["quote"]},
        {"quote": quote["quote"], "print": "yes"},
        {"quote": "nonsense", "print": True},
    ):
        status, problem = ask(house.rig.port, "POST", f"/v1/stations/{TILL}/receipts", body, "c-1")
        assert status in (404, 422), problem
        assert problem["advice"]
    status, problem = post(house, f"/v1/stations/{TILL}/receipts", b'{"quote": "%s"}' % quote["quote"].encode())
    assert (status, problem["code"]) == (400, "bad_idempotency_key")
    assert house.bodies(EntryKind.RECEIPT) == []
    house.acts.commit(quote, "1", fiscal_number="POS-1")
    until(lambda: bool(house.bodies(EntryKind.MESSAGE_REFUSED)), "the refusals' entries")


def test_a_foreign_web_page_cannot_book_and_is_recorded_once_with_its_count(house: House) -> None:
    body = json.dumps({"receipt": {"lines": BASKET}}).encode()
    for _ in range(50):
        status, problem = post(house, f"/v1/stations/{TILL}/quotes", body, Origin="http://evil.example")
        assert (status, problem["code"]) == (403, "foreign_origin")
    until(lambda: bool(house.bodies(EntryKind.SECURITY)), "the entry")
    assert house.rig.stop_gateway() == 0
    told = [body for body in house.bodies(EntryKind.SECURITY) if body["what"] == "foreign_origin"]
    assert [body.get("count", 1) for body in told] == [1, 49]
    assert house.query("SELECT * FROM quote") == []


@pytest.mark.parametrize(
    "bytes_sent", [b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", b"POST /v1/x HTTP/9.9\r\n\r\n"]
)
def test_bytes_that_are_no_http_end_their_connection_only(house: House, bytes_sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", house.rig.port), 10) as raw:
        raw.settimeout(10)
        raw.sendall(bytes_sent)
        answer = raw.recv(4096)
    assert answer == b"" or answer.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
    house.acts.tap(DESK, "anna", "accepted", "")
