"""The table of labels: read, or refused with every line that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from smartplace_tools.labels.errors import BadTable
from smartplace_tools.labels.table import Label, read_table

from tests.firmware_tools.sheets import TABLE


def complaints(table: str | bytes) -> tuple[str, ...]:
    with pytest.raises(BadTable) as refused:
        read_table(table.encode() if isinstance(table, str) else table)
    return refused.value.complaints


def test_a_table_is_read_with_its_line_numbers() -> None:
    first, *_, last = read_table(TABLE.encode())
    assert first == Label(2, "desk-01", "Jelgavas bibliotēka, abonements", "https://smart.example.lv/s/desk-01")
    assert last.line == 4


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_row_decides_the_separator(separator: str) -> None:
    """Spreadsheets of Latvia and Lithuania write semicolons."""
    table = f"payload{separator}id{separator}text\nhttps://a.lv{separator}desk-01{separator}Galds\n"
    assert read_table(table.encode()) == (Label(2, "desk-01", "Galds", "https://a.lv"),)


def test_a_byte_order_mark_windows_line_ends_and_blank_rows_do_not_disturb() -> None:
    table = "\ufeffid,text,payload\r\n\r\ndesk-01,Galds,x\r\n,,\r\n"
    assert read_table(table.encode()) == (Label(3, "desk-01", "Galds", "x"),)


def test_further_columns_are_passed_over() -> None:
    assert read_table(b"id,room,text,payload\ndesk-01,4,Galds,x\n")[0].payload == "x"


def test_letters_built_from_parts_become_whole() -> None:
    """A Mac writes a letter and its mark apart; a font has them as one."""
    assert read_table("id,text,payload\ndesk-01,ga\u0304rs,x\n".encode())[0].text == "gārs"


def test_everything_wrong_is_said_at_once_with_its_line() -> None:
    table = "id,text,payload\nab,Galds,x\ndesk-01,,x\ndesk-02,Galds,\nDESK01,Galds,x\ndesk-04,Galds\n"
    assert complaints(table) == (
        "line 2: id 'ab' is not 3 to 32 letters a-z, digits and hyphens",
        "line 3: text is empty",
        "line 4: payload is empty",
        "line 5: id 'DESK01' stands in line 3 already",
        "line 6: 2 columns where the header has at least 3",
    )


def test_a_row_that_spans_lines_is_counted_where_it_begins() -> None:
    table = 'id,text,payload\ndesk-01,"two\nlines",x\nab,Galds,x\n'
    assert [line.split(":")[0] for line in complaints(table)] == ["line 2", "line 4"]


def test_a_missing_column_is_named() -> None:
    assert complaints("id,text\ndesk-01,Galds\n") == ("line 1: column payload must be there once (found: id, text)",)


def test_a_file_in_another_encoding_says_where_and_what_to_do() -> None:
    [complaint] = complaints("id,text,payload\ndesk-01,bibliotēka,x\n".encode("cp1257"))
    assert complaint.startswith("line 2: not UTF-8")
    assert "save it as CSV UTF-8" in complaint


def test_an_unclosed_quote_is_found_where_it_opens() -> None:
    assert complaints('id,text,payload\ndesk-01,"Galds,x\n')[0].startswith("line 2:")


@pytest.mark.parametrize(("table", "complaint"), [("", "is empty"), ("id,text,payload\n", "no label")])
def test_a_table_without_labels_is_refused(table: str, complaint: str) -> None:
    assert complaint in complaints(table)[0]


def test_a_thousand_complaints_are_cut_short() -> None:
    said = complaints("id,text,payload\n" + "ab,,\n" * 1000)
    assert len(said) == 21
    assert said[-1].startswith("and ")


def test_no_complaint_quotes_a_payload() -> None:
    assert "SECRET" not in " ".join(complaints("id,text,payload\nab,,SECRET\tPASS\n"))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("id,text,payload\n" + text).encode()))
@example(b'id,text,payload\n"')
@example(b"id,text,payload\na\x00b,c,d\n")
@example(b"id,text,payload\ra,b,c\rx")
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    labels: tuple[Label, ...] = ()
    said: tuple[str, ...] = ()
    try:
        labels = read_table(data)
    except BadTable as refused:
        said = refused.complaints
    assert bool(labels) != bool(said)
    assert all(complaint.startswith(("line ", "and ")) for complaint in said)
    assert all(label.text.isprintable() and label.payload.isprintable() for label in labels)
