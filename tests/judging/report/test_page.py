"""The page: whole in itself, escaped, in the order of its reader's questions, and never larger than it may be."""

import re
from dataclasses import replace
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


def test_question_answer_picture_controls_and_verdicts_come_first_and_in_this_order(run_folder: Path) -> None:
    judged = judge_run(run_folder)
    text = " ".join(" ".join(Tags(pages.html(judged, [DRAWING])).texts).split())
    parts = [
        sentences.asked(judged.run),
        "start from near by finetune",
        "▼ 1 negative ▲ 1 positive",
        "Gains <b>. In points.",
        "not be flagged",
        "▼ negative",
        "Gains are accuracy points",
        "By source and method",
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
        ("far", "final", "negative", "cell"),
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


@pytest.mark.parametrize(("cells", "first"), [(6, "forest"), (7, "gain-heatmap")])
def test_few_cells_are_told_one_by_one_and_many_by_a_map(cells: int, first: str) -> None:
    drawn = [replace(DRAWING, name=name) for name in ("learning-curves", "forest", "gain-heatmap")]
    judged = judged_of([*(shown("neutral", source=f"s{i}") for i in range(cells)), shown("neutral", role="control")])
    found = pages.picture(judged, drawn)
    assert found is not None
    assert found.name == first
    assert pages.picture(judged, drawn[:1]) is None


def test_the_picture_is_not_drawn_twice_and_the_other_figures_are_folded(run_folder: Path) -> None:
    page = pages.html(judge_run(run_folder), [replace(DRAWING, name="learning-curves", title="Curves"), DRAWING])
    assert page.count('<figure id="forest">') == page.count('<figure id="learning-curves">') == 1
    assert page.index('<figure id="forest">') < page.index("<h2>Verdicts</h2>") < page.index("<summary>Curves")


def test_a_control_that_came_out_wrong_is_marked_and_comes_first(run_folder: Path) -> None:
    assert 'class="fault"' not in pages.html(judge_run(run_folder))
    cells = [cell("far", "linear_probe"), control("near", "negative"), control("null", "unflagged")]
    write_run(run_folder, cells, 5)
    page = pages.html(judge_run(run_folder))
    assert '<tr class="fault"><td>NOT</td><td>near by finetune</td>' in page
    assert page.index("near by finetune") < page.index("null by finetune")


def test_names_may_break_after_their_separators_and_numbers_may_not() -> None:
    assert str(pages._parted("trained:glyphs:upper by last_k:1")) == (
        "trained:<wbr>glyphs:<wbr>upper by last_<wbr>k:<wbr>1"
    )
    assert str(pages._parted("-4.0 [-6.0, -2.0]")) == "-4.0 [-6.0, -2.0]"
    assert str(pages._parted("<i>:x")) == "&lt;i&gt;:x"


def test_every_cell_can_be_led_to_and_no_id_is_given_twice(run_folder: Path) -> None:
    ids = [a["id"] for _, a in Tags(pages.html(judge_run(run_folder), [DRAWING])).tags if "id" in a]
    assert {cell("far", "linear_probe").path, cell("near").path, "forest", "by-source", "notes"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_what_stands_beside_a_probe_is_in_its_details_and_has_no_row(run_folder: Path) -> None:
    probe = cell("far", "linear_probe", unfrozen=0)
    head = cell("far", "features-logistic", role="beside", family="beside")
    write_run(run_folder, [probe, head], 5)
    write_arm(run_folder, head.path, around(0.55, 0.01, 5))
    judged = judge_run(run_folder)
    page = pages.html(judged)
    assert [a["data-method"] for tag, a in Tags(page).tags if tag == "tbody" and a["data-axis"] == "final"] == [
        "linear_probe"
    ]
    assert "<td>features-logistic beside it<td>" in page
    assert "The convex head beside each probe" in page
