"""Scorings: scores from the training draw, seconds, and what does not apply."""

from tests.tiny import SOURCE, tiny_conditions
from tlbench.similarity import similarities
from tlbench.source import sources
from tlbench.trials.similarity_scores import Scoring
from tlbench.workspace import Workspace

MEASURES = tuple(similarities.make(name) for name in ("leep", "logme", "frechet"))


def test_a_scoring_holds_scores_directions_and_seconds(workspace: Workspace) -> None:
    record = Scoring(sources.make(SOURCE), MEASURES, tiny_conditions(), 0).run(workspace)
    assert record.kind == "similarity"
    assert record.status == "done"
    scores = record.outcome.scores
    assert scores["leep"] is not None
    assert scores["leep"] <= 0
    assert set(scores) == {"leep", "logme", "frechet"}
    assert record.outcome.higher_is_closer == {"leep": True, "logme": True, "frechet": False}
    assert set(record.timing.parts) == {"features", "leep", "logme", "frechet"}


def test_a_source_without_head_or_data_has_no_leep_and_no_frechet(workspace: Workspace) -> None:
    scores = Scoring(sources.make("null"), MEASURES, tiny_conditions(), 0).run(workspace).outcome.scores
    assert scores["leep"] is None
    assert scores["frechet"] is None
    assert scores["logme"] is not None


def test_a_source_of_the_targets_own_data_is_near(workspace: Workspace) -> None:
    near, far = (
        Scoring(sources.make({"name": "trained", "dataset": d, "steps": 10}), MEASURES[2:], tiny_conditions(64), 0).run(
            workspace
        )
        for d in ("patterns:1", "glyphs:upper")
    )
    one, other = near.outcome.scores["frechet"], far.outcome.scores["frechet"]
    assert one is not None
    assert other is not None
    assert one < other


def test_scorings_replay(workspace: Workspace) -> None:
    scoring = Scoring(sources.make(SOURCE), MEASURES, tiny_conditions(), 1)
    assert scoring.run(workspace).outcome == scoring.run(workspace).outcome
