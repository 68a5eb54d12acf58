"""A shelf is its folder: names, specs, labels and the errors a user meets."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tlbench.dataset import Dataset, datasets
from tlbench.datasets.patterns import Patterns
from tlbench.errors import TlbenchError
from tlbench.method import methods
from tlbench.network import networks
from tlbench.shelf import Leaf, Shelf, slug
from tlbench.source import sources


def test_the_listing_is_the_folder() -> None:
    files = {path.stem for path in (Path(__file__).parents[1] / "tlbench" / "methods").glob("[a-z]*.py")}
    assert set(methods) == files
    assert len(methods) == len(files)


def test_paths_are_read_as_a_shell_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OWN_DATA", str(tmp_path / "own"))
    specs = ("npz:~/a.npz", "npz:$HOME/a.npz", {"name": "npz", "path": "${OWN_DATA}/../a.npz"})
    found = [datasets.make(spec).recipe()["path"] for spec in specs]
    assert found == [f"{tmp_path}/a.npz", f"{tmp_path}/a.npz", f"{tmp_path}/own/../a.npz"]
    assert datasets.make("npz:$NOT_SET/a.npz").recipe()["path"] == "$NOT_SET/a.npz"
    nested = sources.make("trained:npz:~/a.npz").recipe()
    assert nested["dataset"]["path"] == f"{tmp_path}/a.npz"


def test_a_new_file_is_a_new_leaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pantry"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "jam.py").write_text(
        "from dataclasses import dataclass\n"
        "from tlbench.dataset import Dataset\n"
        "@dataclass(frozen=True)\n"
        "class Jam(Dataset):\n"
        "    sugar: int = 1\n"
        "    def read(self, part, storage): raise NotImplementedError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shelf: Shelf[Dataset] = Shelf("pantry", Dataset)  # type: ignore[type-abstract]
    assert list(shelf) == ["jam"]
    assert shelf.make("jam:3").recipe() == {"name": "jam", "sugar": 3, "classes": ()}


def test_a_file_without_its_one_class_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cellar").mkdir()
    (tmp_path / "cellar" / "__init__.py").touch()
    (tmp_path / "cellar" / "empty.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TlbenchError, match=r"cellar\.empty defines 0 classes"):
        Shelf("cellar", Dataset)["empty"]  # type: ignore[type-abstract]


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="unknown dataset 'mnst': did you mean 'mnist'"):
        datasets.make("mnst")


def test_an_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(TlbenchError, match="unknown option of network 'resnet' 'dept': did you mean 'depth'"):
        networks.make({"name": "resnet", "dept": 20})


def test_a_value_of_the_wrong_kind_names_the_option() -> None:
    with pytest.raises(TlbenchError, match=r"method 'last_k': k: .*valid integer"):
        methods.make("last_k:two")


def test_an_argument_where_there_is_none_is_an_error() -> None:
    with pytest.raises(TlbenchError, match="takes no argument"):
        methods.make("finetune:3")


@pytest.mark.parametrize("spec", [7, {"depth": 8}, None])
def test_what_is_no_spec_is_an_error(spec: object) -> None:
    with pytest.raises(TlbenchError, match="write 'name', 'name:argument' or a table"):
        networks.make(spec)


def test_specs_nest_at_the_first_colon() -> None:
    source = sources.make("trained:folder:a/b:c")
    assert source.recipe()["dataset"] == {
        "name": "folder",
        "path": "a/b:c",
        "image_size": None,
        "split_seed": 0,
        "classes": (),
        "group": None,
    }


def test_a_table_and_a_string_make_equal_leaves() -> None:
    assert networks.make("resnet:20") == networks.make({"name": "resnet", "depth": 20})


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("resnet", "resnet-8"),
        ({"name": "resnet", "width": 8}, "resnet-8-width-8"),
        ({"name": "resnet", "label": "My Net!"}, "my-net"),
    ],
)
def test_labels_are_derived_or_given(spec: object, label: str) -> None:
    assert networks.make(spec).label == label


def test_the_label_is_no_part_of_the_recipe() -> None:
    assert networks.make({"name": "cnn", "label": "x"}).recipe() == networks.make("cnn").recipe()


def test_slugs_are_fit_for_folders() -> None:
    assert slug("../Ä b/c") == "b-c"
    assert slug("...") == "x"


def test_shelves_and_leaves_travel_to_workers() -> None:
    leaf = sources.make("trained:glyphs:upper")
    assert pickle.loads(pickle.dumps(leaf)) == leaf
    assert list(pickle.loads(pickle.dumps(datasets))) == list(datasets)


def test_an_entry_point_is_a_leaf_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name, module = "elsewhere", "tlbench.methods.finetune"

    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [Point()] if group == "tlbench.methods" else []
    )
    assert "elsewhere" in methods
    assert methods["elsewhere"].__name__ == "Finetune"


def test_positional_options_come_before_inherited_ones() -> None:
    @dataclass(frozen=True)
    class Thing(Leaf):
        first: int = 0

    assert [option.name for option in Thing.options()] == ["first"]


@pytest.mark.parametrize(
    ("shelf", "spec"),
    [
        (sources, "trained:mnist"),
        (sources, "null"),
        (sources, {"name": "trained", "dataset": "patterns:0.5", "steps": 10}),
        (sources, {"name": "matched", "source": {"name": "trained", "dataset": {"name": "digits", "split_seed": 1}}}),
        (datasets, {"name": "mnist", "classes": ["1", "7"], "label": "two"}),
        (methods, "last_k:2"),
        (networks, {"name": "resnet", "width": 4}),
    ],
    ids=str,
)
def test_a_leaf_knows_what_was_typed(shelf: Shelf[Leaf], spec: object) -> None:
    made = shelf.make(spec)
    assert made.spec == spec
    assert json.loads(json.dumps(made.spec)) == spec
    again = shelf.make(made.spec)
    assert (again, again.label, again.spec) == (made, made.label, spec)
    assert pickle.loads(pickle.dumps(made)).spec == spec


def test_leaves_within_a_leaf_know_it_too(tmp_path: Path) -> None:
    matched: Any = sources.make({"name": "matched", "source": {"name": "trained", "dataset": "patterns:0.5"}})
    assert matched.source.spec == {"name": "trained", "dataset": "patterns:0.5"}
    assert matched.source.dataset.spec == "patterns:0.5"
    made = sources.make({"name": "trained", "dataset": datasets.make("patterns:0.5")})
    assert made.spec == {"name": "trained", "dataset": "patterns:0.5"}
    bare = sources.make({"name": "trained", "dataset": Patterns(0.5)})
    assert bare.spec == {"name": "trained", "dataset": Patterns(0.5).recipe()}
    assert sources.make(bare.spec) == bare
    path = tmp_path / "a.pt"
    assert sources.make({"name": "file", "path": path}).spec == {"name": "file", "path": str(path)}


def test_what_was_typed_is_no_part_of_what_a_leaf_is() -> None:
    string, table = (datasets.make(spec) for spec in ("patterns:0.5", {"name": "patterns", "similarity": 0.5}))
    own = Patterns(0.5)
    assert (string.spec, table.spec, own.spec) == ("patterns:0.5", {"name": "patterns", "similarity": 0.5}, None)
    assert string == table == own
    assert hash(string) == hash(table) == hash(own)
    assert string.recipe() == table.recipe() == own.recipe()
    assert "spec" not in string.recipe()
    assert string.label == table.label == own.label
    assert "spec" not in repr(string)
    with pytest.raises(TlbenchError, match="unknown option of dataset 'patterns' 'spec'"):
        datasets.make({"name": "patterns", "spec": "mnist"})
