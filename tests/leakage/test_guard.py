"""A source or a pool that saw some of the test is found, encoded anew or not; look-alikes are no false alarm."""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from tests.tiny import tiny_suite
from tlbench.dataset import Dataset, Split, SplitName, datasets
from tlbench.errors import TlbenchError
from tlbench.form import forms
from tlbench.judging.verdict import judge_run
from tlbench.leakage import check
from tlbench.records import Outcome
from tlbench.study import Study
from tlbench.suite import make_suite
from tlbench.trials import notes, resolve
from tlbench.workspace import Storage, Workspace

IMAGES = forms["images"]
REAL = Path(__file__).parents[3] / "shared" / "data"
Pixels = npt.NDArray[np.uint8]


def photos(n: int, seed: int, side: int = 32) -> Pixels:
    """(n, 3, side, side) smooth random images, each its own."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 5, 5, 3), dtype=np.uint8)
    large = [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in coarse]
    return np.stack(large).transpose(0, 3, 1, 2)


def encoded_anew(images: Pixels, quality: int, side: int = 0) -> Pixels:
    """The same as JPEG, of another size where one is given."""
    made = []
    for image in images:
        held, picture = io.BytesIO(), Image.fromarray(image.transpose(1, 2, 0))
        (picture.resize((side, side)) if side else picture).save(held, "JPEG", quality=quality)
        made.append(np.asarray(Image.open(held)).transpose(2, 0, 1))
    return np.stack(made)


@dataclass(frozen=True)
class Made(Dataset):
    """A pool of 100 images and a test of 40; `seen` of the test lie in the pool, which begins at image `start`."""

    start: int = 1000
    seen: int = 0
    quality: int = 0
    side: int = 32

    def read(self, split_name: SplitName, storage: Storage) -> Split:  # noqa: ARG002
        """The split."""
        test = photos(40, 0)
        if split_name == "test":
            return Split(test, np.arange(40) % 2, ("a", "b"))
        seen = encoded_anew(test[: self.seen], self.quality, self.side) if self.quality and self.seen else test
        own = photos(100, self.start, self.side)
        items = np.concatenate([seen[: self.seen], own])[:100] if self.seen else own
        return Split(items, np.arange(100) % 2, ("a", "b"))


@pytest.mark.parametrize("seen", [0, 2, 20, 40])
@pytest.mark.parametrize("quality", [0, 75])
def test_a_source_that_saw_some_of_the_test_is_found_to_the_item(seen: int, quality: int, workspace: Workspace) -> None:
    found = check(Made(), Made(2000, seen, quality), IMAGES, workspace)
    assert list(found.seen) == list(range(seen))
    assert found.exact == (0 if quality else seen)
    assert found.share == seen / 40
    assert found.pool_share == 0
    assert found.examples[:1] == (("item 0 (a) is item 0 (a)",) if seen else ())


def test_images_of_another_size_are_known_again(workspace: Workspace) -> None:
    found = check(Made(), Made(2000, 8, 85, side=48), IMAGES, workspace)
    assert list(found.seen) == list(range(8))


def test_neither_brightness_nor_contrast_hides_an_image(workspace: Workspace) -> None:
    @dataclass(frozen=True)
    class Dimmed(Made):
        def read(self, split_name: SplitName, storage: Storage) -> Split:
            split = super().read(split_name, storage)
            return replace(split, items=(20 + 0.6 * split.items).astype(np.uint8)) if split_name == "train" else split

    assert list(check(Made(), Dimmed(2000, 8), IMAGES, workspace).seen) == list(range(8))


def test_how_much_of_the_pool_a_source_saw_is_told(workspace: Workspace) -> None:
    assert check(Made(), Made(), IMAGES, workspace).pool_share == 1
    assert check(Made(), Made(2000), IMAGES, workspace).pool_share == 0


@pytest.mark.parametrize(
    "spec", ["digits", "glyphs", "glyphs:lower", "glyphs:greek", "patterns", "patterns:0.5", "glyphs:upper"]
)
def test_embedded_data_raise_no_alarm(spec: str, workspace: Workspace) -> None:
    assert check(datasets.make(spec), None, IMAGES, workspace).share < 0.002


@pytest.mark.parametrize(("spec", "most"), [("mnist", 0), ("fashion_mnist", 40), ("cifar", 4)])
def test_real_data_raise_no_alarm_beyond_their_known_duplicates(spec: str, most: int, tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the real data are not here")
    made = datasets.make(f"folder:{REAL}/cifar10-12k" if spec == "cifar" else spec)
    workspace = Workspace(Storage(REAL / "torchvision", tmp_path / "cache"), torch.device("cpu"))
    found = check(made, None, IMAGES, workspace)
    assert found.exact == 0
    assert len(found.seen) <= most


def test_another_cut_of_the_same_data_is_found(workspace: Workspace) -> None:
    again = datasets.make({"name": "digits", "split_seed": 1})
    found = check(datasets.make("digits"), again, IMAGES, workspace)
    mine, theirs = (d.split("test", workspace).whole() for d in (datasets.make("digits"), again))
    both = {item.tobytes() for item in mine} & {item.tobytes() for item in theirs}
    assert found.exact == len(found.seen) == len(mine) - len(both)
    assert found.share == pytest.approx(0.8, abs=0.05)


def test_a_part_of_the_classes_is_found(workspace: Workspace) -> None:
    few = datasets.make({"name": "digits", "split_seed": 1, "classes": ("3", "8")})
    found = check(datasets.make("digits"), few, IMAGES, workspace)
    labels = datasets.make("digits").split("test", workspace).labels
    assert set(labels[list(found.seen)].tolist()) == {3, 8}


def test_groups_on_both_sides_count_as_seen(workspace: Workspace) -> None:
    @dataclass(frozen=True)
    class Grouped(Made):
        def read(self, split_name: SplitName, storage: Storage) -> Split:
            split = super().read(split_name, storage)
            first = 0 if split_name == "train" else 21
            return replace(split, groups=np.array([f"p{first + i // 4}" for i in range(len(split))]))

    found = check(Grouped(), None, IMAGES, workspace)
    assert list(found.seen) == list(range(16)), "patients 21 to 24 are in the pool"
    assert found.exact == 0


def test_what_was_found_is_kept_and_a_damaged_file_is_found_anew(workspace: Workspace) -> None:
    again = Workspace(workspace.storage, workspace.device)
    first = check(Made(seen=3), None, IMAGES, workspace)
    (kept,) = (workspace.storage.cache / "leakage").glob("*.json")
    for text in (kept.read_text(), "", "[]", '{"n": 40, "seen": [41]}', '{"n": {}, "seen": 3}'):
        kept.write_text(text)
        found = check(Made(seen=3), None, IMAGES, Workspace(again.storage, again.device))
        assert found.seen == first.seen == (0, 1, 2)


def test_equal_items_of_two_classes_are_counted(workspace: Workspace) -> None:
    @dataclass(frozen=True)
    class Twice(Made):
        def read(self, split_name: SplitName, storage: Storage) -> Split:
            split = super().read(split_name, storage)
            items = split.items.copy()
            items[1], items[3] = items[0], items[0]
            items[4] = items[2]
            return replace(split, items=items)

    assert check(Made(), None, IMAGES, workspace).clashes == 0
    assert check(Twice(), None, IMAGES, workspace).clashes == 3, "items 0, 1 and 3; 2 and 4 are of one class"


def _digits(**changes: Any) -> dict[str, Any]:
    """A source trained on another cut of the digits, which saw four fifths of the test, and one that saw nothing."""
    own = {"name": "trained", "dataset": {"name": "digits", "split_seed": 1}, "steps": 10, "label": "other-cut"}
    far = {"name": "trained", "dataset": "glyphs", "steps": 10, "label": "far"}
    cross = [{"sources": [own, far, "null"], "methods": ["finetune"]}]
    return {"targets": [{"dataset": "digits", "n_train": 32}], "cross": cross, "seeds": 1} | changes


def test_a_cell_whose_test_was_seen_is_invalid_and_not_run(tmp_path: Path) -> None:
    study = Study(tiny_suite(**_digits()), tmp_path / "out")
    study.run(device="cpu", jobs=1)
    verdicts = {v.source: v for v in judge_run(tmp_path / "out").verdicts}
    assert (verdicts["other-cut"].verdict, verdicts["other-cut"].leak) == ("invalid", "invalid")
    assert not verdicts["other-cut"].provisional
    assert verdicts["other-cut"].notes[0].startswith("leak: test items seen by other-cut: ")
    assert 'leak = "drop" leaves them out' in verdicts["other-cut"].notes[0]
    assert (verdicts["far"].n_pairs, verdicts["far"].leak) == (1, None)
    assert not list((tmp_path / "out").glob("*/other-cut/*/seed-*.json"))
    (line,) = (note for note in study.judge().run.notes if note.startswith("leakage, "))
    assert "in its own pool: none; seen by other-cut: " in line
    assert "seen by far: none" in line
    overlaps = {found.source: found for found in study.judge().run.leakage}
    assert overlaps["other-cut"].seen == overlaps["other-cut"].exact > 250
    assert overlaps.keys() == {"", "other-cut", "far"}, "the null source was trained on nothing"


def test_seen_items_can_be_left_out_of_every_arms_test(tmp_path: Path, workspace: Workspace) -> None:
    study = Study(tiny_suite(**_digits(leak="drop")), tmp_path / "out")
    study.run(device="cpu", jobs=1)
    found = check(datasets.make("digits"), datasets.make({"name": "digits", "split_seed": 1}), IMAGES, workspace)
    for cell in study.judge().cells:
        record = cell.own.records[0]
        assert isinstance(record.outcome, Outcome)
        assert record.outcome.judged.n == cell.base.records[0].outcome.judged.n == found.n - len(found.seen)
        assert record.recipe["left_out"] == cell.base.records[0].recipe["left_out"]
    assert {v.leak for v in study.judge().verdicts} == {"dropped"}


def test_a_leak_can_be_allowed_and_is_said(workspace: Workspace) -> None:
    plan = resolve(tiny_suite(**_digits(leak="allow")), workspace)
    leaks = {cell.source.label: cell.leak for cell in plan.cells if cell.source}
    assert leaks["far"] is None
    assert leaks["other-cut"] is not None
    assert leaks["other-cut"].handling == "allowed"
    assert leaks["other-cut"].text.startswith("leak allowed: test items seen by other-cut: ")
    assert len(plan.runnable) == len(plan.cells)


def test_where_a_class_would_be_left_without_test_items_dropping_is_refused(workspace: Workspace) -> None:
    both = tuple({"name": "trained", "dataset": {"name": "digits", "split_seed": s}, "steps": 9} for s in range(1, 9))
    sources = [{**one, "label": f"cut{i}"} for i, one in enumerate(both)]
    suite = tiny_suite(**_digits(leak="drop", cross=[{"sources": sources, "methods": ["finetune"]}]))
    with pytest.raises(TlbenchError, match=r"no test items of class . are left without those"):
        resolve(suite, workspace)


def test_what_lies_on_both_sides_of_a_cut_made_here_is_left_out(tmp_path: Path, workspace: Workspace) -> None:
    """No fault of the data's: the verdict stands, on the other items; a split that came with the data is another's."""
    images, labels = photos(80, 3), np.arange(80) % 2
    images[60:] = images[:20]
    np.savez(tmp_path / "one.npz", images=images, labels=labels)
    np.savez(
        tmp_path / "two.npz",
        train_images=images[:60],
        train_labels=labels[:60],
        test_images=images[60:],
        test_labels=labels[60:],
    )
    plans = {}
    for name in ("one", "two"):
        target = {"dataset": f"npz:{tmp_path}/{name}.npz", "n_train": 20}
        plan = resolve(tiny_suite(targets=[target], cross=[{"sources": ["null"], "methods": ["finetune"]}]), workspace)
        plans[name] = plan.cells[0]
    left_out, leak = plans["one"].conditions.left_out, plans["one"].leak
    pool, test = (plans["one"].conditions.target.dataset.split(part, workspace) for part in ("train", "test"))
    known = {item.tobytes() for item in pool.whole()}
    assert left_out == tuple(i for i, item in enumerate(test.whole()) if item.tobytes() in known)
    assert left_out
    assert leak is not None
    assert leak.handling == "dropped"
    assert plans["two"].invalid
    assert plans["two"].conditions.left_out == ()


def test_a_source_that_cannot_be_read_is_not_checked_and_that_is_said(workspace: Workspace, tmp_path: Path) -> None:
    kept = tmp_path / "own.pt"
    suite = tiny_suite()
    setup = resolve(suite, workspace).cells[0].conditions.setup
    torch.save(setup.build(3).state_dict(), kept)
    plain = _digits(cross=[{"sources": [f"file:{kept}"], "methods": ["finetune"]}], network=suite.network, image_size=8)
    found = notes(resolve(make_suite({"controls": False} | plain, "tests"), workspace), workspace)
    assert any("seen by file-own.pt: not checked, what it was trained on cannot be read" in note for note in found)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(TlbenchError, match=r"leak: .*'invalid', 'drop' or 'allow'"):
        tiny_suite(leak="ignore")
