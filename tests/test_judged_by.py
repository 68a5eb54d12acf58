"""A study judged by each metric, the others shown beside it: from trials to report and gate."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.tiny import SOURCE, tiny_suite
from tlbench.judging import report
from tlbench.judging.accepted import accepted_of
from tlbench.judging.changes import Rule
from tlbench.judging.gate import Demands, check_gate
from tlbench.judging.report.sentences import with_interval
from tlbench.judging.stats import band
from tlbench.judging.verdict import Judged, Verdict, judge_run
from tlbench.runfile import read_run
from tlbench.study import Means, Study

ALL = ("accuracy", "auroc", "balanced_accuracy", "log_loss", "macro_f1")
SVM, TUNED, GUESS = "features-linear_svm", "finetune", "majority"


def _study(folder: Path, metric: str) -> Study:
    crossed: dict[str, Any] = {"sources": [SOURCE], "methods": [TUNED, "features:linear_svm"]}
    also = [name for name in ALL if name != metric]
    controls = [{"method": GUESS, "expect": "negative"}]
    changes = {"seeds": 3, "epochs": 4, "cross": [crossed], "controls": controls, "learning_rates": [0.003, 0.03]}
    changes["network"] = {"name": "mlp", "width": 16}
    study = Study(tiny_suite(metric=metric, also=also, **changes), folder)
    study.run(means=Means("cpu", 1))
    return study


def _of(judged: Judged, method: str) -> Verdict:
    return next(verdict for verdict in judged.verdicts if verdict.method == method)


def _seeds(trials: pd.DataFrame, method: str, metric: str) -> np.typing.NDArray[np.float64]:
    return trials[trials.method == method].sort_values("seed")[metric].to_numpy(np.float64)


def _check_others(verdict: Verdict, trials: pd.DataFrame) -> None:
    """Each metric's gain is the mean difference at the seeds, turned round for a loss, with the plain t interval."""
    for name, shown in verdict.others.items():
        own, base = (_seeds(trials, method, name) for method in (verdict.method, "scratch"))
        mean, low, high = band((-1 if name == "log_loss" else 1) * (own - base)[:, None])
        assert (shown["gain"], shown["interval"]) == (pytest.approx(mean[0]), pytest.approx([low[0], high[0]]))
        assert (shown["score"], shown["baseline_score"]) == pytest.approx((own.mean(), base.mean()))
        assert shown["n_pairs"] == 3


@pytest.mark.parametrize("metric", ALL)
def test_a_study_is_judged_by_the_suites_metric(metric: str, tmp_path: Path) -> None:
    study = _study(tmp_path / "tiny", metric)
    trials, judged = study.trials(), study.judge()
    assert trials.columns.tolist()[5:-2] == [metric, *(name for name in ALL if name != metric)]
    tuned, guess = _of(judged, TUNED), _of(judged, GUESS)
    for verdict in (tuned, guess):
        own, base = (_seeds(trials, method, metric).mean() for method in (verdict.method, "scratch"))
        assert verdict.metric == metric
        assert (verdict.score, verdict.baseline_score) == pytest.approx((own, base))
        assert verdict.gain == pytest.approx(base - own if metric == "log_loss" else own - base)
        assert list(verdict.others) == [name for name in ALL if name != metric]
        _check_others(verdict, trials)
    _check_curve(judged, metric)
    assert _of(judged, SVM).failed == (3 if metric == "log_loss" else 0)
    page = report.render(judged).read_text(encoding="utf-8")
    assert all(
        f"<td>{name}<td>-<td>{with_interval(shown['gain'], shown['interval'], name)}<td>" in page
        for name, shown in tuned.others.items()
    )
    assert f"{'minus ' if metric == 'log_loss' else ''}validation {metric}, mean" in page
    accepted = accepted_of(judged)
    right = [_seeds(trials, method, "accuracy") for method in (TUNED, "scratch")]
    apart = next(cell.apart for cell in accepted.cells.values() if cell.method == TUNED)
    assert [pair and (pair[0] - pair[1]) / 800 for pair in apart] == pytest.approx(list(right[0] - right[1]))
    assert check_gate(accepted, judge_run(study.folder), Rule(), Demands()).code == 0


def _check_curve(judged: Judged, metric: str) -> None:
    """Rates are chosen on it, it ends where the best of them did, and the target is within what it can reach."""
    cell = next(cell for cell in judged.cells if cell.plan.method.label == TUNED)
    (target,) = {score for path, score in judged.run.target_scores.items() if path == cell.plan.baseline}
    final = [curve.validation_score[-1] for curve in cell.base.curves()]
    chance = np.mean([record.outcome.validation_chance for record in cell.base.records.values()])
    assert target == pytest.approx(
        chance + 0.95 * (np.mean(final) - chance) if metric == "log_loss" else 0.95 * np.mean(final)
    )
    assert all((score < 0) == (metric == "log_loss") for curve in cell.own.curves() for score in curve.validation_score)
    convergence = _of(judged, TUNED).convergence or {}
    areas = [a.area(0.0) - b.area(0.0) for a, b in zip(cell.own.curves(), cell.base.curves(), strict=True)]
    assert convergence["area"]["mean"] == pytest.approx(np.mean(areas))


def test_a_majority_guess_is_at_chance_by_every_metric(tmp_path: Path) -> None:
    study = _study(tmp_path / "tiny", "balanced_accuracy")
    assert read_run(study.folder).suite.also == ("accuracy", "auroc", "log_loss", "macro_f1")
    cell = next(cell for cell in study.judge().cells if cell.plan.method.label == GUESS)
    for record in cell.own.records.values():
        scores = {name: measured.score for name, measured in record.outcome.measured.items()}
        equal = 2 / 9 / 8  # of F1: precision 1/8, recall 1, and nothing of seven classes
        assert [scores[name] for name in ("accuracy", "balanced_accuracy", "auroc")] == pytest.approx(
            [1 / 8, 1 / 8, 0.5]
        )
        assert scores["macro_f1"] == pytest.approx(equal)
        assert scores["log_loss"] >= np.log(8) - 1e-12
        assert all(measured.at_chance for measured in record.outcome.measured.values())
