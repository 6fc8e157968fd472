"""Slips as bytes, taken apart by the simulated printer's own reading of ESC/POS: the text arrives, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.slip import Align, Slip, SlipCode, SlipPart, SlipText
from drivers.driver import CallRefused, DeviceError
from drivers.simulators.escpos_paper import Drawn, Paper, Printed, Torn
from drivers.slip.encoding import Encoder
from drivers.slip.options import Options
from drivers.slip.pages import LONGEST, encoder

ENCODER = encoder(Options(port="/dev/none"))
OURS = {b"\x1b@", b"\x1b!", b"\x1bE", b"\x1ba", b"\x1bt", b"\x1bd", b"\x1d(", b"\x1dV"}
"""Commands that a slip may hold. Each has a fixed number of bytes, or says its own."""

BALTIC = "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽąčęėįšųūžĄČĘĖĮŠŲŪŽ"
RUSSIAN = "".join(map(chr, range(0x410, 0x450))) + "ёЁ"
LETTERS = st.text(st.sampled_from(BALTIC + RUSSIAN + "Latvia 123,-!?äöüõ"), min_size=1, max_size=42)
ANYTHING = st.text(max_size=80) | st.binary(max_size=60).map(lambda data: data.decode("latin-1"))

parts = st.builds(
    SlipText, ANYTHING | LETTERS, bold=st.booleans(), large=st.booleans(), align=st.sampled_from(list(Align))
) | st.builds(SlipCode, LETTERS | st.text(min_size=1, max_size=80))


def printed(encoded: bytes) -> tuple[Paper, Torn]:
    """What a printer that was left in the middle of something makes of it."""
    paper = Paper()
    paper.feed(encoded)
    while paper.step()[0]:
        pass
    assert paper.held == 0
    (slip,) = paper.slips
    return paper, slip


def slip(*given: SlipPart) -> Slip:
    return Slip("k1", given)


def lines_of(torn: Torn) -> list[str]:
    return [line.text for line in torn.lines if isinstance(line, Printed)]


# What is printed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["Vēl 3 no 10, līdz 30. novembrim", "Liko 3 iš 10, iki lapkričio 30 d.", "Осталось 3 из 10, до 30 ноября"]
)
def test_the_three_languages_come_out_as_they_were_written(words: str) -> None:
    assert lines_of(printed(ENCODER.encode(slip(SlipText(words))))[1]) == [words]


@given(LETTERS)
def test_every_letter_of_the_three_languages_is_printed(words: str) -> None:
    assert lines_of(printed(ENCODER.encode(slip(SlipText(words))))[1]) == [words]


def test_how_it_stands_on_the_paper() -> None:
    encoded = ENCODER.encode(
        slip(
            SlipText("Muzejs", bold=True, large=True, align=Align.CENTRE),
            SlipText("a\n\nb", align=Align.RIGHT),
            SlipCode("https://example.lv/ā"),
        )
    )
    assert printed(encoded)[1].lines == (
        Printed("Muzejs", bold=True, large=True, side="centre"),
        Printed("a", side="right"),
        Printed("", side="right"),
        Printed("b", side="right"),
        Drawn("https://example.lv/ā", 8, "centre"),
    )


def test_long_lines_are_wrapped_at_words_and_large_ones_sooner() -> None:
    words = "Biļete derīga visos pilsētas muzejos līdz mēneša beigām"
    small, large = (lines_of(printed(ENCODER.encode(slip(SlipText(words, large=size))))[1]) for size in (False, True))
    assert " ".join(small) == " ".join(large) == words
    assert max(map(len, small)) <= 42
    assert max(map(len, large)) <= 21


def test_what_fits_keeps_its_columns() -> None:
    line = "Kafija             1 gab.        2,50 EUR"
    assert lines_of(printed(ENCODER.encode(slip(SlipText(line))))[1]) == [line]


def test_letters_that_no_code_page_has_become_plain_ones() -> None:
    assert lines_of(printed(ENCODER.encode(slip(SlipText("„Ô” – 5 €…"))))[1]) == ["„O” - 5 EUR..."]


def test_a_model_without_baltic_letters_prints_plain_ones() -> None:
    model = encoder(Options(port="/dev/none", profile="TM-T88III"))
    assert lines_of(printed(model.encode(slip(SlipText("žāvē Привет"))))[1]) == ["zave Привет"]


def test_code_pages_that_a_site_names_go_before_the_models() -> None:
    encoded = encoder(Options(port="/dev/none", code_pages={"cp1257": 51})).encode(slip(SlipText("žāvē")))
    assert b"\x1bt\x33" in encoded
    assert lines_of(printed(encoded)[1]) == ["žāvē"]


def test_a_model_of_two_bytes_a_letter_is_told_not_to() -> None:
    encoded = encoder(Options(port="/dev/none", double_byte=True)).encode(slip(SlipText("žāvē")))
    assert encoded.startswith(b"\x1b@\x1c.")
    assert lines_of(printed(encoded)[1]) == ["žāvē"]


@pytest.mark.parametrize(("cut", "part", "end"), [("full", False, b"\x1dV\x00"), ("part", True, b"\x1dV\x01")])
def test_it_is_cut_off(cut: str, part: bool, end: bytes) -> None:
    encoded = encoder(Options(port="/dev/none", cut=cut)).encode(slip(SlipText("a")))  # type: ignore[arg-type]
    assert encoded.endswith(end)
    assert printed(encoded)[1].part == part


def test_where_there_is_no_cutter_it_is_fed_to_where_it_is_torn() -> None:
    encoded = encoder(Options(port="/dev/none", cut="none")).encode(slip(SlipText("a")))
    assert encoded.endswith(b"\x1bd\x06")


def test_a_printer_that_draws_no_codes_prints_their_text() -> None:
    encoded = encoder(Options(port="/dev/none", qr="text")).encode(slip(SlipCode("https://example.lv/x")))
    assert printed(encoded)[1].lines == (Printed("https://example.lv/x", side="centre"),)


@pytest.mark.parametrize(("length", "dots"), [(20, 8), (122, 8), (331, 6), (332, 6), (500, 5)])
def test_a_code_is_as_large_as_fits_on_the_paper(length: int, dots: int) -> None:
    """42 letters of 12 dots; ISO/IEC 18004, table 7: at level M version 13 holds 331 bytes, version 17 504."""
    (line,) = printed(ENCODER.encode(slip(SlipCode("x" * length))))[1].lines
    assert isinstance(line, Drawn)
    assert line.dots == dots


def test_a_code_that_is_wider_than_the_paper_is_refused() -> None:
    narrow = encoder(Options(port="/dev/none", columns=16))
    with pytest.raises(CallRefused) as refused:
        narrow.encode(slip(SlipText("a"), SlipCode("x" * 500)))
    assert refused.value.problem.code == "bad_code"
    assert "part 1" in refused.value.problem.cause


# Nothing else is ---------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(st.lists(parts, min_size=1, max_size=6))
def test_no_text_is_ever_a_command(given: list[SlipPart]) -> None:
    """The bytes between our own commands hold letters and line ends and nothing else; what is refused is so before a
    byte is made. `Paper` finds the commands by itself: what it calls stray is neither a command nor a letter."""
    try:
        encoded = ENCODER.encode(Slip("k1", tuple(given)))
    except CallRefused:
        return
    paper, torn = printed(encoded)
    assert paper.strays == []
    assert paper.drawer_openings == 0
    assert set(paper.commands) <= OURS
    assert sum(command == b"\x1dV" for command in paper.commands) == 1
    asked = [part.data for part in given if isinstance(part, SlipCode)]
    assert [line.data for line in torn.lines if isinstance(line, Drawn)] == asked
    for line in torn.lines:
        shown = line.text if isinstance(line, Printed) else line.data
        assert not any(unicodedata.category(letter).startswith("C") for letter in shown)


@pytest.mark.parametrize("control", [*map(chr, (*range(10), *range(11, 32), 127, *range(128, 160)))], ids=repr)
def test_each_control_character_is_refused_wherever_it_stands(control: str) -> None:
    for part in (SlipText(f"a{control}p"), SlipCode(f"a{control}p")):
        with pytest.raises(CallRefused) as refused:
            ENCODER.encode(slip(SlipText("first"), part))
        assert f"U+{ord(control):04X}" in refused.value.problem.cause
        assert "part 1" in refused.value.problem.cause


@pytest.mark.parametrize("letter", ["漢", "😀", "א", "\u202e", "\ud800", "\ue000", "\u2028"], ids=ascii)
def test_what_no_printer_here_has_is_refused_and_never_a_question_mark(letter: str) -> None:
    with pytest.raises(CallRefused) as refused:
        ENCODER.encode(slip(SlipText(f"a{letter}")))
    assert refused.value.problem.code == "bad_text"
    assert letter not in refused.value.problem.cause


def test_a_slip_has_an_end() -> None:
    ENCODER.encode(slip(SlipText("\n" * (LONGEST - 1))))
    with pytest.raises(CallRefused) as refused:
        ENCODER.encode(slip(SlipText("\n" * 100), SlipText("\n" * 100)))
    assert refused.value.problem.code == "too_long"


# The library ---------------------------------------------------------------------------------------------


def test_an_unknown_model_is_told_with_those_that_there_are() -> None:
    with pytest.raises(DeviceError) as error:
        encoder(Options(port="/dev/none", profile="TM-T99"))
    assert error.value.problem.code == "bad_profile"
    assert "TM-T20II" in error.value.problem.cause


def test_a_model_whose_code_pages_nobody_knows_needs_them_named() -> None:
    with pytest.raises(DeviceError) as error:
        encoder(Options(port="/dev/none", profile="AF-240"))
    assert error.value.problem.code == "bad_profile"
    assert encoder(Options(port="/dev/none", profile="AF-240", code_pages={"cp775": 9})).columns == 20


def test_every_model_of_the_library_can_be_used_or_is_told() -> None:
    from escpos.capabilities import CAPABILITIES

    usable = 0
    for profile in CAPABILITIES["profiles"]:
        try:
            model = encoder(Options(port="/dev/none", profile=profile))
        except DeviceError:
            continue
        usable += 1
        assert 12 <= model.columns <= 64
        model.encode(slip(SlipText("žāvē Jelgava 2,50 EUR")))
    assert usable >= 25


def test_loading_the_library_leaves_nothing_behind_and_takes_no_table_from_elsewhere(tmp_path: Path) -> None:
    """In a process of its own: the library reads its table, and a pickle, when it is imported."""
    said = "from drivers.slip.pages import encoder; from drivers.slip.options import Options; "
    said += "print(encoder(Options(port='/x')).columns)"
    poison = tmp_path / "poison"
    poison.mkdir()
    version = ".".join(map(str, sys.version_info[:3]))
    (poison / f"{version}.capabilities.pickle").write_bytes(b"cos\nsystem\n(S'touch /nowhere'\ntR.")
    environment = {**os.environ, "TMPDIR": str(tmp_path), "ESCPOS_CAPABILITIES_PICKLE_DIR": str(poison)}
    environment["ESCPOS_CAPABILITIES_FILE"] = "/etc/hostname"
    done = subprocess.run([sys.executable, "-c", said], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "42\n", done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["poison"]
    assert tempfile.tempdir != str(tmp_path)


def test_without_the_library_the_remedy_is_told(tmp_path: Path) -> None:
    (tmp_path / "escpos.py").write_text("raise ModuleNotFoundError(\"No module named 'escpos'\")\n")
    said = "from drivers.slip.pages import encoder; from drivers.slip.options import Options\n"
    said += "from drivers.driver import DeviceError\n"
    said += "try:\n    encoder(Options(port='/x'))\n"
    said += "except DeviceError as error:\n    print(error.problem.code, error.problem.advice)"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"}
    done = subprocess.run([sys.executable, "-c", said], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("no_library "), done.stderr
    assert "smartplace-gateway[slip]" in done.stdout


def test_the_encoder_is_what_tests_use() -> None:
    assert isinstance(ENCODER, Encoder)
