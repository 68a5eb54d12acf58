"""Which of a file's weights are taken: the fullest, averaged ones first; the others are said, and `key` chooses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.checkpoints import body, build, load, public, said, saved, under
from tlbench.errors import TlbenchError

RAW, AVERAGED = (public(build(seed=seed)) for seed in (1, 2))
HOOKED = {f"ema_{name.replace('.', '_')}": value for name, value in AVERAGED.items()}
SEVERAL: dict[str, tuple[Any, str, str]] = {  # what is saved, what is taken of it, what else is there
    "timm": ({"arch": "x", "state_dict": RAW, "state_dict_ema": AVERAGED}, "state_dict_ema", "state_dict"),
    "torchvision": (
        {"model": RAW, "model_ema": under("module.", AVERAGED) | {"n_averaged": torch.tensor(9)}},
        "model_ema",
        "model",
    ),
    "EMA within": ({"state_dict": under("net.", RAW) | under("ema_net.", AVERAGED)}, "ema_net", "net"),
    "EMA beside": (RAW | {"ema": AVERAGED}, "ema", "."),
    "DINO": (
        {"student": under("module.backbone.", RAW), "teacher": under("backbone.", AVERAGED), "epoch": 1},
        "teacher",
        "student",
    ),
    "MoCo": (
        {
            "state_dict": under("module.encoder_k.", RAW)
            | under("module.encoder_q.", AVERAGED)
            | {"module.queue": torch.randn(12, 6), "module.queue_ptr": torch.tensor([0])}
        },
        "encoder_q",
        "encoder_k",
    ),
    "BYOL": (
        {"state_dict": under("target_encoder.", RAW) | under("online_encoder.", AVERAGED)},
        "online_encoder",
        "target_encoder",
    ),
    "SWA": ({"swa_model": under("module.", AVERAGED), "model": RAW}, "swa_model", "model"),
}


def _took(path: Path, tensors: dict[str, Tensor], **options: Any) -> list[str]:
    weights = load(path, **options)
    assert torch.equal(weights.network.head.weight, tensors["linear.weight"])
    assert torch.equal(
        weights.network.part("layer3").state_dict()["0.bn2.running_var"], tensors["layer3.0.bn2.running_var"]
    )
    return said(weights, path)


@pytest.mark.parametrize("name", SEVERAL)
def test_the_weights_that_authors_use_are_taken_and_the_others_said(name: str, tmp_path: Path) -> None:
    held, taken, other = SEVERAL[name]
    path = saved(tmp_path / "a.pth", held)
    assert _took(path, AVERAGED) == [
        "37 tensors matched",
        f'{taken} taken; {other} is there too: key = "{other}" chooses it',
    ]
    assert _took(path, RAW, key=other)[0] == "37 tensors matched"
    assert _took(path, AVERAGED, key=taken) == ["37 tensors matched"]


def test_a_key_may_be_a_path(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", SEVERAL["MoCo"][0])
    assert _took(path, RAW, key="state_dict.module.encoder_k") == ["37 tensors matched"]


def test_an_unknown_key_is_told_with_what_is_there(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", SEVERAL["DINO"][0])
    with pytest.raises(TlbenchError, match=r"nothing lies under key 'techer'; there is .*student.*teacher") as caught:
        load(path, key="techer")
    assert "layer1" not in str(caught.value)


def test_a_key_of_something_else_is_a_misfit(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"model": RAW, "head": {"weight": torch.ones(3, 3)}})
    with pytest.raises(TlbenchError, match=r"none of its 35 tensors is in the file, which holds head\.weight \(3, 3\)"):
        load(path, key="head")


def test_weights_that_are_all_zero_are_passed_over(tmp_path: Path) -> None:
    zeros = {f"ema_net.{name}": torch.zeros_like(value) for name, value in RAW.items()}
    path = saved(tmp_path / "a.ckpt", {"state_dict": under("net.", RAW) | zeros})
    assert _took(path, RAW)[1:] == ["net taken; ema_net is there too, all zero: it was passed over"]
    with pytest.raises(TlbenchError, match="every weight is zero"):
        load(path, key="ema_net")


def test_averaged_weights_without_their_buffers_are_passed_over(tmp_path: Path) -> None:
    parameters = {name: value for name, value in AVERAGED.items() if "running" not in name}
    path = saved(tmp_path / "a.pth", {"model": RAW, "ema": parameters})
    assert _took(path, RAW)[1:] == ["model taken; ema is there too, incomplete: it was passed over"]


def test_of_equals_none_is_guessed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"first": RAW, "second": AVERAGED})
    with pytest.raises(TlbenchError, match='holds several networks that fit: "first", "second"; choose one by key'):
        load(path)
    assert _took(path, AVERAGED, key="second") == ["37 tensors matched"]
    listed = saved(tmp_path / "b.pth", [RAW, AVERAGED])
    assert _took(listed, AVERAGED, key="1") == ["37 tensors matched"]


def test_the_same_weights_twice_are_no_question(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.ckpt", {"state_dict": under("model.", RAW) | under("net.", RAW)})
    assert _took(path, RAW)[1:] == ['model taken; net is there too with the same weights: key = "net" chooses it']


def test_spoilt_weights_that_are_not_taken_do_no_harm(tmp_path: Path) -> None:
    spoilt = {name: value * torch.nan if value.is_floating_point() else value for name, value in RAW.items()}
    path = saved(tmp_path / "a.pth", {"model": spoilt, "model_ema": AVERAGED})
    _took(path, AVERAGED)
    with pytest.raises(TlbenchError, match=r"'model\.conv1\.weight' holds NaN or infinity \(108 of 108"):
        load(path, key="model")


def test_averaged_copies_under_names_without_dots_are_said_and_not_taken(tmp_path: Path) -> None:
    assert _took(saved(tmp_path / "a.pth", {"state_dict": RAW | HOOKED}), RAW)[0] == "37 tensors matched"
    beside = _took(saved(tmp_path / "b.pth", {"state_dict": under("backbone.", RAW) | HOOKED}), RAW)
    assert beside[1].startswith("37 tensors beside it not used: state_dict.ema_conv1_weight, ")


def test_a_detector_s_other_parts_are_said(tmp_path: Path) -> None:
    others = {"rpn.conv.weight": torch.ones(3, 3, 1, 1), "roi_heads.box.weight": torch.ones(3, 3)}
    path = saved(tmp_path / "a.pth", {"model": under("backbone.body.", body(RAW)) | others})
    assert said(load(path), path)[1:] == [
        "no head in the file",
        "2 tensors beside it not used: model.rpn.conv.weight, model.roi_heads.box.weight",
    ]
