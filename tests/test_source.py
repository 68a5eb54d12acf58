"""Sources that are not trained here: the null control, a user's file and torchvision's zoo."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.tiny import ACCURACY, GREY, UNCHANGED, tiny_conditions, tiny_suite
from tlbench.dataset import Target, datasets
from tlbench.errors import TlbenchError
from tlbench.forms.images import Images
from tlbench.method import Budget
from tlbench.network import HEAD, Network, Setup, networks
from tlbench.source import Source, Weights, sources
from tlbench.streams import seeded
from tlbench.suite import Suite
from tlbench.training.pretraining import Pretrained
from tlbench.trials import Conditions, draw_of, notes, resolve
from tlbench.workspace import Storage, Workspace

SETUP = Setup(networks.make({"name": "resnet", "width": 4}), GREY)
SMALL = Images(32, 3)


def _load(spec: object, workspace: Workspace, seed: int = 0, root_seed: int = 0, setup: Setup = SETUP) -> Weights:
    return sources.make(spec).load(setup, workspace, seed, root_seed)


def test_the_null_source_is_drawn_anew_for_each_seed(workspace: Workspace) -> None:
    digests = [_load("null", workspace, seed).digest() for seed in (0, 0, 1, 2)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    assert _load("null", workspace, root_seed=1).digest() not in digests


def test_the_null_source_is_never_a_baseline_in_disguise(workspace: Workspace) -> None:
    conditions = tiny_conditions()
    fresh: set[str] = set()
    for seed in range(4):
        with seeded(*conditions.stream("weights", seed)):
            network = conditions.setup.build(2)
        fresh |= {network.checksum([name]) for name in network.names}
    for seed in range(4):
        network = _load("null", workspace, seed, setup=conditions.setup).network
        assert not {network.checksum([name]) for name in network.names} & fresh


def test_the_null_source_knows_no_classes_and_cost_nothing(workspace: Workspace) -> None:
    source = sources.make("null")
    weights = source.load(SETUP, workspace, 0, 0)
    assert (source.has_head, source.varies, source.datasets()) == (False, True, ())
    assert (weights.classes, weights.accuracy, weights.seconds) == (None, None, 0.0)
    assert not any(module.training for module in weights.network.modules())
    assert source.form(SMALL) is SMALL
    assert source.architecture(SETUP.architecture) is SETUP.architecture


def test_a_digest_is_of_the_blocks_alone(workspace: Workspace) -> None:
    weights = _load("null", workspace)
    before = weights.digest()
    nn.init.ones_(weights.network.head.weight)
    assert weights.digest() == before
    nn.init.ones_(next(weights.network.blocks.parameters()))
    assert weights.digest() != before


def _file(path: Path, n_classes: int = 3, **options: object) -> tuple[Network, dict[str, Any]]:
    torch.manual_seed(7)
    network = SETUP.build(n_classes)
    save_file(network.state_dict(), path)
    return network, {"name": "file", "path": str(path), **options}


def _all(network: Network) -> str:
    return network.checksum((*network.names, HEAD))


@pytest.mark.parametrize("classes", [(), ("ant", "bee", "cow")])
def test_a_file_is_loaded_with_its_classes(classes: tuple[str, ...], tmp_path: Path, workspace: Workspace) -> None:
    network, spec = _file(tmp_path / "a.safetensors", classes=classes)
    weights = _load(spec, workspace)
    assert _all(weights.network) == _all(network)
    assert weights.classes == (classes or ("class0", "class1", "class2"))
    assert weights.notes == (f"{tmp_path / 'a.safetensors'}: 37 tensors matched",)
    assert sources.make(spec).fits(SETUP, workspace) == weights.notes
    assert (weights.seconds, weights.accuracy, weights.dataset) == (None, None, None)
    assert not weights.network.training


def test_classes_that_are_not_as_many_as_the_head_has_are_refused(tmp_path: Path, workspace: Workspace) -> None:
    network, spec = _file(tmp_path / "a.safetensors", classes=("ant", "bee"))
    with pytest.raises(TlbenchError, match="has a head of 3 outputs, and 2 classes are named; name as many, or none"):
        sources.make(spec).fits(SETUP, workspace)
    save_file({key: value for key, value in network.state_dict().items() if "head" not in key}, spec["path"])
    with pytest.raises(TlbenchError, match="has no head that fits, and 2 classes are named"):
        sources.make(spec).fits(SETUP, workspace)


def test_what_a_partial_file_lacks_is_the_same_for_every_seed(tmp_path: Path, workspace: Workspace) -> None:
    network, spec = _file(tmp_path / "a.safetensors", partial=True)
    save_file({key: value for key, value in network.state_dict().items() if "layer3" not in key}, spec["path"])
    first, second = (_load(spec, workspace, seed, root_seed=seed) for seed in (0, 1))
    assert _all(first.network) == _all(second.network) != _all(network)
    assert first.notes[0].endswith("partial: 25 of 35 tensors of the blocks matched")
    assert not sources.make(spec).varies
    with pytest.raises(TlbenchError, match="10 of its 35 tensors are not in the file"):
        _load(spec | {"partial": False}, workspace)


def test_a_file_may_name_its_network(tmp_path: Path) -> None:
    source = sources.make({"name": "file", "path": str(tmp_path / "a.pt"), "network": "resnet:20"})
    assert source.architecture(SETUP.architecture) == networks.make("resnet:20")
    assert sources.make(f"file:{tmp_path}/a.pt").architecture(SETUP.architecture) == SETUP.architecture


def _of(network: object, channels: int, path: Path, size: int = 8) -> Source:
    """A file of a network for so many channels."""
    tensors = networks.make(network).build((channels, size, size), 3).state_dict()
    save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
    return sources.make(f"file:{path}")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("network", [{"name": "resnet", "width": 4}, "cnn:2", "mlp:2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_file_decides_on_colour(
    channels: int, network: object, suffix: str, tmp_path: Path, workspace: Workspace
) -> None:
    source = _of(network, channels, tmp_path / f"a{suffix}")
    for given in (Images(8, 1), Images(8, 3)):
        form = source.form(given)
        assert form == Images(8, channels)
        assert source.load(Setup(networks.make(network), form), workspace, 0, 0).notes[0].endswith("tensors matched")


def test_a_grey_checkpoint_of_a_torchvision_model_is_read(tmp_path: Path, workspace: Workspace) -> None:
    model = torchvision.models.resnet18(num_classes=7)
    tensors = model.state_dict() | {"conv1.weight": torch.randn(64, 1, 7, 7)}
    torch.save(tensors, tmp_path / "a.pt")
    source = sources.make({"name": "file", "path": str(tmp_path / "a.pt"), "network": "torchvision:resnet18"})
    network = source.architecture(SETUP.architecture)
    form = source.form(network.form(SMALL))
    assert form == Images(32, 1)
    weights = source.load(Setup(network, form), workspace, 0, 0)
    assert torch.equal(weights.network.part("conv1").state_dict()["0.weight"], tensors["conv1.weight"])
    assert len(weights.classes or ()) == 7


def test_a_file_may_name_its_preprocessing(tmp_path: Path) -> None:
    path = _of("cnn:2", 3, tmp_path / "a.pt").recipe()["path"]
    named = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1], "image_size": 16, "interpolation": "bicubic"}
    form = sources.make({"name": "file", "path": path, **named}).form(Images(8, 1))
    assert form == Images(16, 3, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1), 0, "bicubic")
    assert sources.make({"name": "file", "path": path, "image_size": 16}).form(Images(8, 1)) == Images(16, 3)


@pytest.mark.parametrize(
    "named",
    [{"mean": [0.5], "std": [0.5]}, {"mean": [0.5] * 3}, {"std": [0.5] * 3}, {"mean": [0.5] * 3, "std": [0] * 3}],
)
def test_statistics_that_do_not_fit_the_channels_are_refused(named: dict[str, Any], tmp_path: Path) -> None:
    path = _of("cnn:2", 3, tmp_path / "a.pt").recipe()["path"]
    with pytest.raises(TlbenchError, match="do not fit 3 channels; give one of each a channel"):
        sources.make({"name": "file", "path": path, **named}).form(Images(8, 1))


def test_a_file_may_name_what_it_was_trained_on(tmp_path: Path) -> None:
    source = sources.make({"name": "file", "path": str(tmp_path / "a.pt"), "trained_on": "digits"})
    assert source.datasets() == (datasets.make("digits"),)
    assert sources.make(source.recipe()) == source


def test_a_file_of_another_network_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    _, spec = _file(tmp_path / "a.safetensors")
    fits = r'none of its 15 tensors is in the file.*; it fits network = \{ name = "resnet", width = 4 \}'
    with pytest.raises(TlbenchError, match=rf"a\.safetensors does not fit network 'cnn-3': {fits}"):
        _load(spec, workspace, setup=Setup(networks.make("cnn"), SETUP.form))


def _suite_of(path: Path, **options: Any) -> Suite:
    cross = [{"sources": [{"name": "file", "path": str(path), **options}], "methods": ["linear_probe"]}]
    return tiny_suite(cross=cross, seeds=1)


def test_a_plan_refuses_what_does_not_fit_and_says_how_the_rest_does(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "a.pt"
    torch.save({"model": SETUP.build(3).state_dict(), "model_ema": SETUP.build(3).state_dict()}, path)
    said = notes(resolve(_suite_of(path), workspace), workspace)
    assert f'{path}: model_ema taken; model is there too: key = "model" chooses it' in said
    with pytest.raises(TlbenchError, match="does not fit network 'resnet-14'"):
        resolve(_suite_of(path, network="resnet:14"), workspace)
    with pytest.raises(TlbenchError, match="nothing lies under key 'ema'"):
        resolve(_suite_of(path, key="ema"), workspace)


def test_a_matched_twin_of_a_file_is_refused_with_it(tmp_path: Path, workspace: Workspace) -> None:
    _, spec = _file(tmp_path / "a.safetensors")
    matched = sources.make({"name": "matched", "source": spec})
    assert matched.fits(SETUP, workspace) == sources.make(spec).fits(SETUP, workspace) != ()
    with pytest.raises(TlbenchError, match="does not fit network 'cnn-3'"):
        matched.fits(Setup(networks.make("cnn"), SETUP.form), workspace)


def test_a_missing_file_is_named(tmp_path: Path, workspace: Workspace) -> None:
    source = sources.make(f"file:{tmp_path}/gone.pt")
    assert source.identity(workspace) == ""
    with pytest.raises(TlbenchError, match=f"no file at {tmp_path}/gone.pt"):
        source.load(SETUP, workspace, 0, 0)


def test_a_file_has_the_identity_of_its_bytes(tmp_path: Path, workspace: Workspace) -> None:
    _, spec = _file(tmp_path / "a.safetensors")
    before = sources.make(spec).identity(workspace)
    _file(tmp_path / "a.safetensors", n_classes=4)
    assert sources.make(spec).identity(workspace) != before != ""


ZOO = torchvision.models.get_model_weights("resnet18").DEFAULT


def _zoo(**options: object) -> Source:
    return sources.make({"name": "torchvision", "model": "resnet18", "image_size": 32, **options})


def _zoo_setup(source: Source) -> Setup:
    return Setup(source.architecture(SETUP.architecture), source.form(SETUP.form))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps the weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder / Path(ZOO.url).name


def _published() -> tuple[nn.Module, dict[str, Tensor]]:
    torch.manual_seed(3)
    model = torchvision.models.resnet18(weights=None).eval()
    return model, model.state_dict()


def test_the_zoo_brings_its_own_preprocessing() -> None:
    published = sources.make("torchvision:resnet18").form(GREY)
    assert published == Images(224, 3, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 256)
    assert _zoo().form(GREY) == Images(32, 3, published.mean, published.std)
    assert _zoo().architecture(SETUP.architecture) == networks.make("torchvision:resnet18")


@torch.inference_mode()
def test_the_zoo_is_read_from_where_torch_keeps_it(kept: Path, workspace: Workspace) -> None:
    model, tensors = _published()
    torch.save(tensors, kept)
    weights = _zoo().load(_zoo_setup(_zoo()), workspace, 0, 0)
    inputs = torch.randn(2, 3, 32, 32)
    assert torch.equal(weights.network(inputs), model(inputs))
    assert weights.classes == tuple(ZOO.meta["categories"])
    assert (weights.notes, weights.seconds, weights.accuracy) == ((), None, None)
    assert not weights.network.training


def test_zoo_weights_that_do_not_fit_are_told(kept: Path, workspace: Workspace) -> None:
    torch.save({key: value for key, value in _published()[1].items() if "layer4" not in key}, kept)
    with pytest.raises(TlbenchError, match=r"25 of its 100 tensors are not in the file \(blocks\.layer4"):
        _zoo().load(_zoo_setup(_zoo()), workspace, 0, 0)


def test_absent_zoo_weights_say_where_to_put_them(kept: Path, workspace: Workspace) -> None:
    with pytest.raises(TlbenchError, match=rf"source 'torchvision-.*': no weights at {kept}; .* allow the download"):
        _zoo().load(_zoo_setup(_zoo()), workspace, 0, 0)


def test_zoo_weights_are_downloaded_where_that_is_allowed(
    kept: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def download(url: str, *, check_hash: bool, weights_only: bool, progress: bool) -> None:
        assert (check_hash, weights_only, progress) == (True, True, False)
        asked.append(url)
        torch.save(_published()[1], kept)

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    monkeypatch.setattr(workspace, "storage", type(workspace.storage)(kept, kept, download=True))
    digests = [_zoo().load(_zoo_setup(_zoo()), workspace, 0, 0).digest() for _ in range(2)]
    assert digests[0] == digests[1]
    assert asked == [ZOO.url]


def test_damaged_zoo_weights_are_told(kept: Path, workspace: Workspace) -> None:
    kept.write_bytes(b"PK\x03\x04 half a download")
    with pytest.raises(TlbenchError, match=f"{kept} is damaged: cut short"):
        _zoo().load(_zoo_setup(_zoo()), workspace, 0, 0)


def test_unknown_weights_of_the_zoo_suggest_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="'IMAGENET1K_V2': did you mean 'IMAGENET1K_V1'"):
        _zoo(weights="IMAGENET1K_V2").form(SMALL)


def test_the_zoos_weights_may_be_named_in_the_argument() -> None:
    assert sources.make("torchvision:resnet50:IMAGENET1K_V1") == sources.make(
        {"name": "torchvision", "model": "resnet50", "weights": "IMAGENET1K_V1"}
    )
    with pytest.raises(TlbenchError, match="'IMAGENET1K_V3': did you mean 'IMAGENET1K_V"):
        sources.make("torchvision:resnet50:IMAGENET1K_V3").form(SMALL)


def test_an_unknown_model_of_the_zoo_suggests_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="unknown torchvision model 'resnet19'"):
        sources.make("torchvision:resnet19").form(SMALL)


def test_matched_weights_keep_each_layers_mean_and_spread_and_nothing_else(workspace: Workspace) -> None:
    spec = {"name": "trained", "dataset": "patterns", "steps": 10}
    wide = Setup(networks.make({"name": "resnet", "width": 32}), GREY)
    source, matched = sources.make(spec), sources.make({"name": "matched", "source": spec})
    own, drawn = (one.load(wide, workspace, 0, 0).network.part("layer3").state_dict() for one in (source, matched))
    for name in ("0.conv1.weight", "0.conv2.weight"):
        assert float(drawn[name].mean()) == pytest.approx(float(own[name].mean()), abs=0.1 * float(own[name].std()))
        assert float(drawn[name].std()) == pytest.approx(float(own[name].std()), rel=0.05)
        assert abs(float(torch.corrcoef(torch.stack([own[name].ravel(), drawn[name].ravel()]))[0, 1])) < 0.1
    assert torch.equal(own["0.bn1.running_var"], drawn["0.bn1.running_var"])


def test_permuted_pixels_are_the_same_in_every_image_and_keep_their_statistics() -> None:
    source = sources.make("permuted:patterns")
    assert isinstance(source, Pretrained)
    split = datasets.make("patterns").read("train", Storage(Path(), Path()))
    form = Images(12, 1)
    first, second = (source.rearrange(split, form, np.random.default_rng(3)).items for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(np.sort(first.reshape(len(first), -1)), np.sort(split.items.reshape(len(first), -1)))
    order = np.random.default_rng(3).permutation(144)
    assert np.array_equal(first[5].ravel(), split.items[5].ravel()[order])
    assert not np.array_equal(first[5], split.items[5])


def test_a_permuted_source_does_not_pass_its_data_off_as_its_own(workspace: Workspace) -> None:
    source = sources.make({"name": "permuted", "dataset": "patterns", "steps": 10})
    assert source.load(SETUP, workspace, 0, 0).dataset is None


def test_a_warm_start_trains_on_the_first_of_the_trials_own_draw(workspace: Workspace) -> None:
    spec = {"name": "trained", "dataset": "patterns", "steps": 10, "n_train": 16, "per_seed": True}
    source = sources.make(spec)
    assert isinstance(source, Pretrained)
    conditions = Conditions(Target(datasets.make("patterns"), 32), SETUP, Budget(), ACCURACY, UNCHANGED)
    pool = datasets.make("patterns").split("train", workspace)
    drawn = source._drawn(pool, 0, 5)
    assert np.array_equal(drawn, draw_of(conditions, 5, workspace)[0].train[:16])
    assert source.load(SETUP, workspace, 0, 0).digest() != source.load(SETUP, workspace, 1, 0).digest()


def test_more_images_than_the_pool_holds_are_refused(workspace: Workspace) -> None:
    source = sources.make({"name": "trained", "dataset": "patterns", "n_train": 10**6})
    with pytest.raises(TlbenchError, match="n_train 1000000 is not within the pool of 1600"):
        source.load(SETUP, workspace, 0, 0)
