"""Texts of the pages: four languages with the same keys, and a text for everything that a station may show."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from gateway.api.answers import ChainName, Level
from gateway.model.device import Health
from gateway.model.identification import CredentialKind, Refusal, Strength
from gateway.model.shown import Show
from gateway.stations.gate import REASONS as GATE_REASONS
from gateway.stations.pairing import Verdict
from gateway.stations.registering import REASONS

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "gateway" / "api" / "static"
LANGUAGES = ("lv", "lt", "en", "ru")
CATALOGUES: dict[str, dict[str, str]] = {
    language: json.loads((STATIC / "i18n" / f"{language}.json").read_text("utf-8")) for language in LANGUAGES
}
KINDS = ("desk", "gate", "till")
GROUPS = (
    "badge|chain|column|credential|day|group|health|kind|left|level|look|marks|means|overview|reason|staff|state"
    "|strength|sum|verdict"
)


def shown_reasons() -> set[str]:
    """Every reason that the stations' code writes down, a made one up to its first variable part."""
    found: set[str] = set()
    for file in (*(ROOT / "gateway" / "stations").glob("*.py"), *(ROOT / "gateway" / "fiscal").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "reason":
                value = node.value
                if isinstance(value, ast.JoinedStr):
                    value = value.values[0]
                if isinstance(value, ast.Constant) and value.value:
                    found.add(str(value.value).rstrip("_"))
            elif isinstance(node, ast.FunctionDef) and node.name == "_hindrance":
                returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                found |= {str(one.value) for one in returned if isinstance(one, ast.Constant) and one.value}
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "_refuse":
                found |= {str(a.value) for a in node.args if isinstance(a, ast.Constant) and a.value}
    return found


def test_all_languages_have_the_same_keys_in_the_same_order() -> None:
    for language in LANGUAGES:
        assert list(CATALOGUES[language]) == sorted(CATALOGUES["en"]), language


def test_no_text_is_empty_or_forgotten_in_another_language() -> None:
    for language in LANGUAGES:
        assert all(text.strip() for text in CATALOGUES[language].values())
    for key in (key for key in CATALOGUES["en"] if key.startswith(("state.", "reason."))):
        assert len({CATALOGUES[language][key] for language in LANGUAGES}) == len(LANGUAGES), key


def test_the_reasons_are_found_where_stations_write_them() -> None:
    assert {
        "stale",
        "busy",
        "no_passage",
        "payment_due",
        "gate_not_ready",
        "group_not_here",
        "restart_at",
    } <= shown_reasons()


@pytest.mark.parametrize(
    "key",
    [
        *(f"state.{show}.{part}" for show in Show for part in ("title", "detail")),
        *(f"reason.{refusal}" for refusal in Refusal),
        *(f"reason.{reason}" for reason in sorted(shown_reasons() | GATE_REASONS)),
        *(f"health.{health}" for health in Health),
        *(f"chain.{chain}" for chain in ChainName),
        *(f"level.{level}" for level in Level),
        *(f"credential.{kind}" for kind in CredentialKind),
        *(f"strength.{strength}" for strength in Strength),
        *(f"kind.{kind}" for kind in KINDS),
        *(f"verdict.{verdict}" for verdict in Verdict),
        *(f"reason.{reason}" for reason in (*REASONS.values(), "confirm", "unknown_register", "library_differs")),
    ],
)
def test_there_is_a_text_for(key: str) -> None:
    assert key in CATALOGUES["en"]


def test_every_state_of_the_page_has_texts_an_icon_and_every_show_a_state() -> None:
    script = (STATIC / "states.js").read_text("utf-8")
    holds = re.search(r"HOLD_MS = \{(.*?)\}", script, re.DOTALL)
    resting = re.search(r"STATES = \[(.*?), \.\.\.", script)
    assert holds is not None
    assert resting is not None
    states = {*re.findall(r"(\w+): ", holds[1]), *re.findall(r'"(\w+)"', resting[1])}
    icons = set(re.findall(r"^  (\w+): \[", (STATIC / "icons.js").read_text("utf-8"), re.MULTILINE))
    assert {str(show) for show in Show} <= states
    assert states <= icons
    for state in states:
        assert {f"state.{state}.title", f"state.{state}.detail"} <= set(CATALOGUES["en"])


def test_every_text_that_a_page_names_exists_and_every_text_is_named() -> None:
    sources = "".join(file.read_text("utf-8") for kind in ("*.js", "*.html") for file in sorted(STATIC.glob(kind)))
    named = set(re.findall(rf"[\"'`]((?:{GROUPS})\.[a-z_.]*[a-z_])[\"'`]", sources))
    patterns = {re.escape(p) for p in re.findall(rf"`((?:{GROUPS})\.)\$\{{", sources)}
    columns = {f"column.{name}" for name in re.findall(r'^    \["(\w+)", ', sources, re.MULTILINE)}
    keys = set(CATALOGUES["en"])
    assert named <= keys
    unused = {key for key in keys - named - columns if not any(re.match(p, key) for p in patterns)}
    assert unused == set()


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline() -> None:
    for file in STATIC.rglob("*.html"):
        html = file.read_text("utf-8")
        assert "<style" not in html
        assert " style=" not in html
        assert not re.search(r"<script(?![^>]*\ssrc=)", html)
        assert not re.search(r"\son\w+=", html)
    for file in (file for file in STATIC.rglob("*") if file.suffix in (".html", ".css", ".js")):
        urls = set(re.findall(r"https?://[^\s\"']+", file.read_text("utf-8")))
        assert urls <= {"http://www.w3.org/2000/svg"}, file
