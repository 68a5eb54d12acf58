"""Labels in a file of arrays: numbers, names and one-hot rows become classes; what is no class an item is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.saved import LABELS, TEST_LABELS, TRAIN, both, four, npz, said
from tlbench.errors import TlbenchError

ROWS = np.eye(3)[LABELS]
NAMES = np.array(["dog", "cat", "eel"])


def _of(*values: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """One of the values an item, in turn."""
    return np.array(values)[LABELS]


READ: dict[str, tuple[Any, str, list[int], str]] = {  # labels, classes, those of the first items, what is found
    "columns": (LABELS[:, None], "0 1 2", [0, 1, 2], "int64 0..2"),
    "a row": (LABELS[None], "0 1 2", [0, 1, 2], "int64 0..2"),
    "from 1": (LABELS + 1, "1 2 3", [0, 1, 2], "int64 1..3"),
    "with gaps": (_of(7, -1, 5), "-1 5 7", [2, 0, 1], "int64 -1, 5, 7"),
    "floats": (LABELS.astype(float), "0 1 2", [0, 1, 2], "float64 0..2"),
    "bool": (LABELS > 0, "0 1", [0, 1, 1], "bool 0..1"),
    "unsigned": (LABELS.astype(np.uint64) + 2**63, f"{2**63} {2**63 + 1} {2**63 + 2}", [0, 1, 2], "uint64 9223"),
    "the other byte order": (LABELS.astype(">i4"), "0 1 2", [0, 1, 2], "int32 0..2"),
    "one-hot": (ROWS.astype(np.uint8), "0 1 2", [0, 1, 2], "uint8 one-hot 0..2"),
    "one-hot columns": (ROWS[:, :, None], "0 1 2", [0, 1, 2], "float64 one-hot 0..2"),
    "names": (NAMES[LABELS], "cat dog eel", [1, 0, 2], "text names cat, dog, eel"),
    "bytes": (NAMES.astype("S")[LABELS], "cat dog eel", [1, 0, 2], "text names cat, dog, eel"),
    "one name written in two ways": (_of("caf\u00e9", "cafe\u0301", "eel"), "caf\u00e9 eel", [0, 0, 1], "text names"),
    "numbers as text": (_of("10", "9", "1"), "1 9 10", [2, 1, 0], "text numbers as text 1, 9, 10"),
    "floats as text": (_of("1.0", "2.0", "3.0"), "1 2 3", [0, 1, 2], "text numbers as text 1..3"),
}


@pytest.mark.parametrize("kind", READ)
def test_labels_of_every_kind_are_classes(file: Path, kind: str) -> None:
    labels, classes, first, found = READ[kind]
    arrays = {"x_train": TRAIN, "y_train": labels, "x_test": TRAIN, "y_test": labels}
    train, test = both(npz(file, arrays), file.parent)
    assert train.classes == test.classes == tuple(classes.split())
    assert train.labels[:3].tolist() == test.labels[:3].tolist() == first
    assert train.labels.dtype == np.int64
    assert train.named == test.named == (not classes.split()[-1].isdecimal())
    assert f"y_train {found}" in said(train, file)[0]


@pytest.mark.parametrize(
    ("labels", "note"), [(LABELS + 1, "1..3"), (LABELS * 2, "0, 2, 4"), (LABELS - 5, "-5..-3"), (LABELS, "")]
)
def test_numbers_that_are_not_counted_from_0_are_said(file: Path, labels: Any, note: str) -> None:
    train, _ = both(npz(file, {"x": TRAIN, "y": labels}), file.parent)
    assert said(train, file)[2:] == ([f"y are {note} in the file; classes are called so"] if note else [])


def test_minus_one_beside_zero_may_be_no_label(file: Path) -> None:
    train, _ = both(npz(file, {"x": TRAIN, "y": LABELS - 1}), file.parent)
    asked = "if -1 stands for no label, leave these items out"
    assert said(train, file)[2:] == [f"y are -1..1 in the file; classes are called so; {asked}"]


def test_both_parts_may_hold_the_same_classes_in_two_forms(file: Path) -> None:
    train, test = both(npz(file, four(train_labels=ROWS, test_labels=TEST_LABELS.astype(str))), file.parent)
    assert train.classes == test.classes == ("0", "1", "2")
    assert test.labels.tolist() == TEST_LABELS.tolist()


REFUSED: dict[str, tuple[Any, str]] = {
    "too few": (LABELS[:59], "x are 60 images, y 59 labels; one an image is needed"),
    "one number": (np.array(3), r"y int64 \(\) has no items"),
    "multi-label": (
        np.eye(3)[LABELS] + np.eye(3)[[0]],
        "y float64 .60, 3. hold several values an item; keep its class alone",
    ),
    "several ones": (np.arange(180).reshape(60, 3) % 2, "are multi-label: 30 items have several classes and 0 none"),
    "no ones": (np.eye(4)[LABELS][:, :2], "are multi-label: 0 items have several classes and 20 none"),
    "probabilities": (ROWS * 0.7 + 0.1, r"y float64 \(60, 3\) hold probabilities \(soft labels\).*y.argmax\(1\)"),
    "boxes": (np.arange(240).reshape(60, 4), r"y int64 \(60, 4\) hold several values an item"),
    "masks": (TRAIN, r"y uint8 \(60, 8, 8\) look like masks"),
    "shares": (LABELS * 0.5, "look like measurements .not whole numbers."),
    "ages": (np.arange(60), r"look like measurements, not classes: 60 distinct values in 60 items \(0..59\)"),
    "paths": (np.array([f"{i}.png" for i in range(60)]), "60 distinct values in 60 items .0.png, 1.png"),
    "NaN": (_of(0, 1, np.nan), "y float64 .60,. hold 20 missing values"),
    "NaN as text": (_of("cat", "dog", "nan"), "hold missing labels .'nan'."),
    "nothing as text": (_of("cat", "dog", ""), "hold missing labels .''."),
    "blanks": (_of("cat", "cat ", "dog"), "hold 'cat' and 'cat ', two spellings of one class"),
    "zeros before": (_of("1", "01", "2"), "hold '01' and '1', two spellings of one class"),
    "another encoding": (_of("caf\u00e9".encode("latin-1"), b"dog", b"eel"), "hold a name that is not UTF-8"),
    "dates": (LABELS.astype("M8[D]"), r"y dates \(60,\) are no numbers and no names"),
    "several names": (np.stack([NAMES[LABELS]] * 2, 1), r"y text \(60, 2\) hold several names an item"),
    "objects": (NAMES.astype(object)[LABELS], r"y \(60,\) holds Python objects.*save np.array\(y.tolist\(\)\) instead"),
    "one class": (LABELS * 0, r"has one class \(0\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_class_an_item_is_refused(file: Path, case: str) -> None:
    labels, message = REFUSED[case]
    with pytest.raises(TlbenchError, match=message):
        both(npz(file, {"x": TRAIN, "y": labels}), file.parent)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_labels": TEST_LABELS % 2}, "same classes: test_labels lack 2; both need each class"),
        ({"test_labels": TEST_LABELS + 1}, "same classes: train_labels lack 3, test_labels lack 0"),
        ({"train_labels": LABELS % 2}, "same classes: train_labels lack 2"),
        ({"train_labels": NAMES[LABELS]}, "train_labels lack 0, 1, 2, test_labels lack cat, dog, eel"),
    ],
)
def test_the_side_that_lacks_a_class_is_named(file: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TlbenchError, match=message):
        both(npz(file, four(**changes)), file.parent)


@pytest.mark.parametrize("key", ["classes", "class_names", "label_names", "LabelNames"])
def test_classes_take_the_names_that_the_file_lists(file: Path, key: str) -> None:
    train, test = both(
        npz(file, four(**{key: NAMES}, train_labels=LABELS + 1, test_labels=TEST_LABELS + 1)), file.parent
    )
    assert train.classes == test.classes == ("dog", "cat", "eel")
    assert (train.named, train.labels[:3].tolist()) == (True, [0, 1, 2])
    assert said(train, file)[-1] == f"classes are named by {key}: 1 dog, 2 cat, 3 eel"


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (NAMES[:2], "classes holds dog, cat: not a name of its own for each of 3 classes"),
        (NAMES[[0, 0, 1]], "classes holds dog, dog, cat: not a name of its own for each of 3 classes"),
        (NAMES.astype(object), "classes objects (3,) is no list of names as text, not used"),
    ],
)
def test_names_that_do_not_fit_are_not_used(file: Path, names: Any, note: str) -> None:
    train, _ = both(npz(file, four(classes=names)), file.parent)
    assert (train.classes, train.named, said(train, file)[-1]) == (("0", "1", "2"), False, note)
