"""Suites: TOML in, validated; an error names the place and the nearest valid name."""

from pathlib import Path

import pytest

from tests.tiny import tiny_suite
from tlbench.errors import TlbenchError
from tlbench.suite import builtin, read_suite

GOOD = """
seeds = 3
[[targets]]
dataset = "digits"
n_train = [50, 100]
[[cross]]
sources = ["trained:patterns"]
methods = ["finetune"]
"""


def _error(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(TlbenchError) as caught:
        read_suite(str(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_is_a_suite_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    suite = read_suite(str(tmp_path / "mine.toml"))
    assert suite.name == "mine"
    assert [target.label for target in suite.targets[0].targets()] == ["digits-n50", "digits-n100"]


def test_overrides_replace_keys(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    assert read_suite(str(tmp_path / "mine.toml"), {"seeds": 7}).seeds == 7


def test_steps_replace_epochs_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(f"epochs = 4\n{GOOD}")
    path = str(tmp_path / "mine.toml")
    assert [read_suite(path).budget(n).steps for n in (50, 100)] == [4 * 1, 4 * 3]
    assert [read_suite(path, {"steps": 9}).budget(n).steps for n in (50, 100)] == [9, 9]
    (tmp_path / "mine.toml").write_text(f"steps = 9\n{GOOD}")
    assert read_suite(path, {"epochs": 2}).budget(100).steps == 6
    with pytest.raises(TlbenchError, match="are both given"):
        read_suite(path, {"epochs": 2, "steps": 3})


def test_the_builtin_suites_are_there() -> None:
    assert {"smoke", "quick", "ladder"} <= set(builtin())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seeds = 3", "seed = 3"), "unknown key 'seed': did you mean 'seeds'"),
        (("n_train =", "ntrain ="), "unknown key 'targets.0.ntrain': did you mean 'targets.0.n_train'"),
        (("methods =", "method ="), "unknown key 'cross.0.method': did you mean 'cross.0.methods'"),
        (('"digits"', '"digitz"'), "unknown dataset 'digitz': did you mean 'digits'"),
        (('"trained:patterns"', '"trained:paterns"'), "unknown dataset 'paterns': did you mean 'patterns'"),
        (('["finetune"]', '["fine_tune"]'), "unknown method 'fine_tune': did you mean 'finetune'"),
        (
            ('["finetune"]', '["finetune"]\ntargets = ["digit"]'),
            "unknown target of the suite 'digit': did you mean 'digits'",
        ),
        (("seeds = 3", "seeds = 0"), "seeds: 0 is neither a number of at least 1 nor auto"),
        (("seeds = 3", "learning_rates = []"), "learning_rates"),
        (("seeds = 3", "steps = 9\nepochs = 2"), "steps (9) and epochs (2) are both given; leave out one of them"),
        (("seeds = 3", "[verdict]\nalhpa = 0.1"), "unknown key 'verdict.alhpa': did you mean 'verdict.alpha'"),
        (("seeds = 3", 'baseline = "finetune"'), "baseline 'finetune' needs a source"),
        (("seeds = 3", "seeds = "), "is not a TOML suite"),
        (("[[cross]]", "[[crosses]]"), "cross"),
    ],
)
def test_each_mistake_is_one_line_that_names_place_and_mend(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    message = _error(tmp_path, GOOD.replace(*change))
    assert said in message
    assert "\n" not in message or "TOML" in message


def test_an_unknown_suite_suggests_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="unknown suite 'quik': did you mean 'quick'"):
        read_suite("quik")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(TlbenchError, match=r"no suite file at nowhere/x\.toml"):
        read_suite("nowhere/x.toml")


def test_default_controls_are_null_and_the_first_sources_shuffled() -> None:
    controls = tiny_suite(controls=True).declared_controls()
    assert [(c.source and c.source.label, c.method.label, c.expect) for c in controls] == [
        ("null", "finetune", "unflagged"),
        ("null", "linear_probe", "any"),
        (None, "majority", "negative"),
        ("shuffled-patterns-0.5", "linear_probe", "negative"),
        ("permuted-patterns-0.5", "linear_probe", "negative"),
        ("matched-trained-patterns-0.5-steps-10", "finetune", "any"),
    ]


def test_one_learning_rate_is_a_grid_of_one() -> None:
    assert tiny_suite(learning_rates=0.02).budget(32).learning_rates == (0.02,)


def test_controls_can_be_listed() -> None:
    listed = tiny_suite(controls=[{"source": "null", "method": "finetune"}]).declared_controls()
    assert [c.expect for c in listed] == ["any"]
