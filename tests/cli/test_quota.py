"""`smartplace quota hand-over` and `bring` as a technician types them, against the real API of a gateway."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.cli.quota import SIZE_MAX
from gateway.wire.quota import MAX_BYTES, HandOver
from tests.api.conftest import Place
from tests.api.test_handovers import word_of
from tests.cli.conftest import ARGV, Gateway, environment, said, smartplace
from tests.quota.world import RIDES, ask, rules
from tests.support.authority import Authority

Done = subprocess.CompletedProcess[str]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A desk, a gate and a till, with a ledger and an API; in a folder of its own."""
    (tmp_path / "place").mkdir()
    made = Place(tmp_path / "place")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def authority(place: Place, tmp_path: Path) -> AsyncIterator[Authority]:
    """A centre that has leased two rides to this gateway."""
    made = Authority(tmp_path / "centre.db", place.clock, rules(RIDES), "gw-test", place.quotas)
    await made.line(True)
    day = datetime.fromtimestamp(place.clock.wall_ms() / 1000, UTC).date()
    await place.quotas.prepare("holder-anna", [ask(RIDES, day)], 20)
    await made.settled()
    yield made
    await made.stop()


async def typed(place: Place, *arguments: str | Path) -> Done:
    """The command, while the gateway goes on."""
    return await asyncio.to_thread(smartplace, "quota", *arguments, "--socket", place.socket_path)


def closed(place: Place) -> list[int]:
    return [row[0] for row in place.ledger.query("SELECT closed FROM quota_lease ORDER BY number")]


# Hand over -----------------------------------------------------------------------------------------------


async def test_the_last_word_is_written_to_a_new_file_for_its_owner_only(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "museum.handover"
    done = await typed(place, "hand-over", file, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"schema": 1, "file": str(file), "life": 1, "leases": 1}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    word = msgspec.json.decode(file.read_bytes(), type=HandOver)
    assert (word.closed, word.key) == (((1, 0, 0),), place.signer.public)
    again = await typed(place, "hand-over", tmp_path / "again", "--yes")
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{tmp_path / 'again'}: the last word of life 1, with 1 lease closed\n"
    assert (tmp_path / "again").read_bytes() == file.read_bytes(), "the same word, however often"


async def test_status_says_that_a_box_has_handed_over_until_it_begins_anew(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    async def decide() -> tuple[str, str]:
        done = await asyncio.to_thread(smartplace, "status", "--json", "--socket", place.socket_path)
        (chain,) = [chain for chain in json.loads(done.stdout)["chains"] if chain["chain"] == "decide"]
        return chain["level"], chain["code"]

    assert await decide() == ("ok", "ok")
    assert (await typed(place, "hand-over", tmp_path / "word", "--yes")).returncode == 0
    assert await decide() == ("warn", "handed_over")
    shown = await asyncio.to_thread(smartplace, "status", "--socket", place.socket_path)
    told = "this gateway has handed over what it held of quotas: it gives nothing that needs one. When 0 wait"
    assert any(line.startswith(f"decide    warn  {told}") for line in shown.stdout.splitlines()), shown.stdout
    await authority.settled()
    authority.store.fence("gw-test")
    await authority.line(True)
    assert await decide() == ("ok", "ok")


async def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_closed(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    file, link = tmp_path / "there", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    for there in (file, link, tmp_path):
        done = await typed(place, "hand-over", there, "--yes")
        assert (done.returncode, done.stdout) == (5, "")
        assert said(done) == [f"error: {there}: it is there already. Give another name; nothing is overwritten"]
    assert (file.read_text(), (tmp_path / "nowhere").exists()) == ("mine", False)
    done = await typed(place, "hand-over", tmp_path / "no" / "such" / "folder", "--yes")
    assert done.returncode == 9
    assert done.stderr.endswith("cannot write: No such file or directory. Nothing was closed\n")
    assert closed(place) == [0]


async def test_it_asks_before_it_does(place: Place, authority: Authority, tmp_path: Path) -> None:
    done = await typed(place, "hand-over", tmp_path / "word")
    assert (done.returncode, done.stdout) == (1, "")
    question, told = done.stderr.splitlines()
    assert question.startswith("Close all that this gateway holds of quotas, for good?")
    assert told == "error: it was not answered with yes, so nothing was done. Where nobody can answer: --yes"
    assert closed(place) == [0]
    assert not (tmp_path / "word").exists()


async def test_a_card_that_is_full_leaves_no_half_a_word_and_the_word_can_be_had_again(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    """`ulimit -f 0`: the file can be made, and nothing be written into it."""
    file = tmp_path / "word"
    typing = [*ARGV, "quota", "hand-over", str(file), "--yes", "--socket", str(place.socket_path)]
    shell = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", *typing]
    done = await asyncio.to_thread(
        subprocess.run, shell, capture_output=True, text=True, timeout=40, env=environment(), stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert "All is closed. Type it again, with a FILE elsewhere: it is the same word" in done.stderr
    assert not file.exists()
    await authority.settled()
    assert (await typed(place, "hand-over", file, "--yes")).returncode == 0
    assert msgspec.json.decode(file.read_bytes(), type=HandOver).closed == ((1, 0, 0),)


async def test_who_is_no_technician_may_do_neither(place: Place, authority: Authority, tmp_path: Path) -> None:
    assert place.api is not None
    await place.api.stop()
    await place.serve(technicians=frozenset())
    (tmp_path / "word").write_bytes(b"{}")
    for verb, file in (("hand-over", tmp_path / "new"), ("bring", tmp_path / "word")):
        done = await typed(place, verb, file, *(["--yes"] if verb == "hand-over" else []))
        assert (done.returncode, done.stdout) == (5, "")
        assert f"Use `smartplace quota {verb}` as root or as the gateway's own user" in done.stderr
    assert closed(place) == [0]
    assert not (tmp_path / "new").exists()


def test_without_a_daemon_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"{}")
    for verb in (("hand-over", tmp_path / "new", "--yes"), ("bring", tmp_path / "word")):
        done = smartplace("quota", *verb, "--socket", tmp_path / "api.sock")
        assert (done.returncode, done.stdout) == (3, "")
        assert "the daemon does not answer" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_gateway_that_was_never_connected_has_nothing_to_hand_over(gateway: Gateway, tmp_path: Path) -> None:
    """A whole daemon, whose broker is not there."""
    done = gateway.ask("quota", "hand-over", str(tmp_path / "word"), "--yes")
    assert (done.returncode, done.stdout) == (5, "")
    assert said(done) == ["error: this gateway has no life that the centre knows. There is nothing to hand over"]
    assert not (tmp_path / "word").exists()


# Bring ---------------------------------------------------------------------------------------------------


async def test_what_was_handed_over_is_brought_to_the_box_that_comes(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "word"
    assert (await typed(place, "hand-over", file, "--yes")).returncode == 0
    (tmp_path / "new-box").mkdir()
    comes = Place(tmp_path / "new-box", place.clock)
    await comes.start()
    done = await typed(comes, "bring", file, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"schema": 1, "file": str(file), "leases": 1}
    done = await typed(comes, "bring", file)
    assert (done.returncode, done.stdout) == (0, "1 lease: kept here, and sent until the centre has it\n")
    assert [row[0] for row in comes.ledger.query("SELECT incarnation FROM quota_handed")] == [1]
    await comes.stop()


async def test_what_is_no_last_word_of_this_gateway_is_refused(
    place: Place, authority: Authority, tmp_path: Path
) -> None:
    whole, file = tmp_path / "whole", tmp_path / "file"
    assert (await typed(place, "hand-over", whole, "--yes")).returncode == 0
    word, foreign = whole.read_bytes(), word_of(place.signer, "museum-1", (1, 0, 0))
    signed = "it is not signed for gw-test: another gateway's, or it was changed"
    for content, code, told in (
        (b"", 5, "no hand-over: "),
        (b"hello", 5, "no hand-over: "),
        (b'{"schema": 1}', 5, "no hand-over: "),
        (word[: len(word) // 2], 5, "no hand-over: "),
        (foreign, 5, signed),
        (word.replace(b"[1, 0, 0]", b"[1, 1, 0]"), 5, signed),
        (word + b" " * SIZE_MAX, 9, "it is larger than any hand-over"),
    ):
        file.write_bytes(content)
        done = await typed(place, "bring", file)
        assert (done.returncode, done.stdout) == (code, ""), content[:80]
        assert told in done.stderr
        assert "the old box" in done.stderr
    for wrong in (tmp_path / "nowhere", tmp_path):
        assert (await typed(place, "bring", wrong)).returncode == 9
    assert place.ledger.query("SELECT * FROM quota_handed") == []


def test_a_file_may_be_as_long_as_a_message_of_the_wire() -> None:
    assert SIZE_MAX == MAX_BYTES


def test_neither_verb_imports_what_it_does_not_need() -> None:
    """On a small Pi each 10 ms here are 100 ms to a person."""
    script = "import sys, gateway.cli.quota; sys.exit(any(name in sys.modules for name in ('msgspec', 'cryptography')))"
    assert subprocess.run([sys.executable, "-c", script], env=environment(), check=False).returncode == 0
