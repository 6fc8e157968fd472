"""`smartplace tools labels`: a PDF that was read back before it was written."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import reportlab
import smartplace_tools
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from smartplace_tools.labels.errors import NotReadable
from smartplace_tools.labels.layout import LAYOUTS
from smartplace_tools.labels.lettering import choose
from smartplace_tools.labels.pdf import draw, measure
from smartplace_tools.labels.readback import read_back
from smartplace_tools.labels.sheet import Placed, place
from smartplace_tools.labels.table import Label, read_table

from tests.firmware_tools.sheets import TABLE, Bench
from tests.support.programs import require_file, require_program


def test_a_sheet_is_made_and_says_what_it_is(bench: Bench) -> None:
    done = bench.labels(TABLE)
    assert done.exit_code == 0, done.output
    assert f"{bench.pdf}: 3 labels on 1 sheet(s) 3x8, each read back from the PDF" in done.output
    assert bench.pdf.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_another_program_reads_the_same_from_the_paper(bench: Bench, layout: str) -> None:
    """Poppler draws the page, not the renderer that the tool used; the whole page is searched."""
    pdftoppm = require_program("pdftoppm", "poppler-utils")
    table = "id,text,payload\n" + "".join(f"seat-{n},V {n},https://a.example/{n}\n" for n in range(30))
    assert bench.labels(table, "--layout", layout).exit_code == 0
    pages = bench.folder / "page"
    subprocess.run([pdftoppm, "-r", "300", "-gray", "-png", bench.pdf, pages], check=True, timeout=60)
    read = set()
    for page in bench.folder.glob("page*.png"):
        with Image.open(page) as picture:
            read |= {code.text for code in zxingcpp.read_barcodes(picture)}
    assert read == {f"https://a.example/{n}" for n in range(30)}


def test_each_label_is_where_its_position_says(bench: Bench) -> None:
    assert bench.labels(TABLE, "--start", "5").exit_code == 0
    placed = _placed(TABLE, first=4)
    assert read_back(bench.pdf.read_bytes(), placed) == 3
    with pytest.raises(NotReadable, match=r"line 2 \(desk-01\): 0 codes read instead of one on sheet 1, label 1"):
        read_back(bench.pdf.read_bytes(), _placed(TABLE, first=0))


def test_a_sheet_that_says_something_else_is_found() -> None:
    other = draw(_placed(TABLE.replace("9f3e1c77", "9f3e1c78")), choose(None))
    with pytest.raises(NotReadable, match=r"line 4 \(till-03\): the code says something else"):
        read_back(other, _placed(TABLE))


def test_a_page_that_is_missing_is_found() -> None:
    first_sheet = draw(_placed(TABLE), choose(None))
    with pytest.raises(NotReadable, match="the PDF has 1 pages for 2 sheets"):
        read_back(first_sheet, _placed(TABLE, first=22))


def test_no_complaint_and_no_summary_quotes_a_payload(bench: Bench) -> None:
    done = bench.labels(TABLE, "--json")
    assert "9f3e1c77aa0b41d2" not in done.output
    with pytest.raises(NotReadable) as refused:
        read_back(draw(_placed(TABLE), choose(None)), _placed(TABLE, first=3))
    assert "9f3e1c77aa0b41d2" not in str(refused.value)


def test_the_summary_for_programs(bench: Bench) -> None:
    done = bench.labels(TABLE, "--json", "--layout", "2x7", "--start", "14")
    summary = json.loads(done.stdout)
    assert (summary["layout"], summary["sheets"], summary["read_back"]) == ("2x7", 2, 3)
    assert summary["labels"][1] == {"line": 3, "id": "gate-02", "check": "Q", "sheet": 2, "position": 1}


def test_a_bad_table_leaves_exit_code_9_and_the_old_sheet(bench: Bench) -> None:
    assert bench.labels(TABLE).exit_code == 0
    before = bench.pdf.read_bytes()
    done = bench.labels("id,text,payload\nab,Galds,x\n")
    assert done.exit_code == 9
    assert "nothing was written\n  line 2: id 'ab'" in done.stderr
    assert bench.pdf.read_bytes() == before


def test_a_folder_that_is_not_there_is_said(bench: Bench) -> None:
    source = bench.folder / "table.csv"
    done = bench.labels(TABLE, "--out", str(bench.folder / "nowhere" / "sheet.pdf"))
    assert done.exit_code == 1
    assert "No such file or directory" in done.stderr
    assert sorted(bench.folder.iterdir()) == [source]


def test_the_first_free_label_must_be_on_the_sheet(bench: Bench) -> None:
    done = bench.labels(TABLE, "--start", "25")
    assert done.exit_code == 2
    assert "a sheet 3x8 has 24 labels" in done.stderr


def test_a_sheet_is_its_owners_and_leaves_nothing_else_behind(bench: Bench) -> None:
    bench.labels(TABLE)
    assert stat.S_IMODE(bench.pdf.stat().st_mode) == 0o600
    assert sorted(path.name for path in bench.folder.iterdir()) == ["sheet.pdf", "table.csv"]


def test_the_same_table_gives_the_same_bytes(bench: Bench) -> None:
    bench.labels(TABLE)
    before = bench.pdf.read_bytes()
    bench.labels(TABLE)
    assert bench.pdf.read_bytes() == before


def test_without_a_font_the_text_is_respelt_and_the_code_is_not() -> None:
    bare = choose(None, ())
    labels = (Label(2, "desk-01", "Šķūnis, касса", "čau-ā-касса"),)
    placed = place(labels, LAYOUTS["3x8"], bare, measure(bare))
    assert " ".join(placed[0].text_lines) == "Skunis, kassa"
    assert placed[0].respelt
    assert read_back(draw(placed, bare), placed) == 1


def test_a_font_of_the_system_has_the_letters_of_this_region(bench: Bench) -> None:
    font = require_file("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core")
    summary = json.loads(bench.labels(TABLE, "--font", font, "--json").stdout)
    assert (summary["font"], summary["warnings"]) == (font, [])


def test_a_font_without_them_is_named_in_a_warning(bench: Bench) -> None:
    """Bitstream Vera, which comes with the PDF library, has no ē and no Cyrillic."""
    vera = str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")
    done = bench.labels(TABLE, "--font", vera)
    assert done.exit_code == 0
    assert f"warning: {vera} lacks letters, text was respelt (lines 2, 3, 4)" in done.stderr


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=60).map(str.strip).filter(lambda text: text != "" and text.isprintable()))
def test_any_payload_that_is_accepted_reads_back(payload: str) -> None:
    bare = choose(None, ())
    placed = place((Label(2, "desk-01", "Galds", payload),), LAYOUTS["2x4"], bare, measure(bare))
    assert read_back(draw(placed, bare), placed) == 1


def test_nothing_heavy_is_imported_before_a_verb_runs() -> None:
    program = "import sys, smartplace_tools.main; print(*sorted(m.split('.')[0] for m in sys.modules))"
    package = Path(smartplace_tools.__file__).parents[1]
    argv = [sys.executable, "-c", program]
    loaded = subprocess.run(argv, cwd=package, capture_output=True, text=True, check=True, timeout=30)
    assert {"reportlab", "segno", "zxingcpp", "pypdfium2", "PIL"}.isdisjoint(loaded.stdout.split())


def _placed(table: str, first: int = 0) -> tuple[Placed, ...]:
    lettering = choose(None)
    return place(read_table(table.encode()), LAYOUTS["3x8"], lettering, measure(lettering), first)
