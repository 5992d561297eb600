"""Picture files of every kind are read at their full range, or refused by name."""

import io
import struct
import zlib
from itertools import product

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from normscope.images import pictures
from normscope.job import BlockedError, UserError

GREY = np.linspace(0, 1, 1024).reshape(32, 32)
COLOUR = np.stack([GREY, GREY.T, GREY[::-1]], axis=2)
TURNED = {  # what is seen where the stored array has this orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def read(path, *others):
    return pictures.read(
        str(path), lambda: pictures.common_tops(map(str, [path, *others]))
    )


def saved(image, kind, **options):
    """The bytes of a file, and what is to be seen: (32, 32, 3) from 0 to 255."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue(), np.asarray(Image.open(out).convert("RGB")).astype(float)


def grey(shares):
    return 255 * np.repeat(shares[:, :, None], 3, axis=2)


def png(rows, depth, colour):
    """A PNG of that depth and colour type of rows of bytes."""

    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", 32, 32, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def tiff(levels, sample_format, order="<"):
    """An uncompressed grey TIFF of the array's own type."""
    data = levels.astype(levels.dtype.newbyteorder(order)).tobytes()
    bits = 8 * levels.dtype.itemsize
    tags = {256: 32, 257: 32, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 32,
            279: len(data), 339: sample_format}  # fmt: skip
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items()
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    end = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    return start + struct.pack(f"{order}I", 8 + len(data)) + data + end


def jpeg_with_exif(*entries):
    """A whole JPEG, orientation 6, whose EXIF block has these entries as well."""
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1 + len(entries))
    exif += struct.pack("<HHI", 0x0112, 3, 1) + struct.pack("<HH", 6, 0)
    for tag, kind, value in entries:
        exif += struct.pack("<HHI", tag, kind, 1) + value
    exif += bytes(24)
    data, seen = saved(eight_bits("RGB"), "JPEG", quality=95)
    head = b"\xff\xe1" + struct.pack(">H", len(exif) + 2)
    return data[:2] + head + exif + data[2:], TURNED[6](seen)


def eight_bits(mode):
    return Image.fromarray((255 * COLOUR).round().astype(np.uint8)).convert(mode)


FORMATS = {
    "1": ("PNG", "TIFF", "BMP", "GIF", "PPM", "PCX", "TGA", "XBM", "MSP"),
    "L": ("PNG", "TIFF", "BMP", "GIF", "PPM", "PCX", "TGA", "JPEG", "JPEG2000", "WEBP",
          "SGI", "DDS"),
    "P": ("PNG", "TIFF", "BMP", "GIF", "PCX", "TGA"),
    "LA": ("PNG", "TIFF", "TGA", "JPEG2000", "DDS"),
    "RGB": ("PNG", "TIFF", "BMP", "GIF", "PPM", "PCX", "TGA", "JPEG", "JPEG2000",
            "WEBP", "SGI", "DDS", "ICO", "QOI"),
    "RGBA": ("PNG", "TIFF", "TGA", "JPEG2000", "WEBP", "SGI", "DDS", "ICO", "QOI"),
    "CMYK": ("TIFF", "JPEG"),
    "YCbCr": ("TIFF", "JPEG"),
}  # fmt: skip
UNSIGNED = {"PNG": "png", "TIFF": "tif", "PPM": "pgm", "JPEG2000": "jp2"}


def every_kind():
    """Name, bytes and what is to be seen; None where the file is to be refused."""
    for mode, formats in FORMATS.items():
        for kind in formats:
            end = {"JPEG2000": "jp2"}.get(kind, kind.lower())
            yield f"{mode}.{end}", *saved(eight_bits(mode), kind)
    for bits in (1, 2, 4):
        step = 8 // bits
        levels = (GREY * (2**bits - 1)).round().astype(int)
        packed = [
            bytes(
                sum(level << bits * (step - 1 - n) for n, level in enumerate(group))
                for group in row.reshape(-1, step)
            )
            for row in levels
        ]
        yield f"grey{bits}.png", png(packed, bits, 0), grey(levels / (2**bits - 1))
    for bits, (kind, end) in product((8, 10, 12, 14, 16), UNSIGNED.items()):
        levels = (GREY * (2**bits - 1)).astype(np.uint16)
        seen = grey(levels / (2**bits - 1))
        yield f"{bits}of16.{end}", saved(Image.fromarray(levels), kind)[0], seen
    for bits, order in product((8, 10, 12, 14, 16), "<>"):
        levels, sort = (GREY * (2**bits - 1)).astype(np.uint16), ord(order)
        yield (
            f"{bits}of16{sort}.tif",
            tiff(levels, 1, order),
            grey(levels / (2**bits - 1)),
        )
    for bits, order in product((8, 10, 12, 15, 16, 20, 31), "<>"):
        levels, sort = (GREY * (2**bits - 1)).astype(np.int32), ord(order)
        seen = grey(levels / (2**bits - 1))
        yield f"{bits}of32{sort}.tif", tiff(levels, 2, order), seen
        if bits < 16:
            data = tiff(levels.astype(np.int16), 2, order)
            yield f"{bits}of16signed{sort}.tif", data, seen
    for top, order in product((0.1, 0.25, 1, 4, 255, 4095, 65535, 1e9), "<>"):
        white = {0.1: 0.25, 1e9: 2**30 - 1}.get(top, top)
        levels = (GREY * top).astype(np.float32)
        yield (
            f"float{top}{ord(order)}.tif",
            tiff(levels, 3, order),
            grey(levels / white),
        )
    for bits in (12, 16):
        for name, colour, array in (("RGB", 2, COLOUR), ("LA", 4, COLOUR[..., :2])):
            rows = [row.tobytes() for row in (array * (2**bits - 1)).astype(">u2")]
            seen = 255 * (COLOUR if colour == 2 else np.repeat(GREY[..., None], 3, 2))
            yield (
                f"{name}{bits}of16.png",
                png(rows, 16, colour),
                (seen if bits == 16 else None),
            )
    signed = (GREY - 0.5).astype(np.float32)
    yield "negative.tif", tiff(signed, 3), None
    yield "negative16.tif", tiff((signed * 2000).astype(np.int16), 2), None
    yield "all32.tif", tiff((GREY * (2**32 - 1)).astype(np.uint32), 1), None
    for odd in (np.nan, np.inf, -np.inf):
        holed = signed + 0.5
        holed[3, 3] = odd
        yield f"{odd}.tif", tiff(holed, 3), None
    yield "double.tif", tiff(GREY, 3), None
    colours = eight_bits("RGB").split()
    yield "lab.tif", *saved(Image.merge("LAB", colours), "TIFF")
    for kind, options, orientation in product(
        ("PNG", "JPEG", "TIFF", "WEBP"), ({}, {"quality": 95}), TURNED
    ):
        tag = Image.Exif()
        tag[0x0112] = orientation
        data, seen = saved(eight_bits("RGB"), kind, **options)
        data, _ = saved(eight_bits("RGB"), kind, exif=tag, **options)
        yield (
            f"{len(options)}turned{orientation}.{kind}",
            data,
            TURNED[orientation](seen),
        )
    for tag, kind, value in product(
        (0x0100, 0x0102, 0x0128, 0x011A, 0x0140, 0x0112, 0x9999),
        (1, 2, 3, 5, 6, 9, 11, 12, 77),
        (struct.pack("<i", 70000), struct.pack("<i", -5), struct.pack("<f", np.nan)),
    ):
        if tag != 0x0112:
            yield (
                f"exif{tag}-{kind}-{value.hex()}.jpg",
                *jpeg_with_exif((tag, kind, value)),
            )
    data, seen = saved(eight_bits("RGB"), "PNG")
    for end in ("PNG", "jpg", "JPeG", "tif", "gif", "webp"):
        yield f"png called.{end}", data, seen


KINDS = list(every_kind())


def test_there_are_hundreds_of_kinds():
    assert len({name for name, *_ in KINDS}) == len(KINDS) > 300


@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Corrupt EXIF data")
@pytest.mark.parametrize(("name", "data", "seen"), KINDS, ids=[k[0] for k in KINDS])
def test_a_picture_is_read_at_its_full_range_or_refused(tmp_path, name, data, seen):
    path = tmp_path / name
    path.write_bytes(data)
    assert pictures.can_be_read(path.suffix.lower())
    if seen is None:
        with pytest.raises(UserError) as refusal:
            read(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
    else:
        np.testing.assert_allclose(read(path).transpose(1, 2, 0), seen, atol=1)


def write(path, levels):
    path.write_bytes(tiff(levels, 3 if levels.dtype == np.float32 else 1))
    return path


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_all_pictures_have_one_scale(tmp_path, kind, capsys):
    bright = write(tmp_path / "bright.tif", (4000 * GREY).astype(kind))
    dark = write(tmp_path / "dark.tif", (800 * GREY).astype(kind))
    Image.new("RGB", (9, 9)).save(tmp_path / "other.png")
    (tmp_path / "damaged.tif").write_bytes(bright.read_bytes()[:1000])
    tops = pictures.common_tops(map(str, tmp_path.iterdir()))
    assert list(tops.values()) == [4095]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("2 pictures have")
    assert line.endswith("as grey levels, up to 4000: 4095 is white")
    read = pictures.read(str(dark), lambda: tops)
    np.testing.assert_allclose(read[0], 255 * GREY * 800 / 4095, atol=1)


@pytest.mark.parametrize(
    ("kind", "tops"), [(np.uint16, (4095, 65535)), (np.float32, (1, 255))]
)
def test_a_picture_that_the_others_scale_would_flatten_is_refused(tmp_path, kind, tops):
    low, high = (
        write(tmp_path / f"{top}.tif", (top * GREY).astype(kind)) for top in tops
    )
    assert np.ptp(read(high, low)) == 255
    with pytest.raises(UserError, match=rf"{low} has grey levels .*bring all to one"):
        read(low, high)
    constant = write(tmp_path / "constant.tif", np.full_like(GREY, 9).astype(kind))
    assert np.ptp(read(constant, high)) == 0


def test_few_levels_of_whole_numbers_are_kept(tmp_path):
    path = write(tmp_path / "mask.tif", (3 * GREY).round().astype(np.uint16))
    assert np.unique(read(path)).tolist() == [0, 1, 2, 3]


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(
        BlockedError, match=r"a\.png may not be read; its owner can allow it"
    ):
        read(tmp_path / "a.png")


def test_signed_levels_of_8_bits_are_refused(tmp_path):
    path = tmp_path / "signed.tif"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[339] = 2
    Image.fromarray(GREY.astype(np.uint8)).save(path, tiffinfo=tags)
    with pytest.raises(
        UserError, match=r"signed\.tif has signed grey levels of 8 bits"
    ):
        read(path)
