"""A user's own folder of images: splits and classes out of the names of its folders, good and bad."""

import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePath

import numpy as np
import pytest

from tests.drawn import level_of, write_classes, write_image, write_noise
from tlbench.dataset import Dataset, Split, datasets
from tlbench.errors import TlbenchError
from tlbench.streams import seeded
from tlbench.workspace import Storage

REAL = Path(__file__).parents[3] / "shared" / "data" / "cifar10-12k"
TWO = {"cat": 3, "dog": 3}


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


def _folder(path: Path, **options: object) -> Dataset:
    return datasets.make({"name": "folder", "path": str(path), **options})


def _both(dataset: Dataset, storage: Storage) -> tuple[Split, Split]:
    return dataset.open("train", storage), dataset.open("test", storage)


def _levels(split: Split) -> list[int]:
    return [level_of(item) for item in split.whole()]


def _refusal(path: Path, storage: Storage, **options: object) -> str:
    with pytest.raises(TlbenchError) as caught:
        _folder(path, **options).open("train", storage)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _paths(split: Split) -> list[str]:
    assert split.paths is not None
    return [str(path) for path in split.paths]


@pytest.mark.parametrize("held_out", ["test", "val", "valid"])
def test_a_folder_with_a_test_folder_is_read_as_it_is(own: Path, held_out: str, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 3, "dog": 4})
    write_classes(own / held_out, {"cat": 2, "dog": 1})
    train, test = _both(_folder(own), storage)
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert test.labels.tolist() == [0, 0, 1]
    assert (train.shape, train.notes, test.notes) == ((1, 8, 8), (), ())
    why = "" if held_out == "test" else " (there is no test folder)"
    assert train.origin == test.origin == f"the folder {held_out}{why}"


@pytest.mark.parametrize("inner", ["", "train"])
def test_a_folder_without_one_is_cut_into_disjoint_stratified_parts(own: Path, inner: str, storage: Storage) -> None:
    write_classes(own / inner, {"cat": 50, "dog": 30})
    train, test = _both(_folder(own), storage)
    assert sorted(_levels(train) + _levels(test)) == list(range(80))
    assert np.bincount(test.labels).tolist() == [10, 6]
    assert all((level >= 50) == label for level, label in zip(_levels(test), test.labels, strict=True))
    assert test.notes == (f"{own}: no test folder; one stratified fifth was cut off as the test split",)


def test_the_cut_is_the_same_for_every_caller(own: Path, storage: Storage, tmp_path: Path) -> None:
    write_classes(own, {"cat": 20, "dog": 20})
    with seeded(1, "one trial"):
        first = _folder(own).open("test", storage)
    with seeded(2, "another trial"):
        second = _folder(own).open("test", Storage(storage.data, tmp_path / "another cache"))
    assert _levels(first) == _levels(second)
    assert _levels(_folder(own, split_seed=1).open("test", storage)) != _levels(first)


def test_a_colour_folder_has_three_channels(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 5, "dog": 5}, mode="RGB")
    assert _folder(own).open("train", storage).shape == (3, 8, 8)


def test_test_images_are_brought_to_the_size_of_the_training_images(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 2, "dog": 2}, size=(10, 10))
    write_classes(own / "test", {"cat": 2, "dog": 2}, size=(20, 30))
    train, test = _both(_folder(own), storage)
    assert train.shape == test.shape == (1, 10, 10)
    assert train.notes == ()
    assert "images of another size cut to the centre square and scaled to 10x10" in test.notes[0]
    assert _folder(own, image_size=6).open("test", storage).shape == (1, 6, 6)


def test_mixed_sizes_are_noted(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 9, "dog": 9})
    write_image(own / "cat" / "big.png", 7, (40, 50))
    split = _folder(own).open("train", storage)
    assert split.shape == (1, 8, 8)
    assert any("images of 2 sizes" in note for note in split.notes)


def test_a_missing_path_is_named(own: Path, storage: Storage) -> None:
    with pytest.raises(TlbenchError, match=f"no folder at {own}; give folder:PATH"):
        _folder(own).open("train", storage)


def test_one_class_is_too_few(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 10})
    with pytest.raises(TlbenchError, match=r"dataset 'folder-own' has one class \(cat\)"):
        _folder(own).open("train", storage)


def test_an_empty_class_is_named(own: Path, storage: Storage) -> None:
    write_classes(own, {"cat": 10})
    (own / "dog").mkdir()
    with pytest.raises(TlbenchError, match="class 'dog' in"):
        _folder(own).open("train", storage)


@pytest.mark.parametrize(("train", "test", "odd"), [("cat dog", "cat", "dog"), ("cat dog", "cat dog eel", "eel")])
def test_parts_with_other_classes_are_refused(own: Path, train: str, test: str, odd: str, storage: Storage) -> None:
    write_classes(own / "train", dict.fromkeys(train.split(), 2))
    write_classes(own / "test", dict.fromkeys(test.split(), 2))
    side = own / ("train" if odd == "dog" else "test")
    assert f"{own}/train and {own}/test do not hold the same classes: {odd} only in {side}; " in _refusal(own, storage)


def test_a_bad_file_among_many_is_noted(own: Path, storage: Storage) -> None:
    bad = write_classes(own, {"cat": 60, "dog": 60})[7]
    bad.write_text("no picture")
    train, test = _both(_folder(own), storage)
    assert len(train) + len(test) == 119
    assert f"1 of 120 files are not readable images, skipped: {bad}" in train.notes[0]


def test_many_bad_files_are_refused(own: Path, storage: Storage) -> None:
    for path in write_classes(own, {"cat": 60, "dog": 60})[:2]:
        path.write_text("no picture")
    with pytest.raises(TlbenchError, match=r"2 of 120 files under .* are not readable images"):
        _folder(own).open("train", storage)


def test_a_class_whose_only_file_is_bad_is_named(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"cat": 60, "dog": 60, "eel": 1})[-1].write_text("no picture")
    write_classes(own / "test", {"cat": 2, "dog": 2, "eel": 2})
    with pytest.raises(TlbenchError, match="no train items in class eel"):
        _folder(own).open("train", storage)


def test_a_folder_has_the_identity_of_its_files(own: Path, storage: Storage) -> None:
    paths = write_classes(own, {"cat": 2, "dog": 2})
    before = _folder(own).identity(storage)
    assert _folder(own).identity(storage) == before != ""
    os.utime(paths[0], ns=(1, 1))
    assert _folder(own).identity(storage) == before
    write_image(paths[0], 77)
    assert _folder(own).identity(storage) != before


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real data is not at {REAL}")
def test_a_real_folder_is_read(storage: Storage) -> None:
    split = _folder(REAL, image_size=32).open("test", storage)
    assert split.whole().shape == (2000, 3, 32, 32)
    assert split.classes[0] == "airplane"
    assert np.bincount(split.labels).tolist() == [200] * 10
    assert split.notes == ()


@pytest.mark.parametrize(("train", "test"), [("Training", "Testing"), ("Train", "Test"), ("trn", "tst"), ("tr", "te")])
def test_splits_are_known_by_their_usual_names(own: Path, train: str, test: str, storage: Storage) -> None:
    write_classes(own / train, {"cat": 3, "dog": 4})
    write_classes(own / test, {"cat": 2, "dog": 1})
    ours, theirs = _both(_folder(own), storage)
    assert ours.classes == theirs.classes == ("cat", "dog")
    assert (len(ours), len(theirs), theirs.origin) == (7, 3, f"the folder {test}")
    assert _paths(theirs)[0] == f"{test}/cat/0000.png"


def test_a_validation_folder_beside_a_test_folder_is_left_and_said(own: Path, storage: Storage) -> None:
    for part, n in (("train", 4), ("val", 3), ("test", 2)):
        write_classes(own / part, {"cat": n, "dog": n})
    train, test = _both(_folder(own), storage)
    assert (len(train), len(test), test.origin) == (8, 4, "the folder test")
    assert train.notes == (f"{own}: the folder val was not used (6 images): the folder test is the test split",)


def _flat_test(own: Path, inner: str = "") -> None:
    write_classes(own / "train", {"cat": 10, "dog": 10})
    for i in range(5):
        write_image(own / "test" / inner / f"{i}.png", i)


@pytest.mark.parametrize("inner", ["", "unknown"])
def test_a_test_folder_without_classes_is_said_to_be_unlabelled(own: Path, inner: str, storage: Storage) -> None:
    _flat_test(own, inner)
    train, test = _both(_folder(own), storage)
    assert (len(train), len(test), test.origin) == (16, 4, "one stratified fifth cut off by split_seed 0")
    assert f"{own}: the folder test was not used: 5 images, but no class folders (unlabelled)" in test.notes
    assert not any("no test folder" in note for note in test.notes)


def test_the_validation_folder_stands_in_for_an_unlabelled_test_folder(own: Path, storage: Storage) -> None:
    _flat_test(own)
    write_classes(own / "Validation", {"cat": 2, "dog": 2})
    train, test = _both(_folder(own), storage)
    assert (len(train), len(test)) == (20, 4)
    assert test.origin == "the folder Validation (the folder test holds no class folders)"


@pytest.mark.parametrize("names", [("train", "Training"), ("test", "Testing")])
def test_two_folders_for_one_split_are_refused(own: Path, names: tuple[str, str], storage: Storage) -> None:
    for name in {"train", *names}:
        write_classes(own / name, TWO)
    found = _refusal(own, storage)
    assert all(f"{name}" in found for name in names)
    assert "both words for" in found


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("test", "val"), "holds test and val, but no train folder"),
        (("val",), "holds val, but no train folder"),
    ],
)
def test_splits_without_a_training_split_are_no_classes(
    own: Path, parts: Iterable[str], expected: str, storage: Storage
) -> None:
    for part in parts:
        write_classes(own / part, TWO)
    assert expected in _refusal(own, storage)


def test_flat_train_and_test_folders_are_no_classes(own: Path, storage: Storage) -> None:
    for part in ("train", "test"):
        write_classes(own, {part: 3})
    assert f"{own}/train holds 3 images but no class folders" in _refusal(own, storage)


def test_train_is_a_class_among_classes(own: Path, storage: Storage) -> None:
    write_classes(own, {"bus": 5, "car": 5, "train": 5})
    split = _folder(own).open("train", storage)
    assert split.classes == ("bus", "car", "train")
    assert f"{own}: 'train', a word for a split, was read as a class like those beside it" in split.notes


@pytest.mark.parametrize("inner", ["test", "test/cat", "val/cat", "tr/cat"])
def test_a_folder_that_may_be_a_class_or_a_split_is_refused(own: Path, inner: str, storage: Storage) -> None:
    write_classes(own, {"cat": 5, "dog": 5, inner: 5})
    assert f"'{PurePath(inner).parts[0]}' is a word for " in _refusal(own, storage)
    if not inner.startswith("tr"):
        assert len(_folder(own, classes=["cat", "dog"]).open("train", storage)) == 8


def test_domains_are_refused_with_the_paths_to_name(own: Path, storage: Storage) -> None:
    for domain in ("amazon", "webcam"):
        write_classes(own / domain / "images", {"bike": 4, "mug": 4})
    found = _refusal(own, storage)
    assert f"give one of them (folder:{own}/amazon/images or folder:{own}/webcam/images)" in found
    assert _folder(own / "amazon" / "images").open("train", storage).classes == ("bike", "mug")
    assert _folder(own, group={"level": 2}).open("train", storage).classes == ("amazon", "webcam")


def test_splits_inside_classes_are_refused(own: Path, storage: Storage) -> None:
    for name in ("cat", "dog"):
        write_classes(own / name, {"train": 3, "test": 2})
    found = _refusal(own, storage)
    assert "hold splits (cat/test, train)" in found
    assert f"{own}/train/cat" in found


@pytest.mark.parametrize("inner", ["data", "a/b", "data/train"])
def test_a_folder_that_wraps_everything_is_refused_with_the_one_to_name(
    own: Path, inner: str, storage: Storage
) -> None:
    write_classes(own / inner, {"cat": 5, "dog": 5})
    assert _refusal(own, storage).endswith(f"wraps everything; give folder:{own / inner}")


def test_one_common_inner_folder_is_no_domain(own: Path, storage: Storage) -> None:
    write_classes(own, {"n01/images": 5, "n02/images": 5})
    split = _folder(own).open("train", storage)
    assert split.classes == ("n01", "n02")
    assert _paths(split)[0].startswith("n01/images/")


def test_classes_that_differ_on_both_sides_are_named_with_their_side(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"Cat": 3, "dog": 3, "eel": 3})
    write_classes(own / "test", {"cat": 3, "dog": 3, "eel": 3})
    found = _refusal(own, storage)
    assert f"Cat only in {own}/train; cat only in {own}/test ('Cat' and 'cat' differ only in case)" in found
    train, test = _both(_folder(own, classes=["eel", "dog"]), storage)
    assert (train.classes, len(train), len(test)) == (("eel", "dog"), 6, 6)
    assert _levels(test)[:3] == [3, 4, 5]


def test_names_in_two_unicode_forms_are_one_class(own: Path, storage: Storage) -> None:
    write_classes(own / "train", {"caf\u00e9": 3, "dog": 3})
    write_classes(own / "test", {"cafe\u0301": 3, "dog": 3})
    train, test = _both(_folder(own), storage)
    assert train.classes == test.classes == ("caf\u00e9", "dog")
    write_classes(own / "train", {"cafe\u0301": 3})
    assert f"{own}/train holds 'caf\u00e9' twice, in two Unicode forms" in _refusal(own, storage)


@pytest.mark.parametrize(
    ("held", "expected"),
    [((), "nothing in it"), (("a.txt", "b.txt"), "2 other files"), ((".a", ".b", ".c"), "3 hidden files")],
)
def test_an_empty_class_is_told_with_what_it_holds(
    own: Path, held: tuple[str, ...], expected: str, storage: Storage
) -> None:
    write_classes(own, {"cat": 5, "dog": 5})
    (own / "eel").mkdir()
    for name in held:
        (own / "eel" / name).write_text("x")
    assert f"class 'eel' in {own} is empty ({expected}); add images" in _refusal(own, storage)
    assert _folder(own, classes=["cat", "dog"]).open("test", storage).classes == ("cat", "dog")


def test_a_class_of_one_image_cannot_be_cut(own: Path, storage: Storage) -> None:
    write_classes(own, {"bars": 1, "cat": 5, "dog": 5})
    expected = f"{own}: class 'bars' has 1 image; a test split needs at least 2 of each class"
    assert _refusal(own, storage) == expected
    assert len(_folder(own, classes=["cat", "dog"]).open("test", storage)) == 2


@pytest.mark.parametrize(
    ("name", "mend"), [("a.zip", "unpack it"), ("a.npz", "give npz:"), ("a.csv", "give csv:"), ("a.png", "of a folder")]
)
def test_a_file_in_place_of_a_folder_is_told_what_to_name(
    tmp_path: Path, name: str, mend: str, storage: Storage
) -> None:
    (tmp_path / name).write_bytes(b"x")
    found = _refusal(tmp_path / name, storage)
    assert f"{tmp_path / name} is a file, not a folder; " in found
    assert mend in found


@pytest.mark.parametrize(("names", "named"), [(("0", "1"), False), (("00012", "7"), False), (("1", "one"), True)])
def test_whole_numbers_are_no_names(own: Path, names: tuple[str, str], named: bool, storage: Storage) -> None:
    write_classes(own, dict.fromkeys(names, 4))
    assert _folder(own).open("train", storage).named is named


def test_junk_is_passed_over_counted_and_no_part_of_the_identity(own: Path, storage: Storage) -> None:
    write_classes(own, TWO)
    before = _folder(own).identity(storage)
    (own / "labels.csv").write_text("a,b")
    for name in ("cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/cat/x.png", ".ipynb_checkpoints/1.png", "cat/._0.png"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(b"junk")
    split = _folder(own).open("train", storage)
    assert split.classes == ("cat", "dog")
    assert f"{own}: 4 files were passed over as no images (__MACOSX, labels.csv, Thumbs.db, ...)" in split.notes
    assert _folder(own).identity(storage) == before


def test_loose_images_beside_classes_are_passed_over_and_said(own: Path, storage: Storage) -> None:
    write_classes(own, TWO)
    write_image(own / "contact-sheet.png", 5)
    split = _folder(own).open("train", storage)
    assert f"{own}: 1 image beside the folders passed over: contact-sheet.png" in split.notes


@pytest.mark.parametrize(("name", "read"), [("0.JPG", 1), ("noending", 1), ("page.12", 1), ("notes.txt", 0)])
def test_a_picture_is_known_by_its_suffix_or_its_first_bytes(own: Path, name: str, read: int, storage: Storage) -> None:
    image = write_classes(own, TWO)[0].read_bytes()
    (own / "cat" / name).write_bytes(image)
    assert sum(len(split) for split in _both(_folder(own), storage)) == 6 + read


@pytest.mark.parametrize("suffix", ["heic", "dcm", "SVG"])
def test_pictures_of_unknown_formats_count_as_unreadable(own: Path, suffix: str, storage: Storage) -> None:
    write_classes(own, TWO)
    (own / "cat" / f"photo.{suffix}").write_bytes(b"a picture all the same")
    assert "1 of 7 files under" in (found := _refusal(own, storage))
    assert found.endswith("convert them")


def test_links_are_followed_and_what_they_lead_to_counts(own: Path, tmp_path: Path, storage: Storage) -> None:
    images = write_classes(tmp_path / "elsewhere", {"cat": 5, "dog": 5})
    own.mkdir()
    (own / "cat").symlink_to(tmp_path / "elsewhere" / "cat")
    for path in images[5:]:
        (own / "dog").mkdir(exist_ok=True)
        (own / "dog" / path.name).symlink_to(path)
    (own / "cat" / "round").symlink_to(own)
    before = _folder(own).identity(storage)
    assert sum(len(split) for split in _both(_folder(own), storage)) == 10
    write_image(images[7], 200)
    assert _folder(own).identity(storage) != before
    assert 200 in [level for split in _both(_folder(own), storage) for level in _levels(split)]


def test_a_link_to_nowhere_is_an_unreadable_image(own: Path, storage: Storage) -> None:
    write_classes(own, TWO)
    (own / "cat" / "gone.png").symlink_to(own / "annex" / "gone.png")
    assert f"1 of 7 files under {own} are not readable images" in _refusal(own, storage)


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"a": 1}'])
def test_damaged_memory_of_digests_is_ignored(
    own: Path, damage: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlbench.readers.pictures.digests.SETTLED_SECONDS", -1.0)
    write_classes(own, TWO)
    before = _folder(own).identity(storage)
    (memory,) = (storage.cache / "digests").iterdir()
    held = memory.read_text()
    memory.write_text(damage)
    assert _folder(own).identity(storage) == before
    assert json.loads(memory.read_text()).items() >= json.loads(held).items()


def test_a_file_changed_under_the_same_time_stamp_is_seen(own: Path, storage: Storage) -> None:
    path = write_classes(own, TWO)[0]
    before = _folder(own).identity(storage)
    status = path.stat()
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _folder(own).identity(storage) != before


def test_settled_files_are_digested_once(own: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(own, TWO)
    monkeypatch.setattr("tlbench.readers.pictures.digests.SETTLED_SECONDS", -1.0)
    before = _folder(own).identity(storage)
    monkeypatch.delattr(Path, "read_bytes")
    monkeypatch.setattr("tlbench.readers.pictures.digests._remembered", _reader(storage))
    assert _folder(own).identity(storage) == before


def _reader(storage: Storage) -> object:
    (kept,) = (storage.cache / "digests").iterdir()
    held = json.loads(kept.read_text())
    return lambda _: held


@pytest.mark.parametrize("group", [{"level": 1}, {"pattern": "p[0-9]+"}, "(p[0-9]+)/"])
def test_groups_of_a_folder_stay_on_one_side(own: Path, group: object, storage: Storage) -> None:
    write_noise(own, {f"{name}/p{first + i}": 4 for first, name in enumerate(("cat", "dog")) for i in range(0, 12, 2)})
    train, test = _both(_folder(own, group=group), storage)
    assert train.groups is not None
    assert test.groups is not None
    assert len(set(train.groups)) + len(set(test.groups)) == 12
    assert not set(train.groups) & set(test.groups)
    assert all(group in path for group, path in zip(test.groups, _paths(test), strict=True))
    assert len(test) == 4 * len(set(test.groups))


def test_a_group_on_both_sides_of_given_splits_is_said(own: Path, storage: Storage) -> None:
    for part, people in (("train", ("ann", "bob")), ("test", ("bob", "cem"))):
        write_noise(own / part, {f"{name}/{person}": 2 for name in ("cat", "dog") for person in people})
    notes = _folder(own, group={"level": 1}).open("test", storage).notes
    assert f"{own}: 1 of 2 groups of the test split are in the training split too" in notes[0]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"column": "patient"}, "a folder has no column 'patient'"),
        ({"level": 1}, "'cat/0000.png' has no folder of level 1 below its class"),
        ({"level": 1, "pattern": "x"}, "give one of level"),
        ({"lvl": 1}, "unknown option of group 'lvl': did you mean 'level'"),
        ("patient-[0-9]+", "the pattern 'patient-\\[0-9\\]\\+' is not found in 'cat/0000.png'"),
        ("[", "is no regular expression"),
    ],
)
def test_groups_that_cannot_be_are_refused(own: Path, group: object, expected: str, storage: Storage) -> None:
    write_classes(own, TWO)
    with pytest.raises(TlbenchError, match=expected):
        _folder(own, group=group).open("train", storage)


def test_what_lies_beside_the_splits_is_said(own: Path, storage: Storage) -> None:
    for part in ("train", "test", "extra"):
        write_classes(own / part, TWO)
    write_classes(own / "test", {"cat": 4})
    notes = _folder(own).open("train", storage).notes
    assert notes == (f"{own}: passed over beside train: extra (6 images)",)


@pytest.mark.parametrize(
    ("train", "test"), [("training_set", "test_set"), ("train_images", "test1"), ("TrainData", "val-2")]
)
def test_splits_are_known_with_what_people_add_to_their_words(
    own: Path, train: str, test: str, storage: Storage
) -> None:
    write_classes(own / train, TWO)
    write_classes(own / test, TWO)
    split = _folder(own).open("test", storage)
    assert (split.classes, split.origin.split(" (")[0]) == (("cat", "dog"), f"the folder {test}")


def test_flat_folders_of_a_competition_are_no_classes(own: Path, storage: Storage) -> None:
    write_classes(own, {"train": 5, "test1": 5})
    assert f"{own}/train holds 5 images but no class folders" in _refusal(own, storage)


@pytest.mark.parametrize("name", ["trees", "tests of time", "device", "evaluate", "tr1", "valve"])
def test_other_names_are_no_splits(own: Path, name: str, storage: Storage) -> None:
    write_classes(own, {"cat": 5, name: 5})
    split = _folder(own).open("test", storage)
    assert set(split.classes) == {"cat", name}
    assert len(split.notes) == 1


@pytest.mark.parametrize("inner", ["", "cat/", "dog/"])
def test_folders_of_masks_are_no_classes(own: Path, inner: str, storage: Storage) -> None:
    write_classes(own, {"cat/images": 3, "dog/images": 3, f"{inner}images": 3, f"{inner}Masks": 3})
    if not inner:
        for name in ("cat", "dog"):
            (own / name).rename(own.with_name(name))
    assert "holds images and masks (Masks, images), which are no classes" in _refusal(own, storage)


def test_masks_among_the_images_are_refused(own: Path, storage: Storage) -> None:
    write_classes(own, {"benign": 20, "malignant": 20})
    for i in range(5):
        write_image(own / "benign" / f"{i:04}_mask{'_1' if i else ''}.png", 3)
    found = _refusal(own, storage)
    assert f"5 of 45 images are masks of others by their names, first: {own}/benign/0000_mask.png" in found


def test_augmented_copies_are_said_with_the_group_that_keeps_them_together(own: Path, storage: Storage) -> None:
    for path in write_noise(own, {"cat": 24, "dog": 24}):
        number = int(path.stem)
        path.rename(path.with_name(f"{number // 3}_png.rf.{number:016x}.png"))
    train, test = _both(_folder(own), storage)
    (note,) = [note for note in test.notes if "are augmented copies" in note]
    assert note.startswith(f"{own}: 48 images are augmented copies of 16 by their names; ")
    assert note in train.notes
    grouped = _folder(own, group=note.partition("group = '")[2].rstrip("'"))
    assert not any("are augmented copies" in said for said in grouped.open("test", storage).notes)
    assert len(grouped.open("test", storage)) % 3 == 0


def test_a_name_that_is_not_in_utf8_is_refused(own: Path, storage: Storage) -> None:
    write_classes(own, TWO)
    (own / "cat").rename(own / os.fsdecode(b"k\xe4tzchen"))
    assert "k\\udce4tzchen': the name is not in UTF-8; rename it" in (found := _refusal(own, storage))
    assert found.isascii()


def test_a_copy_of_everything_beside_the_splits_is_passed_over_and_said(own: Path, storage: Storage) -> None:
    for part in ("train", "test"):
        write_classes(own / part, TWO)
        write_classes(own / "pictures" / part, TWO)
    assert _folder(own).open("train", storage).notes == (f"{own}: passed over beside train: pictures (12 images)",)


def test_archives_in_place_of_class_folders_are_named(own: Path, storage: Storage) -> None:
    own.mkdir()
    (own / "cat.zip").write_bytes(b"PK")
    assert "holds no class folders with images, but 1 other file (cat.zip); expected" in _refusal(own, storage)


@pytest.mark.parametrize("part", ["", "train"])
def test_one_folder_of_images_beside_a_table_names_the_table(own: Path, part: str, storage: Storage) -> None:
    write_classes(own / part, {"images": 5})
    (own / part / "labels.csv").write_text("path,label\n")
    assert _refusal(own, storage).endswith(f"give csv:{own / part / 'labels.csv'}")


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_identity(
    own: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlbench.readers.pictures.digests.SETTLED_SECONDS", -1.0)
    write_classes(own, TWO)
    before = _folder(own).identity(storage)
    (blocked := storage.cache / "blocked").parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file, not a folder")
    assert _folder(own).identity(Storage(storage.data, blocked)) == before


def test_classes_that_differ_only_in_case_are_said(own: Path, storage: Storage) -> None:
    write_classes(own, {"Cat": 5, "cat": 5})
    notes = _folder(own).open("train", storage).notes
    assert f"{own}: Cat and cat differ only in case or blanks and are read as two classes" in notes
