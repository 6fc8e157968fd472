"""What is no JSON is told by line and column, with what to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.json_fault import BOM, json_fault


@pytest.mark.parametrize(
    ("text", "where", "says", "advice"),
    [
        ('{"a": 1,\n "b": 2,\n}', "line 2, column 8", "a comma with nothing after it", "Take the comma out"),
        ('{"a": [1,\n\n]}', "line 1, column 9", "a comma with nothing after it", "Take the comma out"),
        ('{"a": 1\n "b": 2}', "line 2, column 2", "a comma or a closing bracket is missing", ""),
        ('{"a" 1}', "line 1, column 6", "colon", ""),
        ("{“a”: 1}", "line 1, column 2", "“ is no quotation mark", "straight"),
        ('{"a": „x“}', "line 1, column 7", "„ is no quotation mark", "word processors"),
        ('{"a”: 1,\n"b": 2}', "line 1, column 9", "not ended on its line, ” does not end it", "straight"),
        ("{'a': 1}", "line 1, column 2", "' is no quotation mark", '"'),
        ("{a: 1}", "line 1, column 2", "'a' stands without", "between"),
        ('{"a": True}', "line 1, column 7", "True is no value", "true"),
        ('{"a": 50%}', "line 1, column 9", "% is no part of a number", "5000 is 50 %"),
        ('{"s": "NaN",\n "a": NaN}', "line 2, column 7", "NaN is no number", "leave the field out"),
        ('{"a": -Infinity}', "line 1, column 7", "-Infinity is no number", ""),
        ('{"a": "x\n"}', "line 1, column 9", "not ended on its line", ""),
        ('{"a": 1', "line 1, column 8", "ends too early", "bracket"),
        ("{} {}", "line 1, column 4", "after the end", ""),
        ("// rules\n{}", "line 1, column 1", "no comments", "out"),
        ('{"a": "\\q"}', "line 1, column 8", "\\", "\\\\"),
    ],
)
def test_a_slip_is_told_where_it_is(text: str, where: str, says: str, advice: str) -> None:
    what, remedy = json_fault(text.encode()) or ("", "")
    assert what.startswith(f"not JSON: {where}: ")
    assert says in what
    assert advice in remedy


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing in it"),
        (b" \n", "nothing in it"),
        (BOM + b"{}", "byte order mark"),
        ("{}".encode("utf-16"), "UTF-16"),
        ("{}".encode("utf-16-le"), "UTF-16"),
        (b'{"a":\n"\xff"}', "line 2 is not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_file_that_was_saved_otherwise_is_named(content: bytes, says: str) -> None:
    assert says in (json_fault(content) or ("", ""))[0]


def test_json_is_no_fault_whatever_it_holds() -> None:
    for text in ("{}", "null", '{"a": 1, "a": 1e400}', '"“NaN”, // }"', f'{{"a": {"9" * 10_000}}}'):
        assert json_fault(text.encode()) is None


@given(st.binary(max_size=60) | st.text(alphabet="{}[],:\" “”'\\/#%\n0e-.NaIfinty", max_size=40).map(str.encode))
def test_any_bytes_are_json_or_told_in_short(content: bytes) -> None:
    fault = json_fault(content)
    if fault is None:
        json.loads(content)
    else:
        assert len(fault[0]) < 200
