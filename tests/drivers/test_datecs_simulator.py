"""The simulated printer against the documents: what each state accepts, what is refused, what paper keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.simulators.datecs_device import Device
from drivers.simulators.datecs_paper import Document, Paper, read, text
from drivers.simulators.datecs_wire import Broken, Request, RequestReader, answer, checksum

VECTORS = Path(__file__).parent.parent / "data" / "fiscal-vectors.json"
NOT_NOW, SYNTAX, UNKNOWN = (1, 1), (0, 0), (0, 1)
READS = [62, 74, 76, 90, 113]


def bit(status: bytes, place: tuple[int, int]) -> bool:
    return bool(status[place[0]] >> place[1] & 1)


def device(*commands: tuple[int, bytes], paper: Paper | None = None) -> Device:
    printer = Device(paper if paper is not None else Paper())
    for command, data in commands:
        printer.execute(command, data)
    return printer


OPEN = (48, b"1,0000,1")
COFFEE = (49, b"Coffee\tA2.50*2.000,-10.00")
BOOK = (49, b"Book\tC9.90;-0.50")
PART = (53, b"\tD10.00")
ALL = (53, b"\tP20.00")


@pytest.mark.parametrize(
    ("history", "accepted"),
    [
        ([], {48}),
        ([OPEN], {49, 51, 53, 54, 60}),
        ([OPEN, COFFEE, BOOK, PART], {53, 54}),
        ([OPEN, COFFEE, BOOK, ALL], {54, 56}),
    ],
)
def test_each_state_accepts_its_commands_and_no_other(history: list[tuple[int, bytes]], accepted: set[int]) -> None:
    data = dict([OPEN, BOOK, ALL, (51, b"00"), (54, b"text"), (56, b""), (60, b""), (74, b"X"), (90, b"1")])
    taken = set()
    for command in [48, 49, 51, 53, 54, 56, 60, *READS]:
        printer = device(*history)
        stage = printer.stage
        _, status = printer.execute(command, data.get(command, b""))
        if bit(status, NOT_NOW):
            assert printer.stage is stage
        else:
            taken.add(command)
    assert taken == accepted | set(READS)


def test_published_example_makes_the_published_sums() -> None:
    printer = device(OPEN, COFFEE, BOOK)
    assert printer.execute(51, b"00")[0].startswith(b"000001390,000000450,000000000,000000940,")
    assert printer.execute(*ALL)[0] == b"R000000610"
    assert printer.execute(56, b"") == (b"0001,0001", bytes.fromhex("80 80 80 80 86 9A"))
    assert printer.execute(113, b"")[0] == b"0000001"


def test_part_payment_says_what_is_due() -> None:
    assert device(OPEN, COFFEE, BOOK).execute(*PART)[0] == b"D000000390"


def test_three_lines_of_five_cents_lose_a_cent_each_at_ten_percent() -> None:
    printer = device(OPEN, *[(49, b"x\tA0.05,-10.00")] * 3)
    assert printer.total == 12


def test_unknown_command_is_told_in_its_bit() -> None:
    data, status = device().execute(200, b"")
    assert data == b""
    assert bit(status, UNKNOWN)


@pytest.mark.parametrize("data", [b"", b"Coffee", b"Coffee\tZ1.00", b"Coffee\tA1.00*", b"Coffee\tA1.00;-2.00"])
def test_sale_that_is_no_sale_is_a_syntax_error(data: bytes) -> None:
    printer = device(OPEN)
    _, status = printer.execute(49, data)
    assert bit(status, SYNTAX)
    assert printer.total == 0


def test_three_wrong_passwords_lock_until_power_returns() -> None:
    printer = device(*[(48, b"1,9999,1")] * 3)
    assert bit(printer.execute(*OPEN)[1], NOT_NOW)
    printer.power_returns()
    assert not bit(printer.execute(*OPEN)[1], NOT_NOW)


def test_paper_out_refuses_and_changes_nothing() -> None:
    printer = device(OPEN, COFFEE)
    printer.has_paper = False
    _, status = printer.execute(*BOOK)
    assert bit(status, (2, 0))
    assert bit(status, (2, 3))
    printer.has_paper = True
    assert printer.total == 450


def test_requests_of_the_published_examples_are_understood() -> None:
    frames = [
        bytes.fromhex(v["bytes_hex"]) for v in json.loads(VECTORS.read_text("utf-8")) if v["family"] == "datecs-v1"
    ]
    requests = [frame for frame in frames if frame[-13:-12] != b"\x04"]
    for frame in requests:
        assert RequestReader().feed(frame) == [Request(frame[2], frame[3], frame[4:-6])]


def test_answer_is_the_published_one() -> None:
    frame = answer(Request(0x25, 53, b""), b"R0000680", bytes.fromhex("80 80 88 80 86 9A"))
    assert frame.hex(" ").upper() == "01 33 25 35 52 30 30 30 30 36 38 30 04 80 80 88 80 86 9A 05 30 35 36 3E 03"


def test_digits_of_the_checksum_go_on_after_nine() -> None:
    assert checksum(bytes([0xFF] * 27)) == b"1:>5"


def test_broken_request_is_told_and_the_next_one_found() -> None:
    good = bytes.fromhex("01 24 20 4A 05 30 30 39 33 03")
    found = RequestReader().feed(good[:-2] + b"4\x03" + good)
    assert found[-1] == Request(0x20, 74, b"")
    assert set(map(type, found[:-1])) == {Broken}


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=20))
def test_reader_and_device_survive_anything(pieces: list[bytes]) -> None:
    reader, printer = RequestReader(), device(OPEN)
    for piece in pieces:
        for request in reader.feed(piece):
            assert isinstance(request, Request | Broken)
        for command in (48, 49, 51, 53, 54, 56, 60):
            data, status = printer.execute(command, piece)
            assert len(status) == 6
            assert all(byte >= 0x20 for byte in data)


lines = st.lists(st.text(st.characters(blacklist_categories=("C", "Z")), max_size=20), max_size=5)
documents = st.builds(
    lambda number, key, lines, total, payments, closed: Document(
        f"{number:07}", key, (f"Nr. {key}", *lines), total, tuple(payments), closed
    ),
    number=st.integers(1, 9_999_999),
    key=st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
    lines=lines,
    total=st.integers(0, 10**9),
    payments=st.lists(st.tuples(st.sampled_from("PDC"), st.integers(0, 10**9)), max_size=3),
    closed=st.sampled_from([True, "cancelled"]),
)


@settings(deadline=None)
@given(st.lists(documents, max_size=4), st.integers(0, 30))
def test_paper_reads_back_and_a_torn_end_is_no_document(printed: list[Document], torn: int) -> None:
    paper = "".join(map(text, printed))
    assert read(paper) == printed
    assert read(paper + text(Document("0000009", "x", ("Nr. x",), 1, (), True))[:torn]) == printed


def test_number_goes_on_after_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "paper.txt"
    device(OPEN, BOOK, ALL, (56, b""), paper=Paper(journal))
    paper = Paper(journal)
    paper.load()
    device(OPEN, BOOK, (60, b""), paper=paper)
    assert [(document.number, document.closed) for document in read(journal.read_text("utf-8"))] == [
        ("0000001", True),
        ("0000002", "cancelled"),
    ]
