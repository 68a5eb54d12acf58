"""Tuning: what is open to a network is timed, what is not is left out, and plain wins a draw."""

import pytest
import torch

from tlbench.attempt import Choice
from tlbench.inputs import InputForm
from tlbench.network import Setup, networks
from tlbench.tuning import tune

CPU = torch.device("cpu")


def _setup(spec: object) -> Setup:
    return Setup(networks.make(spec), InputForm(8, 1))


def test_every_way_that_is_open_is_timed() -> None:
    tuned = tune(_setup({"name": "resnet", "width": 8}), 0, 16, 5, CPU)
    assert set(tuned.milliseconds) == {"apart", "together", "apart, channels_last", "together, channels_last"}
    assert tuned.seconds == min(tuned.milliseconds.values()) / 1000 > 0


@pytest.mark.parametrize(
    ("spec", "seeds", "ways"),
    [
        ({"name": "resnet", "width": 4, "shortcut": "B"}, 5, {"apart", "together"}),
        ({"name": "resnet", "width": 8}, 1, {"apart", "apart, channels_last"}),
        ("mlp", 2, {"apart", "together"}),
    ],
)
def test_what_is_not_open_is_left_out(spec: object, seeds: int, ways: set[str]) -> None:
    assert set(tune(_setup(spec), 0, 16, seeds, CPU).milliseconds) == ways


@pytest.mark.parametrize(
    ("times", "choice"),
    [
        ([1.0, 0.97, 0.98, 0.99], Choice()),
        ([1.0, 0.5, 1.0, 1.0], Choice(together=True)),
        ([1.0, 1.0, 0.5, 1.0], Choice(channels_last=True)),
        ([1.0, 0.6, 0.8, 0.5], Choice(together=True, channels_last=True)),
    ],
)
def test_plain_wins_a_draw(times: list[float], choice: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(times)
    monkeypatch.setattr("tlbench.tuning._seconds", lambda *_, **__: next(given))
    assert tune(_setup({"name": "resnet", "width": 8}), 0, 16, 5, CPU).choice == choice
