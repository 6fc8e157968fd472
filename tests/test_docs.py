"""What the pages say is so: links, verbs, paths, examples. And nothing in the repository belongs to one machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from gateway.centre.publisher import read_bundle
from gateway.cli.main import cli
from gateway.model import chain
from gateway.model.bodies import BODIES
from gateway.model.entry import EntryKind, Stream
from gateway.model.gate_bodies import AdmissionBody
from gateway.model.identification import CredentialKind, Refusal
from gateway.model.shown import Show
from gateway.wire import commands, messages
from gateway.wire.bundle import Manifest, SignedBundle, parse_public_key, verify
from gateway.wire.envelope import Event, decode_batch
from gateway.wire.topics import Topics, centre_filters

ROOT = Path(__file__).parents[1]

TOP = {
    "gateway", "drivers", "config", "systemd", "firmware-tools", "tests", "docs", ".ci",
    ".gitignore", "pyproject.toml", "Makefile", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md",
    "SECURITY.md", "requirements.txt", "requirements-dev.txt", "requirements-pcsc.txt", "requirements-build.txt",
    "requirements-build.in", "requirements-fuzz.txt",
}  # fmt: skip

MADE = (".venv", "demo-state")
"""What README's own commands make."""


def tracked() -> list[Path]:
    """Every file of the repository that is there, relative to its root."""
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30)
    return [path for name in told.stdout.decode().split("\0") if name and (ROOT / (path := Path(name))).is_file()]


FILES = tracked()
PAGES = [path for path in FILES if path.suffix == ".md"]
LOCKS = [path for path in FILES if path.name.startswith("requirements")]


def text_of(path: Path) -> str:
    """A tracked file's text; of one that is no text, what can be read as such."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def page(name: str) -> str:
    return text_of(Path("docs") / name)


def block(name: str, language: str) -> str:
    """The one fenced block of a page with this info string."""
    found = re.findall(rf"^```{re.escape(language)}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{name} has {len(found)} blocks {language!r}"
    return str(found[0])


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


# Links ---------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """What can follow `#` in a link to this page, as GitHub and GitLab make it of headings."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text_of(path))):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_every_relative_link_leads_somewhere_in_the_repository(path: Path) -> None:
    for target in links(path):
        name, _, anchor = target.partition("#")
        there = (ROOT / path.parent / name).resolve() if name else ROOT / path
        assert there.is_relative_to(ROOT), f"{target} leads out of the repository"
        assert there.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{target}: no such heading"


def test_every_page_is_in_the_index() -> None:
    indexed = {target.partition("#")[0] for target in links(Path("docs/README.md"))}
    pages = {str(path.relative_to("docs")) for path in PAGES if path.is_relative_to("docs")}
    assert pages - indexed - {"README.md"} == set()


def test_every_page_that_the_program_points_to_is_there() -> None:
    named = {
        (path, name)
        for path in FILES
        if path.parts[0] != "tests"
        for name in re.findall(r"\bdocs/[a-z0-9_/-]+\.md\b", text_of(path))
    }
    missing = {(path, name) for path, name in named if not (ROOT / name).exists()}
    assert set(missing) == set()


# Commands and paths --------------------------------------------------------------------------------------


def code_lines(text: str) -> Iterator[str]:
    """Lines of code blocks (fenced or indented) and code spans: where a command is meant to be typed."""
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line
        else:
            yield from re.findall(r"`([^`]+)`", line)


def verbs(text: str) -> Iterator[list[str]]:
    """What follows `smartplace` wherever it is a command."""
    for line in code_lines(text):
        words = re.split(r"[\s;|&]+", line.split("#")[0])
        for index, word in enumerate(words):
            is_option_value = index > 0 and words[index - 1].startswith("-")
            if word.rpartition("/")[2] == "smartplace" and not is_option_value:
                yield words[index + 1 :]


def unknown(words: list[str]) -> str:
    """The first word that should be a verb and is none; empty when all is well."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]*", word):
            return ""
        found = command.get_command(click.Context(command), word)
        if found is None:
            return word
        command = found
    return ""


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_every_verb_that_a_page_names_is_there(path: Path) -> None:
    assert [words for words in verbs(text_of(path)) if unknown(words)] == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("`smartplace nothing`", "nothing"),
        ("    sudo -u smartplace smartplace ledger nothing", "nothing"),
        ("`.venv/bin/smartplace ledger verify`", ""),
        ("    sudo install -o smartplace -g smartplace nothing", ""),
        ("smartplace places are words", ""),
    ],
)
def test_wrong_verbs_are_found_and_words_are_not_verbs(line: str, wrong: str) -> None:
    assert next((word for words in verbs(line) if (word := unknown(words))), "") == wrong


def test_every_path_that_the_readme_names_is_there() -> None:
    spans = re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:md|toml|json|txt))`", text_of(Path("README.md")))
    assert len(spans) > 10
    assert [span for span in spans if not span.startswith(MADE) and not (ROOT / span).exists()] == []


def test_every_package_of_the_gateway_is_in_the_readme_and_the_architecture() -> None:
    packages = {path.parts[1] for path in FILES if path.parts[0] == "gateway" and len(path.parts) > 2}
    for text in (text_of(Path("README.md")), page("architecture.md")):
        assert {name for name in packages if f"`gateway/{name}" not in text} == set()


def test_every_wall_that_is_checked_is_told_in_the_architecture() -> None:
    contracts = tomllib.loads(text_of(Path("pyproject.toml")))["tool"]["importlinter"]["contracts"]
    assert {
        contract["name"] for contract in contracts if f"| {contract['name']} |" not in page("architecture.md")
    } == set()


def test_the_readme_names_every_make_target_that_it_uses() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(Path("Makefile")), re.MULTILINE))
    used = {
        name for path in PAGES for line in code_lines(text_of(path)) for name in re.findall(r"\bmake ([a-z-]+)", line)
    }
    assert {"demo", "test"} <= used <= targets


# Words ---------------------------------------------------------------------------------------------------


def first_cells(text: str) -> set[str]:
    """Code spans in the first column of the page's tables."""
    cells = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    return {span for cell in cells for span in re.findall(r"`([^`]+)`", cell)}


def test_every_stream_and_kind_of_entry_has_its_words() -> None:
    words = first_cells(page("words.md"))
    assert {*map(str, Stream), *map(str, EntryKind)} <= words
    assert set(map(str, Stream)) <= first_cells(page("ledger.md"))


def test_every_kind_of_credential_is_told() -> None:
    assert [kind for kind in CredentialKind if f"`{kind}`" not in page("words.md")] == []


def test_every_state_and_reason_of_a_page_is_told() -> None:
    told = first_cells(page("stations.md"))
    assert {*map(str, Show), *map(str, Refusal)} <= told


# Examples on the wire ------------------------------------------------------------------------------------


def example_event() -> bytes:
    return block("sync.md", "json event").encode()


def test_the_example_event_is_an_entry_with_its_digest() -> None:
    (entry,) = decode_batch("jelgava", "demo-jelgava", Stream.IDENTIFICATION, example_event())
    header = entry.header
    assert header.kind is EntryKind.IDENTIFICATION
    assert entry.salt is not None
    assert entry.body is not None
    assert chain.digest(entry.previous, header, chain.commitment(entry.salt, entry.body)) == entry.digest
    assert entry.previous == chain.genesis("demo-jelgava", header.id.epoch, Stream.IDENTIFICATION)
    body = msgspec.json.decode(entry.body, type=BODIES[header.kind])
    assert msgspec.json.encode(body) == entry.body


def test_the_pages_own_verifier_agrees_and_notices_a_change() -> None:
    program: dict[str, Any] = {}
    exec(compile(block("ledger.md", "python"), "docs/ledger.md", "exec"), program)  # noqa: S102 (our own page)
    event = json.loads(example_event())[0]
    (slices,) = msgspec.json.decode(example_event(), type=list[Event])
    data = bytes(slices.data)
    assert program["verify"](event, data)
    assert program["genesis"](event) == chain.genesis("demo-jelgava", event["epoch"], Stream.IDENTIFICATION)
    assert not program["verify"](event, data.replace(b"holder-anna", b"holder-ann4"))
    assert not program["verify"]({**event, "wallms": str(int(event["wallms"]) + 1)}, data)


def test_the_example_of_an_admission_is_one() -> None:
    shown = json.loads(block("sync.md", "json admission"))
    body = msgspec.json.decode(json.dumps(shown), type=AdmissionBody)
    assert json.loads(msgspec.json.encode(body)) == shown
    assert body.decision.due_cents == 0


def test_the_example_of_acks_and_births_are_messages() -> None:
    acks = messages.decode(block("sync.md", "json acks").encode(), messages.Acks, "docs/sync.md")
    assert acks.acks[1].missing == ((11, 12),)
    ordered = messages.decode(block("sync.md", "json command").encode(), commands.Command, "docs/sync.md")
    answered = messages.decode(block("sync.md", "json result").encode(), commands.CommandResult, "docs/sync.md")
    assert ordered.id == answered.id
    shown = block("sync.md", "json state").encode()
    state = messages.decode(shown, messages.State, "docs/sync.md")
    assert json.loads(messages.encode(state)) == json.loads(shown)


def test_the_topics_are_those_of_the_page() -> None:
    topics = Topics("jelgava", "demo-jelgava")
    wanted = {topics.events(Stream.RECEIPT), topics.state, topics.ack, topics.bundle, topics.command, topics.result}
    wanted |= {topics.want, topics.chunk, topics.quota, topics.lease}
    told = {
        topic.replace("CITY", "jelgava")
        .replace("SHARD", "02")
        .replace("GATEWAY", "demo-jelgava")
        .replace("STREAM", "receipt")
        for topic in re.findall(r"^    (sp/\S+)", page("sync.md"), re.MULTILINE)
    }
    assert told == wanted
    assert "`sp/1/CITY/02/+/ev/+`" in page("sync.md")
    assert "sp/1/jelgava/02/+/ev/+" in centre_filters("jelgava", range(2, 3))


def test_the_recipe_for_a_bundle_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.json").write_bytes((ROOT / "config/bundles/demo-rules.json").read_bytes())
    exec(compile(block("sync.md", "python"), "docs/sync.md", "exec"), {})  # noqa: S102 (our own page)
    manifest = verify(read_bundle(Path("rules.bundle")), (parse_public_key(Path("city.pub").read_text("ascii")),))
    assert (manifest.kind, manifest.city, manifest.target) == ("rules", "jelgava", "*")


@pytest.mark.parametrize("kind", [SignedBundle, Manifest])
def test_every_field_of_a_bundle_is_told(kind: type[msgspec.Struct]) -> None:
    assert {field.name for field in msgspec.structs.fields(kind)} <= first_cells(page("sync.md"))


# The repository belongs to no machine --------------------------------------------------------------------

SOMEBODYS_FOLDER = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|workspace|builds)/[\w.-]+")
UPWARDS = re.compile(r"(?<![\w/])(?:\.\./)+[\w.-]+(?:/[\w.-]+)*")
ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|--trusted-host|^-i ", re.MULTILINE)


def test_no_file_names_a_folder_of_one_machine() -> None:
    texts = {path: text_of(path) for path in FILES}
    assert [path for path, text in texts.items() if f"{ROOT}/" in text] == []
    assert {path: found for path, text in texts.items() if (found := SOMEBODYS_FOLDER.findall(text))} == {}


def test_no_file_leans_on_a_folder_beside_the_project() -> None:
    ups = [(path, up) for path in FILES for up in UPWARDS.findall(text_of(path))]
    assert [(path, up) for path, up in ups if not (ROOT / path.parent / up).resolve().is_relative_to(ROOT)] == []


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_locks_name_no_index(path: Path) -> None:
    assert ADDRESS.findall(text_of(path)) == []


def test_what_belongs_to_a_machine_is_recognised() -> None:
    assert SOMEBODYS_FOLDER.search("see " + "/".join(["", "home", "anna", "notes"]))
    assert not SOMEBODYS_FOLDER.search("http://127.0.0.1/home/page")
    assert UPWARDS.findall("from " + "/".join(["..", "shared", "x.md"])) == ["/".join(["..", "shared", "x.md"])]
    assert ADDRESS.search("--index" + "-url " + "https://pypi.example/simple")


def test_the_top_level_holds_what_belongs_there() -> None:
    assert {path.parts[0] for path in FILES} - TOP == set()
