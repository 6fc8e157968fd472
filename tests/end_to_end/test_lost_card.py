"""A card is lost: what an officer types at the centre, until an online gate lets nobody in with it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway.cli.demo.acts import DESK, GATE
from gateway.cli.demo.town import GATEWAY
from gateway.cli.exits import Exit
from gateway.model.entry import EntryKind
from tests.end_to_end.house import House
from tests.end_to_end.office import WITHIN_S, Office

NAME = "karlis"


@pytest.fixture
def office(house: House, tmp_path: Path) -> Office:
    return Office(house, tmp_path, NAME)


def test_it_is_refused_within_a_minute_at_a_gate_that_is_online(house: House, office: Office) -> None:
    office.register()
    house.acts.people_walk_through(True)
    house.acts.tap(GATE, NAME, "open", "", then="passed")
    began = time.monotonic()
    code, out, _ = office.publish(office.block(), "--wait", str(WITHIN_S), "--json")
    told = json.loads(out)
    assert (code, told["kind"], told["online"], told["unreached"]) == (0, "blocks", [GATEWAY], [])
    house.acts.tap(GATE, NAME, "refused", "", reason="blocked")
    assert time.monotonic() - began < WITHIN_S
    house.acts.tap(DESK, "zane", "accepted", "")
    house.drain()
    assert EntryKind.BUNDLE_APPLIED in [row.kind for row in house.at_the_centre()]


def test_who_is_not_reached_is_named(house: House, office: Office) -> None:
    office.register()
    house.rig.stop_gateway()
    code, out, _ = office.publish(office.block(), "--wait", str(WITHIN_S))
    assert code == 0, "who is offline is listed, and not waited for"
    assert "of its gateways online: 0" in out
    assert [line.split() for line in out.splitlines()[-1:]] == [[GATEWAY, "offline", "-"]]


def test_what_the_centre_may_not_publish_is_refused_and_not_kept(house: House, office: Office, tmp_path: Path) -> None:
    office.register()
    bundle = office.block()
    forged = json.loads(bundle.read_text(encoding="utf-8"))
    forged["signature"] = forged["signature"][:-9] + "AAAAAAAA\n"
    (tmp_path / "forged.bundle").write_text(json.dumps(forged), encoding="utf-8")
    (tmp_path / "empty.bundle").write_bytes(b"")
    for name, expected in (("forged", Exit.REFUSED), ("empty", Exit.BAD_FILE), ("nowhere", Exit.BAD_FILE)):
        code, _, error = office.publish(tmp_path / f"{name}.bundle")
        # On a busy machine it also says what it is waiting for.
        told = [line for line in error.splitlines() if not line.endswith("…")]
        assert (code, len(told)) == (expected, 1), error
    assert office.publish(bundle)[0] == 0
    again, _, error = office.publish(bundle)
    assert again == Exit.REFUSED
    assert "already published" in error
