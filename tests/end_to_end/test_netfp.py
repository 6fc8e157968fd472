"""Programs that know ErpNet.FP print on the real daemon, its real driver and a printer on the wire."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

from gateway.model.entry import EntryKind
from tests.end_to_end import netfp_client
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, until

CLIENT = "tests/end_to_end/netfp_client.py"
FACE = "\n[netfp]\nport = 0\n"
PRINTER = ("gate-relay", "till-printer")
RECEIPT = {"items": [{"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3, "quantity": 3}]}


def opened(new_house: NewHouse, *, more: str = FACE, **options: Any) -> House:
    house = new_house()
    house.open(devices=PRINTER, more=more, **options)
    until(lambda: bool(call(house, "GET", "/printers")), "the printer")
    return house


def address(house: House) -> str:
    found = re.findall(r"ErpNet.FP's interface on 127.0.0.1 port (\d+)", house.log())
    return f"http://127.0.0.1:{found[-1]}" if found else ""


def call(house: House, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer; nothing while the face is not there."""
    try:
        return netfp_client.call(address(house), method, path, body)
    except OSError:
        return {}


def papers(house: House) -> list[dict[str, Any]]:
    """Closed fiscal receipts, as the printer's own journal has them."""
    return [paper for paper in house.rig.children["till-printer"].ask("journal") if paper.get("closed") is True]


def test_a_client_of_erpnet_fp_runs_unchanged(new_house: NewHouse) -> None:
    house = opened(new_house)
    done = subprocess.run(
        [sys.executable, "-I", CLIENT, address(house)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    tasks = [body["task"] for body in house.bodies(EntryKind.FISCAL_WORK)]
    assert len(tasks) == len(set(tasks))
