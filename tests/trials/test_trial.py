"""Trials: replay bit for bit, seeds shared by every arm, honest splits, failures kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny import BUDGET, SOURCE, tiny_conditions, tiny_trial
from tlbench.curve import LearningCurve
from tlbench.dataset import Indices
from tlbench.method import Materials, methods
from tlbench.packing import unpack_items
from tlbench.records import Outcome
from tlbench.source import Weights
from tlbench.training import learners
from tlbench.trials import PLAIN, Conditions, draw_of
from tlbench.workspace import Workspace


def _curve(outcome: Outcome) -> LearningCurve:
    assert outcome.curve is not None
    return outcome.curve


def _drawn(conditions: Conditions, workspace: Workspace, seed: int = 0) -> Indices:
    return draw_of(conditions, seed, workspace)[0].train


@pytest.mark.parametrize("method", ["scratch", "finetune", "last_k:2", "linear_probe", "features", "direct"])
def test_the_same_trial_gives_the_same_record(method: str, workspace: Workspace) -> None:
    first, second = (tiny_trial(method).run(workspace) for _ in range(2))
    assert first.status == "done"
    assert (first.recipe, first.outcome_digest) == (second.recipe, second.outcome_digest)


def test_a_trial_leaves_the_global_generators_alone(workspace: Workspace) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    tiny_trial("scratch").run(workspace)
    assert torch.equal(torch.rand(1), expected)


def test_the_outcome_holds_what_a_verdict_needs(workspace: Workspace) -> None:
    outcome = tiny_trial("scratch").run(workspace).outcome
    right = unpack_items(outcome.judged.items, outcome.judged.n)
    assert set(right) <= {0.0, 1.0}
    assert right.mean() == outcome.judged.score
    assert outcome.metric == "accuracy"
    assert outcome.n_train == 32
    assert outcome.n_validation == 500
    assert outcome.judged.n == 800
    assert outcome.judged.chance == pytest.approx(1 / 8)
    assert outcome.validation_chance == pytest.approx(1 / 8, abs=1 / 16)
    assert _curve(outcome).steps[-1] == outcome.steps == 4
    assert outcome.frozen == ()


def test_frozen_parts_are_named(workspace: Workspace) -> None:
    assert tiny_trial("last_k:1").run(workspace).outcome.frozen == ("stem", "layer1", "layer2")


def test_arms_without_training_have_no_curve(workspace: Workspace) -> None:
    outcome = tiny_trial("features:knn").run(workspace).outcome
    assert outcome.curve is None
    assert outcome.steps == 0
    assert outcome.learning_rate is None


def test_direct_says_how_classes_were_matched(workspace: Workspace) -> None:
    named = tiny_trial("direct").run(workspace).outcome.notes
    assert named == ("classes matched by name",)
    other = tiny_trial("direct", {"name": "trained", "dataset": "digits", "steps": 10}).run(workspace).outcome.notes
    assert other[0].startswith("classes mapped by the training draw: ")


def test_the_draw_is_shared_by_every_arm_and_differs_by_seed_and_root(workspace: Workspace) -> None:
    conditions = tiny_conditions()
    first = _drawn(conditions, workspace)
    assert np.array_equal(first, _drawn(tiny_trial("scratch").conditions, workspace))
    assert not np.array_equal(first, _drawn(conditions, workspace, 1))
    assert not np.array_equal(first, _drawn(replace(conditions, root_seed=1), workspace))


def test_one_draw_serves_all_seeds_while_the_rest_varies(workspace: Workspace) -> None:
    conditions = tiny_conditions()
    once = replace(conditions, target=replace(conditions.target, draw="all"))
    draws = [draw_of(once, seed, workspace)[0] for seed in range(4)]
    assert all(np.array_equal(draw.train, draws[0].train) for draw in draws)
    assert all(np.array_equal(draw.validation, draws[0].validation) for draw in draws)
    assert np.array_equal(draws[0].train, _drawn(conditions, workspace))
    assert not np.array_equal(draws[0].train, _drawn(replace(once, root_seed=1), workspace))
    trials = [tiny_trial("scratch", seed=seed, conditions=once) for seed in range(2)]
    assert trials[0].recipe(workspace)["target"]["draw"] == "all"
    arms = [trial.arm(workspace) for trial in trials]
    first, second = (arm.materials.fresh.checksum(arm.materials.fresh.names) for arm in arms)
    assert first != second
    assert arms[0].order().initial_seed() != arms[1].order().initial_seed()


def test_draws_are_nested_across_n_train(workspace: Workspace) -> None:
    small, large = (_drawn(tiny_conditions(n), workspace) for n in (16, 64))
    assert set(small) < set(large)


def test_the_null_source_fine_tuned_is_another_draw_than_scratch(workspace: Workspace) -> None:
    null, scratch = tiny_trial("finetune", "null").run(workspace), tiny_trial("scratch").run(workspace)
    assert _curve(null.outcome).train_loss != _curve(scratch.outcome).train_loss


def test_the_grid_is_chosen_on_validation_alone(workspace: Workspace) -> None:
    rates = (1e-6, 0.03)
    conditions = tiny_conditions(budget=replace(BUDGET, steps=20, learning_rates=rates))
    grid = tiny_trial("scratch", conditions=conditions).run(workspace)
    single = [
        tiny_trial(
            "scratch", conditions=tiny_conditions(budget=replace(conditions.budget, learning_rates=(rate,)))
        ).run(workspace)
        for rate in rates
    ]
    best = max(single, key=lambda record: _curve(record.outcome).validation_score[-1])
    assert grid.outcome.learning_rate == best.outcome.learning_rate == 0.03
    assert grid.outcome.judged.items == best.outcome.judged.items
    assert grid.timing.grid_seconds > grid.timing.seconds


def test_the_test_split_is_read_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plain = learners.predict

    def counting(network: object, items: object, *rest: object, **named: object) -> torch.Tensor:
        sizes.append(len(items))  # type: ignore[arg-type]
        return plain(network, items, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(learners, "predict", counting)
    monkeypatch.setattr("tlbench.trials.outcome.predict", counting)
    tiny_trial("scratch").run(workspace)
    assert sizes.count(800) == 1
    assert sizes[-1] == 800


def test_a_diverging_trial_is_kept_as_failed(workspace: Workspace) -> None:
    record = tiny_trial(
        "scratch", conditions=tiny_conditions(budget=replace(BUDGET, steps=60, learning_rates=(1e30,)))
    ).run(workspace)
    assert record.status == "failed"
    assert "not finite" in str(record.outcome.failure)


def test_what_goes_wrong_inside_is_a_failed_record_with_its_reason(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("tlbench.trials.trial.conclude", broken)
    record = tiny_trial("scratch").run(workspace)
    assert record.status == "failed"
    assert str(record.outcome.failure) == "RuntimeError: out of memory"


def test_a_frozen_part_that_moved_is_an_error(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = iter(range(1000))
    monkeypatch.setattr("tlbench.trials.freezing.checksum", lambda *_: str(next(checks)))
    record = tiny_trial("linear_probe", "null").run(workspace)
    assert "frozen parts moved (stem, layer1, layer2, layer3)" in str(record.outcome.failure)


def test_one_baseline_serves_every_source_of_a_setup() -> None:
    assert tiny_trial("scratch").path == tiny_trial("scratch", source="null").path
    assert tiny_trial("scratch").cell == "patterns-1.0-n32/resnet-8-width-4-1x8x8/scratch"


def test_the_recipe_knows_the_content_of_a_users_file(workspace: Workspace) -> None:
    recipe = tiny_trial("finetune").recipe(workspace)
    assert recipe["source"]["dataset"]["name"] == "patterns"
    shared = {"target", "budget", "seed", "root_seed", "network", "input", "variant", "run_on", "augment", "metric"}
    assert set(recipe) == shared | {"method", "source"}


def test_the_environment_names_the_code_and_the_machine(workspace: Workspace) -> None:
    where = tiny_trial("direct").run(workspace).environment
    assert where["versions"]["torch"] == torch.__version__.split("+")[0]
    assert len(where["code"]) == 16
    assert where["machine"]["fingerprint"]
    assert where["device"].startswith("cpu")


def test_the_source_and_its_own_accuracy_stand_in_the_record(workspace: Workspace) -> None:
    outcome = tiny_trial("direct", SOURCE).run(workspace).outcome
    assert len(str(outcome.source_weights)) == 16
    assert outcome.source_accuracy is not None
    assert 0 <= outcome.source_accuracy <= 1


def test_a_majority_guess_is_at_chance_and_reads_no_source(workspace: Workspace) -> None:
    record = tiny_trial("majority").run(workspace)
    assert record.status == "done"
    assert record.outcome.judged.score == pytest.approx(1 / 8)
    assert record.recipe["source"] is None


def test_shrink_and_perturb_lies_between_source_and_scratch() -> None:
    setup = tiny_conditions().setup
    source, fresh = setup.build(8), setup.build(8)
    method = methods.make({"name": "shrink_perturb", "shrink": 0.5, "perturb": 0.25})
    expected = 0.5 * source.part("stem")[0].weight + 0.25 * fresh.part("stem")[0].weight  # type: ignore[index]
    start = method.start(Materials(fresh, Weights(source), ()))
    assert torch.allclose(start.network.part("stem")[0].weight, expected)  # type: ignore[index]


def test_a_classifiers_strength_is_chosen_from_a_grid_as_large_as_that_of_rates(workspace: Workspace) -> None:
    both = [tiny_conditions(budget=replace(BUDGET, learning_rates=(0.01,) * n)) for n in (1, 4)]
    one, four = (tiny_trial("features", conditions=conditions).run(workspace).outcome for conditions in both)
    assert one.notes == ("classifier at strength 1",)
    assert four.notes[0].startswith("classifier at strength ")


@pytest.mark.parametrize("classifier", ["logistic", "knn", "linear_svm", "random_forest"])
def test_every_classifier_fits_a_handful_of_images(classifier: str, workspace: Workspace) -> None:
    conditions = tiny_conditions(8, replace(BUDGET, learning_rates=(0.01,) * 5))
    assert tiny_trial(f"features:{classifier}", conditions=conditions).run(workspace).status == "done"


@pytest.mark.parametrize(
    ("method", "prefix"), [("finetune", (0, None)), ("last_k", (3, "memory")), ("direct", (5, "memory"))]
)
def test_where_a_frozen_prefix_was_kept_is_recorded(
    workspace: Workspace, method: str, prefix: tuple[int, str | None]
) -> None:
    record = tiny_trial(method).run(workspace)
    assert record.status == "done", str(record.outcome.failure)
    assert (record.timing.prefix["boundary"], record.timing.prefix["kept_in"]) == prefix
    plain = tiny_trial(method).run(workspace, PLAIN)
    assert plain.timing.prefix == {"boundary": 0, "kept_in": None}
    assert plain.outcome.judged.score == pytest.approx(record.outcome.judged.score, abs=0.02)
