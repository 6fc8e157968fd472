"""Programs that know ErpNet.FP print on the real daemon, its real driver and a printer on the wire."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drivers.fiscal.dialects import SPOKEN
from gateway.model.entry import EntryKind
from tests.end_to_end import netfp_client
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, until

CLIENT = "tests/end_to_end/netfp_client.py"
PRINTER = ("gate-relay", "till-printer")
AT = "/printers/dt000600"
RECEIPT = {"items": [{"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3, "quantity": 3}]}
SLOW = {"till-printer": ["--line-ms", "100"]}
"""Time to die at each point of a receipt."""


def opened(new_house: NewHouse, family: str = "datecs-v1", options: dict[str, list[str]] | None = None) -> House:
    """The demo's gateway, with a printer of this family."""
    house = new_house()
    given = [*(options or {}).get("till-printer", []), "--family", family]
    settings = {"till-printer": f'family = "{family}", poll_s = 0.3'}
    house.open(devices=PRINTER, options={"till-printer": given}, options_of=settings)
    house.rig.until(lambda: "till-printer" in house.rig.pids(), "the printer's driver")
    until(lambda: bool(call(house, "GET", "/printers").get("dt000600", {}).get("model")), "the printer")
    return house


def address(house: House) -> str:
    return f"http://127.0.0.1:{house.rig.ports['netfp']}"


def call(house: House, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer; nothing while the face is not there."""
    try:
        return netfp_client.call(address(house), method, path, body)
    except OSError:
        return {}


def papers(house: House) -> list[dict[str, Any]]:
    """Closed fiscal receipts, as the printer's own journal has them."""
    documents = house.rig.children["till-printer"].ask("journal")
    return [paper for paper in documents if paper.get("closed") is True and paper["key"]]


def finished(house: House, task: str) -> Any:
    """The result of a task, once there is one that is known for sure."""

    def info() -> Any:
        return call(house, "GET", f"/printers/taskinfo?id={task}")

    until(lambda: info().get("taskStatus") == "finished", "the end of the task")
    until(lambda: info()["result"]["messages"][0].get("code") != "E901", "how the task ended", 60)
    return info()["result"]


@pytest.mark.parametrize("family", sorted(SPOKEN))
def test_a_client_of_erpnet_fp_runs_unchanged(new_house: NewHouse, family: str) -> None:
    house = opened(new_house, family)
    done = subprocess.run(
        [sys.executable, "-I", CLIENT, address(house)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    tasks = [body["task"] for body in house.bodies(EntryKind.FISCAL_WORK)]
    assert len(tasks) == len(set(tasks)) == 7, "two receipts, a reversal, cash in and out, X and Z, each once"


@pytest.mark.slow
@pytest.mark.parametrize("point", ["intent", "opened", "paying", "closing"])
def test_kill_9_of_the_gateway_prints_once_or_not_and_the_same_id_says_which(new_house: NewHouse, point: str) -> None:
    house = opened(new_house, options=SLOW)
    assert call(house, "POST", f"{AT}/receipt?taskId=t1&asyncTimeout=0", RECEIPT) == {"taskId": "t1"}
    until(lambda: point in [body["point"] for body in house.bodies(EntryKind.FISCAL_STEP)], f"the point {point}")
    house.rig.kill("gateway")
    house.rig.start_again("gateway")
    result = finished(house, "t1")
    assert [paper["number"] for paper in papers(house)] == ([result["receiptNumber"]] if result["ok"] else [])
    assert result["ok"] is (point in ("paying", "closing")), result
    again = call(house, "POST", f"{AT}/receipt?taskId=t1", RECEIPT)
    assert {**again, "messages": []} == {**result, "messages": []}
    new = call(house, "POST", f"{AT}/receipt?taskId=t2", RECEIPT)
    assert new["ok"] is True, new
    assert len(papers(house)) == (2 if result["ok"] else 1)
    assert house.verify().clean


@pytest.mark.slow
@pytest.mark.parametrize("point", ["opened", "paying", "closing"])
def test_a_cable_that_is_pulled_is_read_back_and_the_waiting_caller_told(new_house: NewHouse, point: str) -> None:
    house = opened(new_house, options=SLOW)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, house, "POST", f"{AT}/receipt?taskId=t1", RECEIPT)
        until(lambda: point in [body["point"] for body in house.bodies(EntryKind.FISCAL_STEP)], f"the point {point}")
        house.rig.children["till-printer"].ask("pull", away_ms=1000)
        answer = waiting.result(timeout=60)
    told = {message.get("code") for message in answer["messages"]}
    assert answer["ok"] is True or told & {"E901", "E904"}, answer
    result = finished(house, "t1")
    assert [paper["number"] for paper in papers(house)] == ([result["receiptNumber"]] if result["ok"] else [])
