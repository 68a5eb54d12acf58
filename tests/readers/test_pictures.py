"""Folders of image files: what is read, how it is brought to one shape, what is refused, and the decoded copy."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.drawn import write_classes, write_image
from tlbench.errors import TlbenchError
from tlbench.readers import pictures
from tlbench.readers.pictures import class_folders, listing_digest, read_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def _kept(cache: Path) -> list[str]:
    return sorted(path.suffix for path in cache.rglob("*") if path.is_file())


def _spoil(path: Path) -> Path:
    path.write_bytes(b"no picture at all")
    return path


def test_classes_and_files_are_sorted(folder: Path) -> None:
    write_classes(folder, {"b": 2, "a": 1})
    (folder / "readme.txt").write_text("not a class")
    found = class_folders(folder)
    assert list(found) == ["a", "b"]
    assert [path.name for path in found["b"]] == ["0000.png", "0001.png"]


def test_images_may_lie_deeper(folder: Path) -> None:
    write_image(folder / "a" / "deep" / "0.png", 5)
    assert [path.name for path in class_folders(folder)["a"]] == ["0.png"]


@pytest.mark.parametrize("name", ["a/.DS_Store", "a/.ipynb_checkpoints/0000-checkpoint.png", ".cache/0.png"])
def test_hidden_files_and_folders_are_passed_over(folder: Path, name: str) -> None:
    write_classes(folder, {"a": 1, "b": 1})
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    found = class_folders(folder)
    assert [path.name for path in found["a"]] == ["0000.png"]
    assert list(found) == ["a", "b"]


def test_a_missing_folder_is_named(folder: Path) -> None:
    with pytest.raises(TlbenchError, match=f"no folder at {folder};"):
        class_folders(folder)


def test_a_folder_of_loose_images_is_told_what_is_expected(folder: Path) -> None:
    write_image(folder / "0.png", 5)
    with pytest.raises(TlbenchError, match=r"holds no class folders; expected .*/<class>/<image>"):
        class_folders(folder)


def test_an_empty_class_is_named(folder: Path) -> None:
    write_classes(folder, {"a": 1})
    (folder / "hollow").mkdir()
    with pytest.raises(TlbenchError, match=r"class 'hollow' in .* is empty"):
        class_folders(folder)


def test_grey_images_stay_grey(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 2, "b": 1})
    found = read_pictures(folder, None, cache)
    assert found.items.shape == (3, 1, 8, 8)
    assert found.items.dtype == np.uint8
    assert list(found.labels) == [0, 0, 1]
    assert found.notes == ()
    assert [int(item.max()) for item in found.items] == [0, 1, 2]


def test_colour_images_have_three_channels_first(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 2, "b": 2}, mode="RGB")
    items = read_pictures(folder, None, cache).items
    assert items.shape == (4, 3, 8, 8)
    assert items[3, :, 4, 4].tolist() == [3, 252, 0]


def test_one_colour_image_makes_all_of_them_colour(folder: Path, cache: Path) -> None:
    write_image(folder / "a" / "0.png", 7)
    write_image(folder / "b" / "0.png", 9, mode="RGB")
    items = read_pictures(folder, None, cache).items
    assert items[:, :, 0, 0].tolist() == [[7, 7, 7], [9, 246, 0]]


def test_mixed_sizes_are_brought_to_the_median_and_noted(folder: Path, cache: Path) -> None:
    for name, size in {"a/0": (8, 8), "a/1": (10, 20), "b/0": (16, 12), "b/1": (30, 40), "b/2": (10, 10)}.items():
        write_image(folder / f"{name}.png", 3, size)
    found = read_pictures(folder, None, cache)
    assert found.items.shape == (5, 1, 10, 10)
    assert found.notes == (f"{folder}: images of 5 sizes cut to the centre square and scaled to 10x10",)


def test_an_image_size_can_be_asked_for(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 1, "b": 1})
    assert read_pictures(folder, 5, cache).items.shape == (2, 1, 5, 5)
    assert read_pictures(folder, None, cache).items.shape == (2, 1, 8, 8)


def test_large_images_are_scaled_down(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_SIDE", 16)
    write_classes(folder, {"a": 1, "b": 1}, size=(40, 20))
    assert read_pictures(folder, None, cache).items.shape == (2, 1, 16, 16)


def test_the_centre_square_is_kept(folder: Path, cache: Path) -> None:
    striped = np.zeros((4, 12), dtype=np.uint8)
    striped[:, 4:8] = 200
    write_image(folder / "a" / "0.png", 0)
    Image.fromarray(striped).save(folder / "a" / "0.png")
    assert (read_pictures(folder, None, cache).items == 200).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_proportions(folder: Path, cache: Path, suffix: str) -> None:
    deep = np.full((4, 4), 0x8000, dtype="<u2")
    deep[0], deep[1] = 0xFFFF, 0
    (folder / "a").mkdir(parents=True)
    Image.frombytes("I;16", (4, 4), deep.tobytes()).save(folder / "a" / f"0.{suffix}")
    found = read_pictures(folder, None, cache).items
    assert found.shape == (1, 1, 4, 4)
    assert found[0, 0, :, 0].tolist() == [255, 0, 128, 128]


def test_big_endian_sixteen_bits_are_read_too(folder: Path, cache: Path) -> None:
    (folder / "a").mkdir(parents=True)
    values = np.full((4, 4), 0x4000, dtype=">u2")
    Image.frombytes("I;16B", (4, 4), values.tobytes()).save(folder / "a" / "0.tif")
    found = read_pictures(folder, None, cache).items
    assert found.shape == (1, 1, 4, 4)
    assert (found == 0x40).all()


def test_palettes_with_transparency_are_read_without_a_warning(folder: Path, cache: Path) -> None:
    (folder / "a").mkdir(parents=True)
    palette = Image.new("RGB", (4, 4), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(folder / "a" / "0.png", transparency=b"\x80\xff")
    assert read_pictures(folder, None, cache).items[0, :, 0, 0].tolist() == [10, 200, 30]


def test_photos_are_turned_upright(folder: Path, cache: Path) -> None:
    (folder / "a").mkdir(parents=True)
    image = Image.fromarray(np.repeat(np.array([[0], [255]], dtype=np.uint8), 2, axis=1))
    facts = Image.Exif()
    facts[0x0112] = 3  # upside down
    image.save(folder / "a" / "0.png", exif=facts)
    assert read_pictures(folder, None, cache).items[0, 0].tolist() == [[255, 255], [0, 0]]


@pytest.mark.parametrize("n_files", [100, 150])
def test_a_few_files_that_are_no_images_are_skipped_counted_and_named(folder: Path, cache: Path, n_files: int) -> None:
    paths = write_classes(folder, {"a": n_files // 2, "b": n_files // 2})
    bad = _spoil(paths[10])
    found = read_pictures(folder, None, cache)
    assert len(found.items) == len(found.labels) == n_files - 1
    assert [int(item.max()) for item in found.items] == [i for i in range(n_files) if i != 10]
    assert np.bincount(found.labels).tolist() == [n_files // 2 - 1, n_files // 2]
    (note,) = found.notes
    assert note.startswith(f"{folder}: 1 of {n_files} files are not readable images, skipped: {bad} (")


def test_truncated_images_are_not_readable(folder: Path, cache: Path) -> None:
    paths = write_classes(folder, {"a": 60, "b": 60}, size=(32, 32))
    paths[3].write_bytes(paths[3].read_bytes()[:60])
    assert "1 of 120 files" in read_pictures(folder, None, cache).notes[0]


def test_more_than_one_percent_is_refused_and_nothing_is_kept(folder: Path, cache: Path) -> None:
    paths = write_classes(folder, {"a": 50, "b": 49})
    bad = _spoil(paths[10])
    with pytest.raises(TlbenchError, match=rf"1 of 99 files under {folder} .*at most 1 % .*first: {bad} \("):
        read_pictures(folder, None, cache)
    assert _kept(cache) == []


def test_a_folder_of_no_images_at_all_is_refused(folder: Path, cache: Path) -> None:
    for path in write_classes(folder, {"a": 2, "b": 1}):
        _spoil(path)
    with pytest.raises(TlbenchError, match="3 of 3 files"):
        read_pictures(folder, None, cache)


def test_an_interruption_leaves_nothing_half_written(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(folder, {"a": 2, "b": 1})

    def interrupted(*_: object, **__: object) -> None:
        assert _kept(cache) == [".partial"]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "_square", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_pictures(folder, None, cache)
    assert _kept(cache) == []
    assert len(read_pictures(folder, None, cache).items) == 3


def test_decoding_happens_once(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(folder, {"a": 2, "b": 1}, size=(9, 8))
    first = read_pictures(folder, None, cache)
    monkeypatch.delattr(pictures, "_decode")
    second = read_pictures(folder, None, cache)
    assert isinstance(second.items, np.memmap)
    assert np.array_equal(first.items, second.items)
    assert np.array_equal(first.labels, second.labels)
    assert first.notes == second.notes != ()
    assert _kept(cache) == [".json", ".npy"]


def test_a_changed_file_is_decoded_anew(folder: Path, cache: Path) -> None:
    paths = write_classes(folder, {"a": 2, "b": 1})
    read_pictures(folder, None, cache)
    write_image(paths[1], 99)
    os.utime(paths[1], ns=(1, 1))
    assert [int(item.max()) for item in read_pictures(folder, None, cache).items] == [0, 99, 2]


@pytest.mark.parametrize("change", ["touch", "add", "rename", "resize"])
def test_the_digest_changes_with_the_folder(folder: Path, change: str) -> None:
    path = write_classes(folder, {"a": 2, "b": 1})[0]
    before = listing_digest(folder)
    assert before == listing_digest(folder)
    if change == "touch":
        os.utime(path, ns=(1, 1))
    elif change == "add":
        write_image(folder / "a" / "new.png", 1)
    elif change == "rename":
        path.rename(path.with_name("other.png"))
    else:
        status = path.stat()
        path.write_bytes(path.read_bytes() + b"x")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert listing_digest(folder) != before
