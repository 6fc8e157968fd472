"""The relay driver at a simulated board, for its tests: how it is started, and what a reply says."""

from __future__ import annotations

from typing import Any

import msgspec

from drivers.contract.core import Problem, Reply
from drivers.simulators.relay import RelayBoard
from tests.support.driver_process import DriverProcess

QUICK = {"answer_ms": 100, "idle_input_ms": 50, "input_ms": 20}
"""Shorter times than a real line needs, so that the tests of silence do not wait for it."""


def start(simulated: RelayBoard, **options: Any) -> DriverProcess:
    return DriverProcess("drivers.relay", {"port": simulated.path, "inputs": 2, **QUICK, **options})


def problem(reply: Reply) -> Problem:
    assert reply.problem is not None, reply
    return reply.problem


def result(reply: Reply, kind: type[Any]) -> Any:
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=kind)
