"""Clear ids in, digests out; only the entitlements that a place's rules use."""

from __future__ import annotations

import contextlib
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.holders import (
    Asked,
    ImportedHolder,
    asked_by,
    build_blocks,
    build_registry,
    read_cards,
    read_csv,
    read_json,
)
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.rules.document import RulesContent
from gateway.wire.contents import RegistryContent, Standing
from gateway.wire.credentials import barcode, digest, pass_id

KEY = bytes(range(32))
UID = "04:A2:B3:C4:D5:E6:80"
ALL = Asked(frozenset(("pupil", "senior", "disabled-1")))

CSV = f"""holder,entitlements,language,kind,id,issuer,standing,from_ms,until_ms
h-1,pupil resident,lv,card,{UID},,,,
h-1,pupil resident,lv,pass,P-77,jelgava,blocked,5,9
h-2,,,barcode, 2900001234567 ,,,,
h-3,senior,,,,,,,
"""


def registry(holders: list[ImportedHolder], asked: Asked = ALL) -> RegistryContent:
    return build_registry(holders, KEY, "k1", asked)


def test_credentials_become_digests_of_their_canonical_ids() -> None:
    by_kind = {credential.kind: credential for credential in registry(read_csv(CSV)).credentials}
    uid = bytes.fromhex("04a2b3c4d5e680")
    assert by_kind[CredentialKind.CARD].digest == digest(KEY, CredentialKind.CARD, uid).hex()
    code = barcode(b"2900001234567")
    assert code is not None
    assert by_kind[CredentialKind.BARCODE].digest == digest(KEY, CredentialKind.BARCODE, code).hex()
    shown = by_kind[CredentialKind.PASS]
    assert shown.digest == digest(KEY, CredentialKind.PASS, pass_id("jelgava", "P-77")).hex()
    assert (shown.holder, shown.standing, shown.from_ms, shown.until_ms) == ("h-1", Standing.BLOCKED, 5, 9)


def test_no_clear_id_is_in_the_registry() -> None:
    encoded = msgspec.json.encode(registry(read_csv(CSV))).lower()
    for clear in (b"04a2b3", b"04:a2", b"p-77", b"2900001234567"):
        assert clear not in encoded


def test_only_entitlements_that_the_rules_use_leave_the_centre() -> None:
    rule = {
        "id": "pupils",
        "version": 1,
        "title": {"en": "Pupils"},
        "legal_basis": "Council 1/2026",
        "give": {"kind": "percent", "basis_points": 5000},
        "payers": [{"party": "city", "form": "discount", "rest": True}],
        "who": {"any_of_groups": ["pupil"]},
    }
    everyone = {name: value for name, value in rule.items() if name != "who"} | {"id": "all"}
    rules = msgspec.convert({"schema": 1, "rules": [rule, everyone]}, RulesContent)
    assert asked_by(rules) == Asked(frozenset({"pupil"}))
    holders = registry(read_csv(CSV), asked_by(rules)).holders
    assert {holder.id: holder.entitlements for holder in holders} == {"h-1": ("pupil",), "h-2": (), "h-3": ()}


LIVING = """holder,residence,born,kind,id
h-1,jelgava,2012-02-29,barcode,1
h-1,jelgava,2012-02-29,barcode,2
h-2,,,barcode,3
"""


@pytest.mark.parametrize(
    ("asked", "residence", "born"),
    [
        (Asked(), None, None),
        (Asked(residence=True), "jelgava", None),
        (Asked(born=True), None, date(2012, 2, 29)),
        (Asked(residence=True, born=True), "jelgava", date(2012, 2, 29)),
    ],
)
def test_residence_and_birth_leave_only_where_the_rules_ask(
    asked: Asked, residence: str | None, born: date | None
) -> None:
    first, second = registry(read_csv(LIVING), asked).holders
    assert (first.residence, first.born) == (residence, born)
    assert (second.residence, second.born) == (None, None)
    assert read_json(msgspec.json.encode(read_csv(LIVING))) == read_csv(LIVING)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("h-9,Secret,,,", "row 5: wrong or unknown: residence"),
        ("h-9,,29.02.2012,,", "row 5: wrong or unknown: born"),
        ("h-9,,1880-12-31,,", "holder 3: born: before 1881"),
        ("h-1,jelgava,2012-02-28,barcode,4", "row 5: differs"),
        ("h-1,siauliai,2012-02-29,barcode,4", "row 5: differs"),
    ],
)
def test_a_wrong_one_is_told_by_row_and_column(row: str, told: str) -> None:
    with pytest.raises(InputRefused, match=told) as refused:
        registry(read_csv(LIVING + row + "\n"), Asked())
    assert "Secret" not in str(refused.value)


def test_the_same_holders_in_another_order_give_the_same_bytes() -> None:
    holders = read_csv(CSV)
    assert msgspec.json.encode(registry(holders)) == msgspec.json.encode(registry(holders[::-1]))


def test_json_and_csv_say_the_same() -> None:
    holders = read_csv(CSV)
    assert read_json(msgspec.json.encode(holders)) == holders


def test_an_access_card_is_the_same_as_it_is_printed_and_as_its_reader_hands_it_on() -> None:
    printed, read = (
        registry(read_csv(f"holder,kind,id\nh-1,access_card,{id}\n")) for id in ("h10301:12:34567", "24:0C8707")
    )
    assert printed.credentials == read.credentials
    assert printed.credentials[0].kind is CredentialKind.ACCESS_CARD


def test_a_sun_card_is_another_credential_than_a_card_of_the_same_uid() -> None:
    text = f"holder,kind,id\nh-1,card,{UID}\nh-1,sun_card,{UID}\n"
    assert len({credential.digest for credential in registry(read_csv(text)).credentials}) == 2


def test_a_beacon_is_one_credential_however_it_is_written() -> None:
    uuid = "f7826da6-4fa2-4e98-8024-bc5b71e0893e"
    (one,) = registry(read_csv(f"holder,kind,id\nh-1,beacon,iBeacon:{uuid.upper()}:1:7\n")).credentials
    canonical = f"ibeacon:{uuid.replace('-', '')}:1:7".encode()
    assert (one.kind, one.digest) == (CredentialKind.BEACON, digest(KEY, CredentialKind.BEACON, canonical).hex())


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (f"h-9,,,card,{UID},,,,", "holder 4"),  # h-1 has it
        ("h-9,,,card,04A2B3,,,,", "holder 4"),
        ("h-9,,,card,nohexhere,,,,", "holder 4"),
        ("h-9,,,pass,P-1,,,,", "holder 4"),  # no issuer
        ("h-9,,,barcode,sëcret,,,,", "holder 4"),
        ("h-9,,,beacon,ibeacon:secret:1:2,,,,", "holder 4"),
        ("h-9,,,access_card,h10301:256:secret,,,,", "holder 4"),
        ("h-9,,,voucher,secret,,,,", "row 6"),
        ("h-9,,,card,secret,,gone,,", "row 6"),
        ("h-1,senior,lv,card,04A2B3C4,,,,", "row 6"),  # other entitlements than its first row
        ("h-9,card", "row 6"),
    ],
)
def test_a_fault_is_told_by_row_and_never_by_id(row: str, where: str) -> None:
    with pytest.raises(InputRefused) as refused:
        registry(read_csv(CSV + row + "\n"))
    said = str(refused.value)
    assert where in said
    for clear in ("04A2", "04:A2", "secret", "sëcret", "nohex", "P-1"):
        assert clear not in said


@pytest.mark.parametrize("text", [f"{UID},h-1\n{UID},h-2\n", f"h-1,{UID}\nh-2,{UID}\n"])
def test_a_file_without_its_first_row_does_not_tell_its_ids(text: str) -> None:
    with pytest.raises(InputRefused, match="row 2") as refused:
        read_csv(text)
    assert "04:A2" not in str(refused.value)


def test_repr_hides_the_id() -> None:
    assert "A2" not in repr(read_csv(CSV))
    assert "P-77" not in repr(read_csv(CSV))


def test_a_holder_named_twice_is_refused() -> None:
    holders = read_csv(CSV)
    with pytest.raises(InputRefused, match="used before"):
        registry([*holders, holders[0]])


def test_entitlements_with_dates_are_not_dropped_in_silence() -> None:
    with pytest.raises(InputRefused, match="holder 1: entitlements with dates"):
        registry(read_csv("holder,entitlements\nh-1,pupil[2026-09-01..2027-05-31]\n"))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InputRefused, match="32"):
        build_registry([], b"short", "k1", ALL)


@given(st.binary(max_size=200))
def test_any_bytes_are_holders_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputRefused):
        read_json(data)


@given(st.text(max_size=200))
def test_any_text_is_holders_or_refused(text: str) -> None:
    for prefix in ("", "holder,entitlements,language,kind,id,issuer,standing,from_ms,until_ms\n"):
        with contextlib.suppress(InputRefused):
            read_csv(prefix + text)


# Blocked cards -------------------------------------------------------------------------------------------


def test_cards_to_block_become_the_digests_that_a_registry_has() -> None:
    known = {card.digest for card in registry(read_csv(CSV)).credentials if card.kind is CredentialKind.CARD}
    for data in (b"kind,id\ncard,%s\n" % UID.encode(), b'[{"kind":"card","id":"%s"}]' % UID.encode()):
        blocks = build_blocks(read_cards(data), KEY, "k1")
        assert (blocks.key_id, set(blocks.digests)) == ("k1", known)


@pytest.mark.parametrize(
    "data",
    [
        b"card,secret\n",
        b"kind\ncard\n",
        b"kind,id\ncard,secret\n",
        b"kind,id\ncard,\n",
        b"kind,id\n,\n",
        b'[{"kind":"card","id":"secret"}]',
        b'[{"kind":"card"}]',
        b"\xff",
    ],
)
def test_a_list_that_would_block_less_than_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(InputRefused) as refused:
        build_blocks(read_cards(data), KEY, "k1")
    assert "secret" not in str(refused.value)


def test_more_cards_than_travel_whole_are_refused() -> None:
    rows = "".join(f"card,{n:08x}\n" for n in range(901))
    with pytest.raises(InputRefused, match="901 cards"):
        build_blocks(read_cards(b"kind,id\n" + rows.encode()), KEY, "k1")


@given(st.binary(max_size=200))
def test_any_bytes_are_cards_or_refused(data: bytes) -> None:
    for prefix in (b"", b"kind,id,issuer\n", b"["):
        with contextlib.suppress(InputRefused):
            read_cards(prefix + data)


@pytest.mark.parametrize("written", ["6a6f6e6173", "6A6F6E6173", "6A:6F:6E:61:73", "6a 6f 6e 61 73"])
def test_a_pass_id_in_hex_is_the_same_however_it_is_written(written: str) -> None:
    blocked = build_blocks(read_cards(f"kind,id,issuer\npass,{written},siauliai.passes\n".encode()), KEY, "k1")
    assert blocked.digests == (digest(KEY, CredentialKind.PASS, pass_id("siauliai.passes", b"jonas".hex())).hex(),)


def test_columns_that_only_an_import_knows_are_named_and_no_others() -> None:
    with pytest.raises(InputRefused, match="only an import knows: from, until") as caught:
        read_csv("holder,kind,id,until,from\nh-1,card,04A2B3C4D5E680,2027-05-31,\n")
    assert "smartplace centre holders import" in caught.value.advice
    with pytest.raises(InputRefused) as headless:
        read_csv("h-1,card,04A2B3C4D5E680\nh-2,card,04A2B3C4D5E681\n")
    assert "04A2B3C4D5E68" not in str(headless.value)
