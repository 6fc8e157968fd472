"""docs/quotas.md: its examples are messages, all of them, and its table has every reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from gateway.wire.quota import Denial, HandOver, Said, Told, decode_said, decode_told

PAGE = (Path(__file__).parents[2] / "docs" / "quotas.md").read_text(encoding="utf-8")


def example(name: str) -> bytes:
    (found,) = re.findall(rf"^```json {name}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found).encode()


def test_the_examples_are_messages_and_each_message_is_shown() -> None:
    said = decode_said(example("quota"), "demo-jelgava").said
    told = decode_told(example("lease"), "demo-jelgava").told
    assert {type(one) for one in said} == set(get_args(Said)) - {HandOver}
    assert {type(one) for one in told} == set(get_args(Told))


def test_every_reason_is_explained() -> None:
    for why in Denial:
        assert f"| `{why}` |" in PAGE
