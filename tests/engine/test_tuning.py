"""Tuning: what is open to a network is timed, what is not is left out, and plain wins a draw."""

import pytest

from tests.tiny import GREY
from tlbench.engine.tuning import Tuning
from tlbench.network import Setup, networks
from tlbench.trials import Choice
from tlbench.workspace import Workspace


def _setup(spec: object) -> Setup:
    return Setup(networks.make(spec), GREY)


def test_every_way_that_is_open_is_timed(workspace: Workspace) -> None:
    tuned = Tuning(_setup({"name": "resnet", "width": 8}), 0, 16, 5)(workspace)
    assert [name.split(",")[0] for name in tuned.milliseconds] == ["apart", "apart", "together"]
    assert tuned.seconds == tuned.milliseconds[tuned.choice.name] / 1000 > 0


@pytest.mark.parametrize(
    ("spec", "seeds", "ways"),
    [
        ({"name": "resnet", "width": 4, "shortcut": "B"}, 5, {"apart", "together"}),
        ({"name": "resnet", "width": 8}, 1, {"apart", "apart, channels_last"}),
        ("mlp", 2, {"apart", "together"}),
    ],
)
def test_what_is_not_open_is_left_out(spec: object, seeds: int, ways: set[str], workspace: Workspace) -> None:
    assert set(Tuning(_setup(spec), 0, 16, seeds)(workspace).milliseconds) == ways


def test_where_the_layout_is_settled_the_other_is_not_timed(workspace: Workspace) -> None:
    tuned = Tuning(_setup({"name": "resnet", "width": 8}), 2, 16, 5, channels_last=True)(workspace)
    assert set(tuned.milliseconds) == {"apart, channels_last", "together, channels_last"}
    assert tuned.choice.channels_last


def test_where_the_plain_way_is_asked_for_no_other_is_timed(workspace: Workspace) -> None:
    tuned = Tuning(_setup({"name": "resnet", "width": 8}), 0, 16, 5, plain=True)(workspace)
    assert set(tuned.milliseconds) == {"apart"}


@pytest.mark.parametrize(
    ("times", "choice"),
    [
        ([1.0, 0.98, 0.92], Choice()),
        ([1.0, 1.0, 0.5], Choice(together=True)),
        ([1.0, 0.5, 1.0], Choice(channels_last=True)),
        ([1.0, 0.8, 0.5], Choice(together=True, channels_last=True)),
    ],
)
def test_plain_wins_a_draw(
    times: list[float], choice: Choice, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(times)
    monkeypatch.setattr("tlbench.engine.tuning._seconds", lambda *_, **__: next(given))
    assert Tuning(_setup({"name": "resnet", "width": 8}), 0, 16, 5)(workspace).choice == choice
