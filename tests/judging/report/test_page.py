"""The page: whole in itself, escaped, in the order of its reader's questions, and never larger than it may be."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from tests.synthetic import (
    BASELINE,
    around,
    cell,
    control,
    judged_of,
    rising,
    run_of,
    shown,
    suite_of,
    write_arm,
    write_run,
)
from tlbench.judging.figures import Drawing
from tlbench.judging.report import page as pages
from tlbench.judging.report import sentences
from tlbench.judging.verdict import judge_run

SVG = '<svg width="9pt" height="9pt"><g/></svg>'
DRAWING = Drawing("forest", "Gains <b>", "In points.", SVG, pd.DataFrame({"a": [1]}))


class Tags(HTMLParser):
    """Every tag with its attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.texts.append(data)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A harmful and a helpful cell, and a control."""
    cells = [cell("far", "linear_probe"), cell("near"), control("null", "unflagged")]
    write_run(tmp_path, cells, 5, notes=["a note"])
    levels = around(0.6, 0.01, 5)
    write_arm(tmp_path, BASELINE, levels, rising())
    for planned, shift in zip(cells, (-0.1, 0.1, 0.0), strict=True):
        own = [a + b for a, b in zip(levels, around(shift, 0.005, 5), strict=True)]
        write_arm(tmp_path, planned.path, own, rising(0.2, 0.7))
    return tmp_path


def test_the_page_needs_no_network(run_folder: Path) -> None:
    tags = Tags(pages.html(judge_run(run_folder), [DRAWING])).tags
    links = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href") and value]
    assert links
    assert not [link for link in links if "//" in link.partition(",")[0]]
    assert not [tag for tag, _ in tags if tag in ("link", "iframe")]


def test_the_first_screen_has_question_answer_and_calibration(run_folder: Path) -> None:
    judged = judge_run(run_folder)
    text = " ".join(" ".join(Tags(pages.html(judged)).texts).split())
    parts = [
        sentences.asked(judged.run),
        "1 positive, 1 negative",
        "start from near by finetune",
        "far (this checkpoint): linear_probe 1 of 1 negative",
        "near (this checkpoint): finetune 1 of 1 positive",
        "must not be flagged",
        "a note",
        "cpu, a processor",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_rows_carry_what_they_are_filtered_by(run_folder: Path) -> None:
    tags = Tags(pages.html(judge_run(run_folder))).tags
    rows = [a for tag, a in tags if tag == "tbody" and "data-axis" in a]
    assert [(r["data-source"], r["data-axis"], r["data-verdict"], r["data-role"]) for r in rows][:2] == [
        ("far", "final accuracy", "negative", "cell"),
        ("far", "convergence", "positive", "cell"),
    ]
    assert len(rows) == 6
    choices = {a["data-key"] for tag, a in tags if tag == "select"}
    assert choices == {"target", "source", "method", "axis", "verdict", "role"}


def test_a_cell_opens_to_curves_seeds_recipe_and_records(run_folder: Path) -> None:
    page = pages.html(judge_run(run_folder))
    assert page.count('<svg class="curve"') == 3
    assert page.count("<table class=seeds>") == 3
    assert page.count("<summary>recipe") == 3
    assert f'<a href="{cell("near").path}/">' in page
    assert page.count('<path class="own band"') == 3


def test_an_arm_without_a_curve_says_so(run_folder: Path) -> None:
    write_arm(run_folder, cell("near").path, around(0.7, 0.01, 5))
    write_arm(run_folder, BASELINE, around(0.6, 0.01, 5))
    assert "No learning curves" in pages.html(judge_run(run_folder))


def test_hostile_names_are_text(run_folder: Path) -> None:
    run = run_of([], notes=["<script>alert(1)</script>"], suite=suite_of(name="<i>&"))
    page = pages.html(judge_run(run_folder))
    assert page.count("<script>") == 1
    found = [shown("negative", source='"><img src=x>', notes=("<b>",))]
    tags = Tags(pages._environment().from_string("{{ x }}").render(x=sentences.all_notes(judged_of(found, run)))).tags
    assert tags == []


def test_a_figure_is_inlined_with_its_numbers(run_folder: Path) -> None:
    page = pages.html(judge_run(run_folder), [DRAWING])
    assert "Gains &lt;b&gt;." in page
    assert 'href="data:text/csv;charset=utf-8,a%0A1%0A"' in page
    assert re.search(r"<svg [^>]*role=\"img\"", page)


def test_figures_and_details_beyond_the_limit_are_links(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = judge_run(run_folder)
    whole = pages.html(judged, [DRAWING])
    monkeypatch.setattr(pages, "LIMIT", 1_000_000)
    monkeypatch.setattr(pages, "DETAILS", 100)
    small = pages.html(judged, [DRAWING])
    assert '<img src="figures/forest.svg"' in small
    assert '<a href="figures/forest.csv">' in small
    assert "<table class=seeds>" not in small
    assert '<a href="glyphs-n40/near/finetune/">' in small
    assert len(small) < len(whole)


def test_an_unfinished_run_says_so(run_folder: Path) -> None:
    assert 'class="banner"' not in pages.html(judge_run(run_folder))
    (run_folder / BASELINE / "seed-0.json").unlink()
    assert 'class="banner"' in pages.html(judge_run(run_folder))


def test_cost_has_a_row_where_it_was_judged() -> None:
    judged = {"estimated": False, "verdict": "positive", "p_adjusted": 0.01}
    rows = pages._rows(shown("neutral", cost=judged | {"speedup": 2.0, "speedup_interval": [1.5, 2.5]}))
    assert [(row["axis"], row["effect"]) for row in rows][-1] == ("cost", "2.00x [1.50, 2.50]")
