"""Image files to pixels: how a set is rendered, what is refused, and the decoded copy."""

import os
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from tests.drawn import level_of, write_classes, write_image, write_noise
from tlbench.dataset import Split, SplitName, datasets
from tlbench.errors import TlbenchError
from tlbench.readers.pictures import reading, rendering
from tlbench.readers.pictures.depth import Range
from tlbench.workspace import Storage

Pixels = npt.NDArray[np.uint8]
Save = Callable[[Image.Image, Path, int], object]
EXACT: dict[str, dict[str, Any]] = {"jpg": {"quality": 100}, "webp": {"lossless": True, "exact": True}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def _read(folder: Path, cache: Path, part: SplitName = "train", size: int | None = None) -> Split:
    """All images of a part; a cut one is put together again."""
    dataset = datasets.make({"name": "folder", "path": str(folder), "image_size": size})
    return dataset.read(part, Storage(cache, cache))


def _in_order(folder: Path, cache: Path, size: int | None = None) -> Pixels:
    """The images of a folder of classes, in the order of their paths, whichever side of the cut they are on."""
    parts = [_read(folder, cache, part, size) for part in ("train", "test")]
    paths = np.concatenate([part.paths for part in parts if part.paths is not None])
    return np.asarray(np.concatenate([part.whole() for part in parts])[np.argsort(paths)])


def _kept(cache: Path) -> list[str]:
    return sorted("".join(path.suffixes) for path in (cache / "decoded").glob("*") if path.is_file())


def _spoil(path: Path) -> Path:
    path.write_bytes(b"no picture at all")
    return path


def _shape(i: int) -> Image.Image:
    """A white cross on black, at another place each time."""
    image = Image.new("L", (16, 16))
    x, y = 4 + i % 8, 4 + i * 3 % 8
    ImageDraw.Draw(image).line((x - 3, y, x + 3, y), fill=255)
    ImageDraw.Draw(image).line((x, y - 3, x, y + 3), fill=255)
    return image


def _fill(folder: Path, save: Save, n: int = 4) -> list[Pixels]:
    """So many shapes in each of two classes, saved in some way; the shapes in the order of their paths."""
    shapes = [_shape(i) for i in range(2 * n)]
    for i, image in enumerate(shapes):
        path = folder / "ab"[i // n] / f"{i:02}"
        path.parent.mkdir(parents=True, exist_ok=True)
        save(image, path, i)
    return [np.asarray(image) for image in shapes]


def _notes(folder: Path, cache: Path, part: SplitName = "train") -> list[str]:
    """What is said of the images; that a test split was cut off is not."""
    notes = _read(folder, cache, part).notes
    return [note.replace(f"{folder}: ", "") for note in notes if "stratified fifth" not in note]


def test_grey_images_stay_grey(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 3, "b": 2})
    found = _in_order(folder, cache)
    assert found.shape == (5, 1, 8, 8)
    assert found.dtype == np.uint8
    assert [level_of(item) for item in found] == [0, 1, 2, 3, 4]
    assert _notes(folder, cache) == []


def test_colour_images_have_three_channels_first(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 2, "b": 2}, mode="RGB")
    found = _in_order(folder, cache)
    assert found.shape == (4, 3, 8, 8)
    assert found[3, :, 4, 4].tolist() == [3, 252, 0]


def test_one_colour_image_makes_all_of_them_colour_and_is_said(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 10, "b": 10})
    write_image(folder / "b" / "0000.png", 9, mode="RGB")
    assert _in_order(folder, cache)[[3, 10], :, -1, -1].tolist() == [[3, 3, 3], [9, 246, 0]]
    assert _notes(folder, cache) == ["1 of 20 images is in colour, the others grey: all are read in colour"]


def test_the_training_part_decides_that_both_are_grey(folder: Path, cache: Path) -> None:
    write_classes(folder / "train", {"a": 3, "b": 3})
    write_classes(folder / "test", {"a": 2, "b": 2}, mode="RGB")
    test = _read(folder, cache, "test")
    assert test.shape == _read(folder, cache).shape == (1, 8, 8)
    count = "4 of 4 images are in colour and were reduced to grey, as the images to train on are"
    assert test.notes == (f"{folder}/test: {count}",)


def test_grey_test_images_of_a_set_in_colour_are_said(folder: Path, cache: Path) -> None:
    write_classes(folder / "train", {"a": 3, "b": 3}, mode="RGB")
    write_classes(folder / "test", {"a": 2, "b": 2})
    assert _read(folder, cache, "test").shape == (3, 8, 8)
    assert _notes(folder, cache) == []
    line = "all 4 images are grey, while those to train on are in colour"
    assert _read(folder, cache, "test").notes == (f"{folder}/test: {line}",)


def test_mixed_sizes_are_brought_to_the_median_and_noted(folder: Path, cache: Path) -> None:
    for name, size in {"a/0": (8, 8), "a/1": (10, 20), "b/0": (16, 12), "b/1": (30, 40), "b/2": (10, 10)}.items():
        write_image(folder / f"{name}.png", 3, size)
    assert _in_order(folder, cache).shape == (5, 1, 10, 10)
    assert _notes(folder, cache) == ["images of 5 sizes cut to the centre square and scaled to 10x10"]


def test_an_image_size_can_be_asked_for(folder: Path, cache: Path) -> None:
    write_classes(folder, {"a": 2, "b": 2})
    assert _in_order(folder, cache, 5).shape == (4, 1, 5, 5)
    assert _in_order(folder, cache).shape == (4, 1, 8, 8)


def test_large_images_are_scaled_down(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "LARGEST_SIDE", 16)
    write_noise(folder, {"a": 2, "b": 2})
    for path in folder.rglob("*.png"):
        Image.open(path).resize((40, 20)).save(path)
    assert _in_order(folder, cache).shape == (4, 1, 16, 16)


def test_the_centre_square_is_kept(folder: Path, cache: Path) -> None:
    striped = np.zeros((4, 12), dtype=np.uint8)
    striped[:, 4:8] = np.arange(16).reshape(4, 4) + 200

    def save(_: Image.Image, path: Path, __: int) -> None:
        Image.fromarray(striped).save(f"{path}.png")

    _fill(folder, save)
    assert (_in_order(folder, cache) == striped[:, 4:8]).all()


def _deep(factor: float, dtype: str, suffix: str, offset: float = 0) -> Save:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = (np.asarray(image, dtype=np.float64) * factor + offset).astype(dtype)
        Image.fromarray(values).save(f"{path}.{suffix}")

    return save


@pytest.mark.parametrize(
    ("save", "note"),
    [
        (_deep(257, "uint16", "png"), "16-bit grey: 0..65535 scaled to 0..255"),
        (_deep(257, "uint16", "tif"), "16-bit grey: 0..65535 scaled to 0..255"),
        (_deep(0.6, "uint16", "png", 7), "16-bit grey: 7..160 scaled to 0..255"),
        (_deep(4000 / 255, "uint16", "tif"), "16-bit grey: 0..4000 scaled to 0..255"),
        (_deep(1, "int32", "tif"), "32-bit grey: 0..255 scaled to 0..255"),
        (_deep(-2, "int32", "tif", 510), "32-bit grey: 0..510 scaled to 0..255"),
        (_deep(1 / 255, "float32", "tif"), "float grey: 0..1 scaled to 0..255"),
        (_deep(1 / 255, "float32", "tif", -0.5), "float grey: -0.5..0.5 scaled to 0..255"),
    ],
)
def test_deep_images_are_scaled_by_the_range_of_the_set_and_said(
    folder: Path, cache: Path, save: Save, note: str
) -> None:
    shapes = np.stack(_fill(folder, save))[:, None]
    found = _in_order(folder, cache)
    assert np.array_equal(found, 255 - shapes if "510" in note else shapes)
    assert _notes(folder, cache) == [note]


def test_sixteen_bits_keep_their_proportions(folder: Path, cache: Path) -> None:
    deep = np.full((4, 4), 0x8000, dtype=">u2")
    deep[0], deep[1] = 0xFFFF, 0

    def save(_: Image.Image, path: Path, __: int) -> None:
        Image.frombytes("I;16B", (4, 4), deep.tobytes()).save(f"{path}.tif")

    _fill(folder, save)
    found = _in_order(folder, cache)
    assert found[0, 0, :, 0].tolist() == [255, 0, 128, 128]


def test_test_images_are_scaled_by_the_range_of_the_training_images(folder: Path, cache: Path) -> None:
    _fill(folder / "train", _deep(100 / 255, "uint16", "png"))
    shapes = _fill(folder / "test", _deep(50 / 255, "uint16", "png"))
    assert _read(folder, cache, "test").whole().max() == 128
    _fill(folder / "test", _deep(400 / 255, "uint16", "png"))
    assert np.array_equal(_read(folder, cache, "test").whole()[:, 0], np.stack(shapes))  # clipped


def test_outliers_do_not_darken_the_set(folder: Path, cache: Path) -> None:
    hot = 65535

    def save(image: Image.Image, path: Path, i: int) -> None:
        values = np.asarray(image.resize((64, 64), Image.Resampling.NEAREST), dtype=np.uint16)
        values[0, 0] = hot if i == 0 else 0
        Image.fromarray(values).save(f"{path}.png")

    _fill(folder, save)
    (note,) = _notes(folder, cache)
    assert note == (
        "16-bit grey: outliers reach 0..65535, so the values between are clipped to 0..255 and scaled to 0..255"
    )
    assert _in_order(folder, cache)[1].max() == 255


def test_values_that_are_no_number_are_the_low_end(folder: Path, cache: Path) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = np.asarray(image, dtype=np.float32) / 255 + 3
        values[values == 3] = np.nan
        values[0, 0] = 3
        Image.fromarray(values).save(f"{path}.tiff")

    shapes = np.stack(_fill(folder, save))[:, None]
    assert np.array_equal(_in_order(folder, cache), shapes)
    assert Range(0, 1).scaled(np.array([np.inf, -np.inf, np.nan, 0.5, 2])).tolist() == [0, 0, 0, 128, 255]


def _deep_png(path: Path, values: npt.NDArray[np.uint16]) -> None:
    """A 16-bit PNG of (H, W, C), which Pillow does not write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {2: 4, 3: 2, 4: 6}[channels]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held)) for name, held in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colour_of_twelve_bits_in_sixteen_keeps_them(folder: Path, cache: Path, channels: int) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = np.repeat(np.asarray(image, dtype=np.uint16)[..., None], channels, axis=2)
        if channels != 3:
            values[..., -1] = 65535
        _deep_png(path.with_suffix(".png"), values)

    shapes = np.stack(_fill(folder, save))
    found = _in_order(folder, cache)
    assert found.shape[1] == (1 if channels == 2 else 3)
    assert all(np.array_equal(channel, shapes) for channel in found.swapaxes(0, 1))
    assert _notes(folder, cache) == ["16-bit colour: 0..255 scaled to 0..255"]


def test_a_depth_that_the_training_images_lack_is_unreadable(folder: Path, cache: Path) -> None:
    _fill(folder / "train", lambda image, path, _: image.save(f"{path}.png"))
    _fill(folder / "test", _deep(9, "uint16", "png"))
    with pytest.raises(TlbenchError, match=r"8 of 8 files .* 16-bit grey, of which the images to train on have none"):
        _read(folder, cache, "test")


def _put(mode: str, stored: int, drawn: int, suffix: str = "png") -> Save:
    """A drawing in the alpha channel: one colour where it is opaque, another where it is not."""

    def save(image: Image.Image, path: Path, _: int) -> None:
        grey = Image.fromarray(np.where(np.asarray(image) > 0, drawn, stored).astype(np.uint8))
        layers = grey.convert(mode)
        layers.putalpha(image)
        layers.save(f"{path}.{suffix}", **EXACT.get(suffix, {}))

    return save


@pytest.mark.parametrize(("mode", "stored"), [("LA", 0), ("RGBA", 0), ("RGBA", 255), ("LA", 99)])
def test_what_is_in_the_alpha_channel_alone_is_read_from_it(folder: Path, cache: Path, mode: str, stored: int) -> None:
    shapes = np.stack(_fill(folder, _put(mode, stored, stored)))[:, None]
    assert np.array_equal(_in_order(folder, cache), shapes)
    assert _notes(folder, cache) == [
        "8 images have transparency and one colour everywhere: the alpha channel itself is read, as grey"
    ]


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_dark_drawings_are_put_on_white_and_white_ones_on_black(folder: Path, cache: Path, suffix: str) -> None:
    shapes = np.stack(_fill(folder / "dark", _put("RGBA", 200, 40, suffix)))[:, None]
    found = _in_order(folder / "dark", cache)
    assert np.array_equal(found[:, :1], np.where(shapes > 0, 40, 255))
    assert _notes(folder / "dark", cache)[0].endswith("8 images have transparency: they are put on white")
    _fill(folder / "white", _put("RGBA", 200, 255, suffix))
    assert np.array_equal(_in_order(folder / "white", cache)[:, :1], shapes)
    assert _notes(folder / "white", cache)[0].endswith("white drawings that white would hide: all are put on black")


def test_white_and_black_drawings_together_are_put_on_grey(folder: Path, cache: Path) -> None:
    def save(image: Image.Image, path: Path, i: int) -> None:
        _put("LA", 99, 255 * (i % 2))(image, path, i)

    shapes = np.stack(_fill(folder, save))
    found = _in_order(folder, cache)[:, 0]
    assert {int(value) for value in found[0][shapes[0] > 0]} == {0}
    assert {int(value) for value in found[1][shapes[1] > 0]} == {255}
    assert {int(value) for value in found[shapes == 0]} == {128}


def test_palettes_with_a_transparent_colour_in_half_of_them_are_read_rightly(folder: Path, cache: Path) -> None:
    def save(image: Image.Image, path: Path, i: int) -> None:
        turned = i % 3 == 0
        indices = (np.asarray(image) > 0).astype(np.uint8) ^ turned
        drawing = Image.fromarray(indices)
        drawing.putpalette([255, 255, 255, 0, 0, 0] if turned else [0, 0, 0, 255, 255, 255])
        if i % 2:
            drawing.info["transparency"] = int(turned)
        drawing.save(f"{path}.png")

    shapes = np.stack(_fill(folder, save))
    assert all(np.array_equal(channel, shapes) for channel in _in_order(folder, cache).swapaxes(0, 1))


def test_half_transparent_palettes_are_read_without_a_warning(folder: Path, cache: Path) -> None:
    def save(_: Image.Image, path: Path, __: int) -> None:
        palette = Image.new("P", (4, 4))
        palette.putpalette([10, 200, 30, 0, 0, 0])
        palette.putpixel((0, 0), 1)
        palette.save(f"{path}.png", transparency=b"\x80\xff")

    _fill(folder, save)
    assert _in_order(folder, cache)[0, :, 2, 2].tolist() == [132, 227, 142]


@pytest.mark.parametrize("kind", ["CMYK.jpg", "RGB.GIF", "RGB.webp", "RGB.BMP", "RGB.TIFF", "1.png", "L.pgm", "L.tga"])
def test_formats_of_many_kinds_are_read(folder: Path, cache: Path, kind: str) -> None:
    mode, _, suffix = kind.partition(".")
    options = EXACT.get(suffix, {})
    shapes = _fill(folder, lambda image, path, _: image.convert(mode).save(f"{path}.{suffix}", **options))
    found = _in_order(folder, cache)
    assert np.abs(found.astype(int) - np.stack(shapes)[:, None]).mean() < 4
    assert _notes(folder, cache) == []


def test_photos_are_turned_upright(folder: Path, cache: Path) -> None:
    facts = Image.Exif()
    facts[0x0112] = 3  # upside down
    shapes = _fill(folder, lambda image, path, _: image.rotate(180).save(f"{path}.png", exif=facts))
    assert np.array_equal(_in_order(folder, cache)[:, 0], np.stack(shapes))


@pytest.mark.parametrize("n_files", [100, 150])
def test_a_few_files_that_are_no_images_are_skipped_counted_and_named(folder: Path, cache: Path, n_files: int) -> None:
    paths = write_classes(folder, {"a": n_files // 2, "b": n_files // 2})
    bad = _spoil(paths[10])
    assert [level_of(item) for item in _in_order(folder, cache)] == [i for i in range(n_files) if i != 10]
    (note,) = _notes(folder, cache)
    assert note.startswith(f"1 of {n_files} files are not readable images, skipped: {bad} (")


@pytest.mark.parametrize(
    ("held", "why"), [(b"", "an empty file"), (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")]
)
def test_a_file_that_only_stands_for_an_image_is_told_so(folder: Path, cache: Path, held: bytes, why: str) -> None:
    write_classes(folder, {"a": 3, "b": 3})[0].write_bytes(held)
    with pytest.raises(TlbenchError, match=why):
        _read(folder, cache)


def test_truncated_images_are_not_readable(folder: Path, cache: Path) -> None:
    paths = write_noise(folder, {"a": 60, "b": 60})
    paths[3].write_bytes(paths[3].read_bytes()[:60])
    assert "1 of 120 files" in _read(folder, cache).notes[0]


def test_more_than_one_percent_is_refused_and_nothing_is_kept(folder: Path, cache: Path) -> None:
    paths = write_classes(folder, {"a": 50, "b": 49})
    bad = _spoil(paths[10])
    with pytest.raises(TlbenchError, match=rf"1 of 99 files under {folder} .*at most 1 % .*first: {bad} \("):
        _read(folder, cache)
    assert _kept(cache) == [".survey.json"]


def test_a_folder_of_no_images_at_all_is_refused(folder: Path, cache: Path) -> None:
    for path in write_classes(folder, {"a": 2, "b": 1}):
        _spoil(path)
    with pytest.raises(TlbenchError, match="3 of 3 files"):
        _read(folder, cache)


def test_flat_images_are_noted_and_many_refused(folder: Path, cache: Path) -> None:
    paths = write_classes(folder, {"a": 10, "b": 10})
    Image.new("L", (8, 8), 7).save(paths[4])
    assert _notes(folder, cache) == [f"1 of 20 images are of one flat value, first: {paths[4]}"]
    for path in paths[:11]:
        Image.new("L", (8, 8), 7).save(path)
    with pytest.raises(TlbenchError, match=rf"11 of 20 images are of one flat value, first: {paths[0]}; what they"):
        _read(folder, cache)


def test_an_interruption_leaves_nothing_half_written(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(folder, {"a": 2, "b": 2})

    def interrupted(*_: object, **__: object) -> None:
        assert [name[-8:] for name in _kept(cache)] == [".partial", "vey.json"]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reading, "decode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _read(folder, cache)
    assert _kept(cache) == [".survey.json"]
    assert len(_in_order(folder, cache)) == 4


def test_decoding_happens_once(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_classes(folder, {"a": 2, "b": 2}, size=(9, 8))
    first = _read(folder, cache)
    monkeypatch.delattr(reading, "_decode_all")
    monkeypatch.delattr(reading, "survey")
    os.utime(paths[0], ns=(1, 1))
    second = _read(folder, cache)
    assert isinstance(second.items, np.memmap)
    assert np.array_equal(first.whole(), second.whole())
    assert first.notes == second.notes != ()
    assert _kept(cache) == [".json", ".npy", ".survey.json"]


@pytest.mark.parametrize("change", ["READER", "bytes", "size"])
def test_what_gives_other_pixels_is_decoded_anew(
    folder: Path, cache: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_classes(folder, {"a": 2, "b": 2})[1]
    _read(folder, cache)
    if change == "READER":
        monkeypatch.setattr(reading, "READER", 0)
    elif change == "bytes":
        write_image(path, 99)
    assert level_of(_in_order(folder, cache, 6 if change == "size" else None)[1]) == (99 if change == "bytes" else 1)
    assert _kept(cache).count(".npy") == 2


def test_the_same_images_in_another_folder_share_the_decoded_copy(folder: Path, cache: Path) -> None:
    for name in ("one", "two"):
        write_classes(folder / name, {"a": 2, "b": 2})
        _read(folder / name, cache)
    assert _kept(cache).count(".npy") == 1


def _levels_of(folder: Path, counts: Mapping[str, int], cache: Path) -> list[int]:
    write_classes(folder, counts)
    return [level_of(item) for item in _in_order(folder, cache)]


def test_images_keep_their_order(folder: Path, cache: Path) -> None:
    assert _levels_of(folder, {"a/x": 2, "a": 2, "b": 2}, cache) == [2, 3, 0, 1, 4, 5]


@pytest.mark.parametrize(("fill", "dtype"), [(-9999, "float32"), (-32768, "int32"), (1e20, "float32")])
def test_a_fill_value_does_not_take_the_range(folder: Path, cache: Path, fill: float, dtype: str) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = np.asarray(image, dtype=np.float64) / (255 if fill < 0 and dtype == "float32" else 1)
        values[:2] = fill
        Image.fromarray(values.astype(dtype)).save(f"{path}.tif")

    shapes = np.stack(_fill(folder, save))
    assert np.array_equal(_in_order(folder, cache)[:, 0, 2:], shapes[:, 2:])
    assert "a fill value reaches" in _notes(folder, cache)[0]


def test_the_first_page_of_several_is_read_and_said(folder: Path, cache: Path) -> None:
    more: dict[str, Any] = {"save_all": True, "append_images": [Image.new("L", (16, 16))]}
    shapes = _fill(folder, lambda image, path, _: image.save(f"{path}.tif", **more))
    assert np.array_equal(_in_order(folder, cache)[:, 0], np.stack(shapes))
    assert _notes(folder, cache) == ["8 of 8 images have several pages, of which the first alone is read"]


@pytest.mark.parametrize("factor", [1, 257])
def test_colour_of_sixteen_bits_in_tiff_is_said_to_lose_its_low_byte(folder: Path, cache: Path, factor: int) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = np.repeat(np.asarray(image, dtype="<u2")[..., None] * factor, 3, axis=2)
        held = values.tobytes()
        tags = [(256, 16), (257, 16), (258, 122), (259, 1), (262, 2), (273, 128), (277, 3), (278, 16), (279, len(held))]
        entries = b"".join(struct.pack("<HHII", tag, 3, 3 if tag == 258 else 1, value) for tag, value in tags)
        head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
        path.with_suffix(".tif").write_bytes(head + struct.pack("<HHH", 16, 16, 16) + held)

    shapes = np.stack(_fill(folder, save))
    said = "8 of 8 images have 16-bit channels, of which the high byte alone is read"
    if factor == 257:
        assert np.array_equal(_in_order(folder, cache)[:, 0], shapes)
        assert _notes(folder, cache) == [said]
    else:
        with pytest.raises(TlbenchError, match=rf"8 of 8 images are of one flat value.*\({folder}: {said}\)"):
            _read(folder, cache)


@pytest.mark.parametrize("bits", [8, 16])
def test_tiffs_whose_white_is_zero_are_read_as_they_look(folder: Path, cache: Path, bits: int) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        values = (255 - np.asarray(image).astype("<u2")) * (257 if bits == 16 else 1)
        Image.fromarray(values.astype("<u2" if bits == 16 else np.uint8)).save(f"{path}.tif")
        held = bytearray(path.with_suffix(".tif").read_bytes())
        place = held.find(struct.pack("<HHI", 262, 3, 1))  # the tag of what zero looks like
        held[place + 8] = 0
        path.with_suffix(".tif").write_bytes(held)

    shapes = np.stack(_fill(folder, save))
    assert np.array_equal(_in_order(folder, cache)[:, 0], shapes)


def test_colours_under_an_alpha_that_hides_everything_are_read_and_said(folder: Path, cache: Path) -> None:
    def save(image: Image.Image, path: Path, _: int) -> None:
        clear = image.convert("RGBA")
        clear.putalpha(0)
        clear.save(f"{path}.png")

    shapes = np.stack(_fill(folder, save))
    assert np.array_equal(_in_order(folder, cache)[:, 0], shapes)
    assert _notes(folder, cache) == [
        "8 images have transparency and nothing in them is opaque: their colours are read as if all were"
    ]


def test_masks_of_class_numbers_are_asked_about(folder: Path, cache: Path) -> None:
    _fill(folder, lambda image, path, i: image.point(lambda level: (level > 0) * (i % 4 + 1)).save(f"{path}.png"))
    assert _notes(folder, cache) == ["no value is above 4 of 255; are these masks of class numbers?"]
