"""A user's own table of images: its columns, labels, splits and groups, good and bad."""

import os
from pathlib import Path

import pytest

from tests.drawn import level_of, write_classes, write_noise
from tlbench.dataset import Dataset, Split, datasets
from tlbench.errors import TlbenchError
from tlbench.workspace import Storage

PLAIN = [f"img/{i:04}.png,{'cat' if i < 5 else 'dog'}" for i in range(10)]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder that holds img/0000.png to img/0019.png."""
    write_classes(tmp_path / "own", {"img": 20})
    return tmp_path / "own"


def _csv(
    own: Path, lines: list[str], header: str = "path,label", name: str = "table.csv", **options: object
) -> Dataset:
    (own / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return datasets.make({"name": "csv", "path": str(own / name), **options})


def _both(dataset: Dataset, storage: Storage) -> tuple[Split, Split]:
    return dataset.open("train", storage), dataset.open("test", storage)


def _levels(split: Split) -> list[int]:
    return [level_of(item) for item in split.whole()]


def _refusal(dataset: Dataset, storage: Storage) -> str:
    with pytest.raises(TlbenchError) as caught:
        dataset.open("train", storage)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_is_read_and_cut(own: Path, storage: Storage) -> None:
    train, test = _both(_csv(own, PLAIN), storage)
    assert train.classes == ("cat", "dog")
    assert sorted([*_levels(train), *_levels(test)]) == list(range(10))
    assert all((level >= 5) == label for level, label in zip(_levels(train), train.labels, strict=True))
    assert test.origin == "one stratified fifth cut off by split_seed 0"
    assert train.named
    assert train.paths is not None
    assert set(train.paths) < {line.partition(",")[0] for line in PLAIN}


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators_and_a_byte_order_mark_are_taken(own: Path, separator: str, encoding: str, storage: Storage) -> None:
    text = "\n".join(["path,label", *PLAIN]).replace(",", separator).replace("cat", "Kätzchen")
    (own / "table.tsv").write_text(text, encoding=encoding)
    assert datasets.make(f"csv:{own}/table.tsv").open("train", storage).classes == ("Kätzchen", "dog")


@pytest.mark.parametrize(("encoding", "said"), [("latin-1", "byte "), ("utf-16", "UTF-16")])
def test_another_encoding_is_named(own: Path, encoding: str, said: str, storage: Storage) -> None:
    (own / "table.csv").write_text("path,label\nimg/ä.png,cat\n", encoding=encoding)
    assert f"table.csv is not in UTF-8 ({said}" in _refusal(datasets.make(f"csv:{own}/table.csv"), storage)


@pytest.mark.parametrize("names", [("NA", "None"), ("null", "nan"), ("True", "1.0")])
def test_a_label_is_text_whatever_it_looks_like(own: Path, names: tuple[str, str], storage: Storage) -> None:
    lines = [line.replace("cat", names[0]).replace("dog", names[1]) for line in PLAIN]
    assert set(_csv(own, lines).open("train", storage).classes) == set(names)


def test_whole_numbers_are_classes_in_their_order_and_no_names(own: Path, storage: Storage) -> None:
    lines = [f"img/{i:04}.png,{(10, 9, 1)[i % 3]}" for i in range(12)]
    split = _csv(own, lines).open("train", storage)
    assert (split.classes, split.named) == (("1", "9", "10"), False)


@pytest.mark.parametrize("header", ["Filename,Class", "img,target", "image_path,y", "a,b"])
def test_columns_are_known_by_their_usual_names_or_named(own: Path, header: str, storage: Storage) -> None:
    options = {"image_column": "a", "label_column": "b"} if header == "a,b" else {}
    assert _csv(own, PLAIN, header, **options).open("train", storage).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("header", "options", "expected"),
    [
        (
            "a,label",
            {},
            "image_column is not clear: none has a usual name; name one of those in its first line (a, label)",
        ),
        (
            "path,b",
            {},
            "label_column is not clear: none has a usual name; name one of those in its first line (path, b)",
        ),
        ("path,file", {}, "image_column is not clear: path or file may be it"),
        ("path,label", {"label_column": "lable"}, "'lable': did you mean 'label'?"),
    ],
)
def test_columns_that_are_not_clear_are_listed(
    own: Path, header: str, options: dict[str, str], expected: str, storage: Storage
) -> None:
    assert expected in _refusal(_csv(own, PLAIN, header, **options), storage)


def _split(words: dict[str, str]) -> list[str]:
    """The plain table with a column of splits; each tenth of the rows by its last digit."""
    return [f"{line},{words.get(line[7], 'train')}" for line in PLAIN]


@pytest.mark.parametrize("column", ["split", "Set", "subset", "fold", "part"])
def test_a_split_column_splits(own: Path, column: str, storage: Storage) -> None:
    options = {"split_column": "part"} if column == "part" else {}
    dataset = _csv(own, _split({"4": "Test", "9": "Test"}), f"path,label,{column}", **options)
    train, test = _both(dataset, storage)
    assert (_levels(train), _levels(test)) == ([0, 1, 2, 3, 5, 6, 7, 8], [4, 9])
    assert train.origin == test.origin == f"rows of {column} Test"
    assert train.notes == ()


def test_validation_rows_stand_in_for_test_rows_or_are_left(own: Path, storage: Storage) -> None:
    test = _csv(own, _split({"4": "dev", "9": "dev"}), "path,label,split").open("test", storage)
    assert (_levels(test), test.origin) == ([4, 9], "rows of split dev (there are none to test on)")
    both = _csv(own, _split({"4": "val", "9": "val", "3": "test", "8": "test"}), "path,label,split")
    assert _levels(both.open("test", storage)) == [3, 8]
    assert "2 rows for validation were not used: there are rows to test on" in both.open("test", storage).notes[0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"4": "7"}, "column 'split' holds 7; write train, test or val"),
        ({str(i): "test" for i in range(10)}, "no row is to train on; column 'split' holds test"),
        ({"4": "test"}, "do not hold the same classes: dog only in the rows of"),
        ({"4": ""}, "row 6 has nothing in column 'split'"),
    ],
)
def test_splits_that_cannot_be_are_refused(own: Path, words: dict[str, str], expected: str, storage: Storage) -> None:
    assert expected in _refusal(_csv(own, _split(words), "path,label,split"), storage)


def test_a_column_that_is_called_fold_and_is_none_is_said(own: Path, storage: Storage) -> None:
    lines = [f"{line},{i % 3}" for i, line in enumerate(PLAIN)]
    notes = _csv(own, lines, "path,label,fold").open("train", storage).notes
    assert f"{own}/table.csv: column 'fold' was not taken as the split: its values are 0, 1, 2" in notes


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("img/0011.png,", "row 12 has nothing in column 'label'"),
        (" ,cat", "row 12 has nothing in column 'path'"),
        ("img/0003.png,dog", "rows 5 and 12 give {own}/img/0003.png the labels 'cat' and 'dog'; a file has one label"),
        ("img/../img/0003.png,dog", "rows 5 and 12 give"),
        ("img/0003.png,cat,extra", "is no table"),
    ],
)
def test_bad_rows_are_refused_by_their_number(own: Path, line: str, expected: str, storage: Storage) -> None:
    assert expected.format(own=own) in _refusal(_csv(own, [*PLAIN, line]), storage)


def test_rows_of_more_cells_than_columns_are_refused(own: Path, storage: Storage) -> None:
    lines = [f"{line},x" for line in PLAIN]
    assert "rows have more cells than the header has columns" in _refusal(_csv(own, lines), storage)


def test_a_file_in_two_splits_is_refused(own: Path, storage: Storage) -> None:
    lines = [*_split({"4": "test", "9": "test"}), "img/0004.png,cat,train"]
    assert "rows 6 and 12 give" in (found := _refusal(_csv(own, lines, "path,label,split"), storage))
    assert "the splits 'test' and 'train'" in found


def test_a_file_listed_twice_with_one_label_is_read_once_and_said(own: Path, storage: Storage) -> None:
    train, test = _both(_csv(own, [*PLAIN, PLAIN[0]]), storage)
    assert len(train) + len(test) == 10
    line = "1 rows list a file again with the same label; each file was read once"
    assert f"{own}/table.csv: {line}" in train.notes


def test_paths_start_at_the_root_or_are_absolute_or_at_home(
    own: Path, tmp_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(own))
    ways = ["{}", f"{own}/img/{{}}", "~/img/{}", "..\\img\\{}"]
    lines = [f"{ways[i % 4].format(f'{i:04}.png')},{'cat' if i < 8 else 'dog'}" for i in range(16)]
    (tmp_path / "tables").mkdir()
    dataset = _csv(tmp_path / "tables", lines, root=str(own / "img"))
    train, test = _both(dataset, storage)
    assert sorted([*_levels(train), *_levels(test)]) == list(range(16))


def test_missing_files_are_unreadable_and_named(own: Path, storage: Storage) -> None:
    found = _refusal(_csv(own, [*PLAIN, "img/gone.png,cat"]), storage)
    assert f"1 of 11 files under {own}/table.csv are not readable images" in found
    assert f"{own}/img/gone.png (FileNotFoundError" in found


@pytest.mark.parametrize(
    ("cut", "mend"), [(".png", "there is 0000.png: write paths as"), ("img/", "name their folder")]
)
def test_when_no_file_is_there_the_likely_mend_is_said(own: Path, cut: str, mend: str, storage: Storage) -> None:
    found = _refusal(_csv(own, [line.replace(cut, "") for line in PLAIN]), storage)
    assert "none of its 10 files is there" in found
    assert mend in found


@pytest.mark.parametrize(
    ("path", "expected"),
    [("gone.csv", "no file at"), ("img", "is a folder, not a table; give folder:"), ("empty.csv", "is no table")],
)
def test_what_is_no_table_is_told_so(own: Path, path: str, expected: str, storage: Storage) -> None:
    (own / "empty.csv").write_text("")
    assert expected in _refusal(datasets.make(f"csv:{own}/{path}"), storage)


def test_a_table_without_rows_is_refused(own: Path, storage: Storage) -> None:
    assert "has a header and no rows" in _refusal(_csv(own, ["", ""]), storage)


def test_a_table_has_the_identity_of_its_bytes_and_its_files(own: Path, storage: Storage) -> None:
    dataset = _csv(own, PLAIN)
    before = dataset.identity(storage)
    os.utime(own / "img" / "0003.png", ns=(1, 1))
    write_classes(own, {"unlisted": 1})
    assert dataset.identity(storage) == before
    (own / "img" / "0003.png").write_bytes((own / "img" / "0013.png").read_bytes())
    changed = dataset.identity(storage)
    assert changed != before
    assert _csv(own, [*PLAIN[:-1], PLAIN[-1].replace("dog", "cat")]).identity(storage) not in (before, changed)


@pytest.mark.parametrize("group", ["patient", {"column": "patient"}, {"pattern": "(p[0-9]+)-"}])
def test_groups_of_a_table_stay_on_one_side(own: Path, group: object, storage: Storage) -> None:
    names = [f"p{i // 4}-{i}" for i in range(48)]
    for path, name in zip(write_noise(own, {"many": 48}), names, strict=True):
        path.rename(path.with_name(f"{name}.png"))
    lines = [f"many/{name}.png,{'cat' if i < 24 else 'dog'},p{i // 4}" for i, name in enumerate(names)]
    dataset = _csv(own, lines, "path,label,patient", group=group)
    assert datasets.make(dataset.recipe()) == dataset
    train, test = _both(dataset, storage)
    assert train.groups is not None
    assert test.groups is not None
    assert (len(set(train.groups)) + len(set(test.groups)), len(test)) == (12, 12)
    assert not set(train.groups) & set(test.groups)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"level": 1}, "the rows of a table have no level"),
        ("patiant", "did you mean 'patient'"),
        ("patient", "row 2 and 9 more has nothing in column 'patient'"),
    ],
)
def test_groups_that_cannot_be_are_refused(own: Path, group: object, expected: str, storage: Storage) -> None:
    lines = [f"{line}," for line in PLAIN]
    assert expected in _refusal(_csv(own, lines, "path,label,patient", group=group), storage)


def test_the_first_line_of_a_spreadsheet_is_no_header(own: Path, storage: Storage) -> None:
    lines = ["path;label", *(line.replace(",", ";") for line in PLAIN)]
    assert _csv(own, lines, "sep=;").open("train", storage).classes == ("cat", "dog")
    assert "row 13 has nothing in column 'label'" in _refusal(_csv(own, [*lines, "img/0011.png;"], "sep=;"), storage)


def test_a_column_of_numbers_and_blank_lines_do_no_harm(own: Path, storage: Storage) -> None:
    lines = [f"{i},{line} " for i, line in enumerate(PLAIN)]
    train, test = _both(_csv(own, [*lines, "", ""], ",path,label"), storage)
    assert (len(train) + len(test), train.classes) == (10, ("cat", "dog"))
