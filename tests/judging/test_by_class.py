"""Harm by class: known gains of known classes, no class flagged by luck or by a handful of items."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic import BASELINE, cell, record, write_run
from tlbench import runfile
from tlbench.judging.report import as_json, html
from tlbench.judging.verdict import ClassHarm, decided, harm_by_class, judge_run
from tlbench.packing import pack_labels

CLASSES = ("ant", "bee", "cat", "dog")
COUNTS = (400, 400, 400, 2)
LABELS = np.repeat(np.arange(4), COUNTS)
TESTED = runfile.Tested(classes=CLASSES, labels=pack_labels(LABELS, 4))


def _write(folder: Path, shares: tuple[float, ...], seeds: int = 6, tested: Any = TESTED, **outcome: Any) -> None:
    """A run whose arm has these shares of each class right, and scratch .8 of each, which items differs by seed."""
    target = cell("near").target.label
    write_run(folder, [cell("near")], seeds, tested={target: tested.model_dump()} if tested else {})
    for path, right in ((cell("near").path, shares), (BASELINE, (0.8, 0.8, 0.8, 1.0))):
        for seed in range(seeds):
            random = np.random.default_rng([seed, len(path)])
            items = [random.permutation(np.arange(n) < round(p * n)) for n, p in zip(COUNTS, right, strict=True)]
            record(seed, 0.0, items=np.concatenate(items), **outcome).write(folder / path / f"seed-{seed}.json")


def _harms(folder: Path) -> list[ClassHarm]:
    (one,) = judge_run(folder).cells
    return harm_by_class(one, TESTED)


def test_the_class_that_loses_is_found_beside_one_that_wins(tmp_path: Path) -> None:
    _write(tmp_path, (0.7, 0.9, 0.8, 0.0))
    harms = _harms(tmp_path)
    assert [(harm.name, harm.n_items) for harm in harms] == [("dog", 2), ("ant", 400), ("cat", 400), ("bee", 400)]
    assert [harm.gain for harm in harms] == pytest.approx([-1.0, -0.1, 0.0, 0.1])
    assert [harm.word for harm in harms] == ["undecided", "loses", "undecided", "wins"]
    assert [harm.name for harm in decided(harms)] == ["ant", "bee"]
    low, high = harms[1].interval or (0.0, 0.0)
    assert low < -0.1 < high < 0


def test_an_interval_is_the_seeds_and_the_items_noise(tmp_path: Path) -> None:
    _write(tmp_path, (0.7, 0.8, 0.8, 1.0))
    low, high = _harms(tmp_path)[0].interval or (0.0, 0.0)
    error = 1 / 400  # the gain is the same at every seed, and items differ from seed to seed
    reuse_free = 2.5706 * error  # t of 95 % with 5 degrees of freedom
    assert (low, high) == pytest.approx((-0.1 - reuse_free, -0.1 + reuse_free), abs=0.002)


def test_below_five_pairs_no_class_loses(tmp_path: Path) -> None:
    _write(tmp_path, (0.2, 0.9, 0.8, 1.0), seeds=4)
    assert [harm.p_adjusted for harm in _harms(tmp_path)] == [1.0] * 4


def test_nothing_is_said_of_other_test_items_than_the_records_have(tmp_path: Path) -> None:
    _write(tmp_path, (0.2, 0.9, 0.8, 1.0))
    (one,) = judge_run(tmp_path).cells
    assert harm_by_class(one, runfile.Tested(classes=CLASSES, labels=pack_labels(LABELS[1:], 4))) == []


def test_chance_alone_flags_few_runs(tmp_path: Path) -> None:
    flagged = 0
    (planned,) = [cell("near")]
    write_run(tmp_path, [planned], 6)
    for draw in range(60):
        random = np.random.default_rng(draw)
        for path in (planned.path, BASELINE):
            for seed in range(6):
                items = random.uniform(size=len(LABELS)) < 0.8
                record(seed, 0.0, items=items).write(tmp_path / path / f"seed-{seed}.json")
        flagged += bool(decided(_harms(tmp_path)))
    assert flagged <= 7  # 3 expected at most; P(more than 7) is below .02


def test_the_page_and_json_name_the_classes(tmp_path: Path) -> None:
    _write(tmp_path, (0.7, 0.9, 0.8, 1.0))
    judged = judge_run(tmp_path)
    page = html(judged)
    assert "By class: of 4, 1 lose and 1 win (Holm over all 4). Largest loss of 4 classes: ant, -10.0 [" in page
    assert "<tr><td>cat<td>400<td>+0.0 [" in page
    (told,) = as_json(judged)["classes"].values()
    assert told["of"] == 4
    assert [(one["name"], one["n_items"], one["gain"]) for one in told["decided"]] == [
        ("ant", 400, -0.1),
        ("bee", 400, 0.1),
    ]


def test_of_many_classes_the_worst_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    names = tuple(f"<b>{i:02}" for i in range(15))
    labels = np.arange(len(LABELS)) % 15
    _write(tmp_path, (0.7, 0.7, 0.7, 1.0), tested=runfile.Tested(classes=names, labels=pack_labels(labels, 15)))
    page = html(judge_run(tmp_path))
    assert "and 3 classes with larger gains" in page
    assert page.count("&lt;b&gt;") == 13  # in the sentence and in twelve rows
    assert "<b>0" not in page


def test_an_older_run_shows_nothing(tmp_path: Path) -> None:
    _write(tmp_path, (0.7, 0.9, 0.8, 1.0), tested=None)
    judged = judge_run(tmp_path)
    assert "By class" not in html(judged)
    assert as_json(judged)["classes"] == {}


def test_another_metric_that_is_no_right_or_wrong_says_nothing(tmp_path: Path) -> None:
    _write(tmp_path, (0.7, 0.9, 0.8, 1.0))
    target = cell("near").path
    for seed in range(6):
        losses = np.random.default_rng(seed).uniform(size=len(LABELS))
        record(seed, 0.0, items=losses).write(tmp_path / target / f"seed-{seed}.json")
    assert _harms(tmp_path) == []
