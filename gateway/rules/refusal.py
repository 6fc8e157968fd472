"""A refusal of a rule document that keeps its faults apart: whoever knows their files and rows can place them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.model.errors import InputRefused

SHOWN = 10
"""Faults named in one refusal."""
ADVICE = "docs/rules.md says what each field means"


class Fault(NamedTuple):
    """One thing that is wrong. `rule` is the id of the rule in which it stands, empty where there is none; `of_name`
    says that it is the name at the end of the path, not what stands under it."""

    path: str
    what: str
    rule: str = ""
    advice: str = ADVICE
    of_name: bool = False

    @property
    def said(self) -> str:
        """Authors think in ids, not in indexes."""
        return f"rule {self.rule!r}: {self.what}" if self.rule else self.what


class DocumentRefused(InputRefused):
    """`faults` are the first `SHOWN` of them. `senseless`: their types are right."""

    code = "rules_document"

    def __init__(self, faults: Sequence[Fault], *, senseless: bool = False) -> None:
        shown = tuple(faults[:SHOWN])
        text = shown[0].said
        if len(shown) > 1:
            text = "; ".join([text, *(f"{one.said} - at `{one.path}`" for one in shown[1:])])
        more = " and more" if len(faults) > SHOWN else ""
        advice = shown[0].advice if len({one.advice for one in shown}) == 1 else ADVICE
        super().__init__(text + more, advice, where=shown[0].path)
        self.faults = tuple(faults)
        self.senseless = senseless

    def placed(self, place: Callable[[Fault], str]) -> DocumentRefused:
        """The same with other places."""
        return DocumentRefused([one._replace(path=place(one)) for one in self.faults], senseless=self.senseless)
