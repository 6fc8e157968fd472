"""Files of holders: what is read, what is refused, and that nothing of a refused row is repeated."""

from __future__ import annotations

import contextlib
import csv
import io

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gateway.centre.people_file import (
    COLUMNS,
    Action,
    CardRow,
    HolderRow,
    read_cards,
    read_holders,
    read_replacements,
)
from gateway.centre.people_staging import CardKey, Staged
from gateway.centre.people_times import Entitlement, canonical, parse_entitlement, parse_time, stored
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire.contents import Standing
from gateway.wire.credentials import digest
from tests.centre.people import KEY, RIGA

UID = "04:A2:B3:C4:D5:E6:80"
WINTER = 1_767_218_400_000
"""2026-01-01 00:00 in Riga."""
DAY = 86_400_000


def rows(text: str | bytes) -> list[HolderRow]:
    data = text.encode() if isinstance(text, str) else text
    return [row for _, row in read_holders(io.BytesIO(data))]


def test_csv_and_json_say_the_same() -> None:
    said = HolderRow(
        holder="h-1",
        entitlements=("pupil", "senior[5..9]"),
        language="lv",
        credentials=(
            CardRow(
                kind=CredentialKind.PASS, id="P-1", issuer="jelgava", standing=Standing.BLOCKED, from_ms=5, until_ms=9
            ),
        ),
    )
    head = "holder,entitlements,language,kind,id,issuer,standing,from_ms,until_ms\n"
    assert rows(head + "h-1,pupil senior[5..9],lv,pass, P-1 ,jelgava,blocked,5,9\n") == [said]
    assert rows(b"\xef\xbb\xbf" + msgspec.json.encode([said])) == [said]


def test_what_has_no_column_is_not_said_and_an_empty_cell_says_none() -> None:
    (bare,) = rows("holder,kind,id\nh-1,barcode,1\n")
    assert (bare.entitlements, bare.language, bare.action) == (UNSET, UNSET, Action.SET)
    card = bare.credentials[0]
    assert (card.standing, card.from_ms, card.until_ms, card.temporary, card.replaced_by) == (UNSET,) * 5
    (empty,) = rows(
        "holder,entitlements,language,kind,id,standing,until_ms,temporary,replaced_by\nh-1,,,barcode,1,,,,\n"
    )
    assert (empty.entitlements, empty.language) == ((), None)
    card = empty.credentials[0]
    assert (card.standing, card.until_ms, card.temporary, card.replaced_by) == (UNSET, 0, False, None)


def test_a_holder_without_a_card() -> None:
    (row,) = rows("holder,entitlements,kind,id\nh-1,senior,,\n")
    assert (row.entitlements, row.credentials) == (("senior",), ())


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("04A2B3C4D5E680,h-1\n04A2B3C4D5E681,h-2\n", "row 1"),  # no first row: an id would be a column's name
        ("holder,kind,id,04A2B3C4\nh-1,card,x,y\n", "row 1"),
        ("holder,holder\nh-1,h-2\n", "row 1"),
        ("", "row 1"),
        ("holder,kind,id\nh-1,card\n", "row 2"),
        ("holder,kind,id\nh-1,card,1,secret\n", "row 2"),
        ("holder,kind,id\nh-1,secret,1\n", "row 2"),
        ("holder,kind,id\n,card,secret\n", "row 2"),
        ("holder,kind,id,standing\nh-1,card,1,secret\n", "row 2"),
        ("holder,kind,id,until_ms\nh-1,card,1,secret\n", "row 2"),
        ("holder,kind,id,digest\nh-1,card,,secret\n", "row 2"),
        ("holder,residence\nh-1,Secret\n", "row 2"),
        ("holder,born\nh-1,secret\n", "row 2"),
        ('holder,kind,id\nh-1,card,"sec"ret\n', "after row 1"),
        ('{"holder": "secret"}', ""),
        ('[{"holder": "h-1"}, {"holder": "h-2", "secret": 1}]', "item 2"),
        ('[{"holder": "h-1", "credentials": [{"kind": "card", "id": "1", "secret": 1}]}]', "item 1"),
        ('[{"holder": "h-1", "credentials": [{"kind": "secret", "id": "1"}]}]', "item 1"),
        ('[{"holder": "h-1"', ""),
        ('["secret"]', "item 1"),
    ],
)
def test_a_fault_is_told_by_row_and_nothing_of_it_is_repeated(text: str, where: str) -> None:
    with pytest.raises(InputRefused) as refused:
        rows(text)
    assert refused.value.where == where
    for clear in ("secret", "04A2", "sec"):
        assert clear not in str(refused.value).replace("seconds", "")
    assert refused.value.__cause__ is None


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InputRefused, match="UTF-8"):
        rows(b"holder,kind,id\nh-1,card,\xff\xfe\n")
    with pytest.raises(InputRefused, match="UTF-8"):
        rows(b'[{"holder": "\xff"}]')


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_holders, read_cards, read_replacements):
        with contextlib.suppress(InputRefused):
            list(read(io.BytesIO(data)))


CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "card",
        "barcode",
        "set",
        "jelgava",
        "1946-11-24",
        "end",
        "active",
        "blocked",
        "5",
        "true",
        "2026-01-01",
        "pupil[..5]",
        UID,
    ]
)


@given(
    st.lists(st.sampled_from(COLUMNS), unique=True, min_size=1).flatmap(
        lambda names: st.tuples(st.just(names), st.lists(st.tuples(*[CELL] * len(names)), max_size=5))
    )
)
def test_any_table_is_staged_or_refused(table: tuple[list[str], list[tuple[str, ...]]]) -> None:
    names, lines = table
    out = io.StringIO()
    csv.writer(out).writerows([names, *lines])
    for delta in (False, True):
        with contextlib.suppress(InputRefused), Staged(KEY, RIGA, delta=delta) as staged:
            staged.read(read_holders(io.BytesIO(out.getvalue().encode())))


# Times and entitlements ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pupil", Entitlement("pupil")),
        ("pupil[5..9]", Entitlement("pupil", 5, 9)),
        ("pupil[..9]", Entitlement("pupil", 0, 9)),
        ("p.1-x[2026-01-01..2026-01-01]", Entitlement("p.1-x", WINTER, WINTER + DAY)),  # the last day counts
        ("pupil[2026-01-01T00:00..]", Entitlement("pupil", WINTER, 0)),
        ("pupil[2026-01-01T00:00+00:00..]", Entitlement("pupil", WINTER + 7_200_000, 0)),
    ],
)
def test_entitlements(text: str, found: Entitlement) -> None:
    assert parse_entitlement(text, RIGA) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Pupil",
        "pupil[",
        "pupil[5]",
        "pupil[9..5]",
        "pupil[5..5]",
        "pupil[x..]",
        "pupil[-5..]",
        "pupil[99999-01-01..]",
    ],
)
def test_no_entitlements(text: str) -> None:
    with pytest.raises(InputRefused) as refused:
        parse_entitlement(text, RIGA)
    assert "99999" not in str(refused.value)


def test_a_day_is_a_day_somewhere() -> None:
    with pytest.raises(InputRefused, match="--zone"):
        parse_time("2026-01-01", None)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(InputRefused):
        assert parse_time(text, RIGA) >= 0


HELD = st.builds(
    lambda code, since, long: Entitlement(code, since, since + long if long else 0),
    st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,31}", fullmatch=True),
    st.integers(0, 2**52),
    st.integers(0, 2**52),
)


@given(st.lists(HELD, max_size=8))
def test_the_stored_form_is_one_whatever_the_order_and_loses_nothing(held: list[Entitlement]) -> None:
    text = canonical(tuple(map(str, held)), None)
    assert stored(text) == tuple(sorted(set(held)))
    assert canonical(tuple(map(str, reversed(held))), None) == text
    assert canonical(tuple(text.split()), None) == text


# Staging -------------------------------------------------------------------------------------------------


def staged(text: str, key: CardKey = KEY, *, delta: bool = False) -> tuple[int, int]:
    with Staged(key, RIGA, delta=delta) as laid:
        laid.read(read_holders(io.BytesIO(text.encode())))
        return laid.holders, laid.cards


def test_ids_become_digests_and_digests_stay() -> None:
    uid = digest(bytes(range(32)), CredentialKind.CARD, bytes.fromhex("04a2b3c4d5e680"))
    text = f"holder,kind,id,digest\nh-1,card,{UID},\nh-1,card,,{'ab' * 32}\n"
    with Staged(KEY) as laid:
        laid.read(read_holders(io.BytesIO(text.encode())))
        assert laid.has_card(uid)
        assert laid.has_card(b"\xab" * 32)
        assert laid.has_holder("h-1")
        assert not laid.has_holder("h-2")


def test_no_clear_id_waits_in_the_private_database() -> None:
    with Staged(KEY) as laid:
        laid.read(read_holders(io.BytesIO(f"holder,kind,id\nh-1,card,{UID}\nh-1,barcode,canary\n".encode())))
        kept = laid._db.serialize().lower()
    assert b"h-1" in kept
    for clear in (b"canary", b"04a2b3", b"04:a2", bytes.fromhex("04a2b3c4d5e680")):
        assert clear not in kept


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"h-2,,card,{UID},,,,", "was there before"),
        ("h-1,other,barcode,1,,,,", "differs from the holder's first row"),
        ("h-2,,card,nohex,,,,", "UID"),
        (f"h-2,,card,{UID},{'ab' * 32},,,", "either an id or a digest"),
        ("h-2,,card,,,,,", "either an id or a digest"),
        ("h-2,Nobody,barcode,1,,,,", "an entitlement that is none"),
        ("h-2,,barcode,1,,2026-13-01,,", "a time that is none"),
        (f"h-2,,barcode,1,,,active,{'cd' * 32}", "replaced card that is not blocked"),
    ],
)
def test_what_cannot_be_staged_is_told_by_row(line: str, said: str) -> None:
    head = "holder,entitlements,kind,id,digest,until,standing,replaced_by"
    with pytest.raises(InputRefused, match=said) as refused:
        staged(f"{head}\nh-1,,card,{UID},,,,\n{line}\n")
    assert refused.value.where == "row 3"
    assert "nohex" not in str(refused.value)


def test_a_clear_id_needs_the_key() -> None:
    with pytest.raises(InputRefused, match="--card-key"):
        staged("holder,kind,id\nh-1,barcode,1\n", CardKey("k1"))
    assert staged(f"holder,kind,digest\nh-1,barcode,{'ab' * 32}\n", CardKey("k1")) == (1, 1)


def test_only_a_delta_ends_somebody() -> None:
    text = "holder,action\nh-1,end\n"
    assert staged(text, delta=True) == (1, 0)
    with pytest.raises(InputRefused, match="full import"):
        staged(text)


def test_the_key_is_in_no_repr() -> None:
    assert repr(KEY) == "CardKey('k1')"
    assert "A2" not in repr(rows(f"holder,kind,id\nh-1,card,{UID}\n"))
