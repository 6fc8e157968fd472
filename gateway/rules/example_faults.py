"""Whether the examples inside a document have the form of examples, before any of them is run. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gateway.model.errors import InputRefused
from gateway.model.receipt import Receipt
from gateway.rules.document import RulesContent
from gateway.rules.evaluate import read_part
from gateway.rules.examples import Example
from gateway.rules.refusal import Fault
from gateway.rules.setting import Person, setting_of
from gateway.rules.unreadable import type_fault


def example_faults(content: RulesContent) -> Iterator[Fault]:
    """The faults of each example, with their paths in the document."""
    for number, raw in enumerate(content.examples):
        for fault in _faults(bytes(raw)):
            yield fault._replace(path=f"$.examples[{number}]{fault.path[1:]}")


def _faults(raw: bytes) -> Iterator[Fault]:
    if (fault := type_fault(raw, Example)) is not None:
        yield fault
        return
    example = msgspec.json.decode(raw, type=Example)
    try:
        read_part(bytes(example.receipt), Receipt, "receipt")
        if example.holder is not msgspec.UNSET:
            read_part(bytes(example.holder), Person, "holder")
        setting_of(example.setting, example.at)
    except InputRefused as refused:
        part, _, path = refused.where.partition(": ")
        yield Fault(f"$.{part}{path[1:]}", refused.what, advice=refused.advice)
    if not example.expect:
        yield Fault("$.expect", "nothing is expected", advice="Say what is to come out, or take the example out")
