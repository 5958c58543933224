"""Uploads are judged by their content, drawn anew, and kept under the hash of what they became."""

import struct
import warnings
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageOps

from mall.images import KEPT_BYTES, ImageRefused, image_path, image_redrawn, image_store


def picture(form="JPEG", size=(400, 300), mode="RGB", colour="red", **how) -> bytes:
    out = BytesIO()
    Image.new(mode, size, colour).save(out, form, **how)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    image = Image.open(BytesIO(body))
    image.load()
    return image


def png_that_claims(width: int, height: int) -> bytes:
    """A valid header over a few bytes of data: what a bomb looks like."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_three_kinds_are_taken_and_become_jpeg(form):
    image = opened(image_redrawn(picture(form), file="x"))
    assert (image.format, image.size, image.mode) == ("JPEG", (400, 300), "RGB")
    assert image.getpixel((10, 10))[0] > 240


def test_metadata_and_comments_do_not_go_along():
    exif = Image.Exif()
    exif[0x010F] = "Shenzhen Camera Co"
    body = picture(exif=exif, comment=b"secret place", icc_profile=b"profile of mine")
    assert b"Shenzhen" in body and b"secret place" in body
    kept = image_redrawn(body, file="x")
    assert b"Shenzhen" not in kept and b"secret place" not in kept
    assert b"profile of mine" not in kept and b"Exif" not in kept


def test_a_picture_stands_upright_as_the_camera_was_held():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(image_redrawn(picture(exif=exif), file="x")).size == (300, 400)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_way_of_holding_it_ends_with_the_sky_above(orientation):
    """As Pillow itself would turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", (400, 300), "white")
    image.paste("blue", (0, 0, 200, 150))
    out = BytesIO()
    image.save(out, "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(BytesIO(out.getvalue()))).convert("RGB")
    kept = opened(image_redrawn(out.getvalue(), file="x"))
    assert kept.size == expected.size
    for place in [(20, 20), (kept.width - 20, 20), (20, kept.height - 20)]:
        assert (kept.getpixel(place)[0] < 128) == (expected.getpixel(place)[0] < 128)


@pytest.mark.parametrize("tag", [0x0100, 0x011A, 0x013E])
def test_odd_metadata_does_not_spoil_a_good_picture(tag):
    """A text where numbers belong: Pillow cannot write such an Exif anew, and nobody has to."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "hello", 2.5
    body = bytearray(picture(exif=exif))
    at = body.index(b"\x01\x0e\x00\x02")
    body[at : at + 2] = tag.to_bytes(2)
    assert opened(image_redrawn(bytes(body), file="x")).format == "JPEG"


def test_what_is_transparent_is_white():
    clear = picture("PNG", mode="RGBA", colour=(255, 0, 0, 0))
    assert opened(image_redrawn(clear, file="x")).getpixel((5, 5)) == (255, 255, 255)
    palette = BytesIO()
    Image.new("P", (300, 300), 0).save(palette, "PNG", transparency=0)
    assert opened(image_redrawn(palette.getvalue(), file="x")).getpixel((5, 5)) == (255, 255, 255)


def test_a_large_picture_is_kept_small():
    assert opened(image_redrawn(picture(size=(6000, 200)), file="x")).size == (1600, 53)
    noise = BytesIO()
    Image.effect_noise((1600, 1600), 120).save(noise, "JPEG", quality=95)
    assert len(noise.getvalue()) > 2 * KEPT_BYTES
    kept = image_redrawn(noise.getvalue(), file="x")
    assert len(kept) < len(noise.getvalue()) // 2


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "文件为空"),
        (b"hello, I am a text file called cup.png", "不是 JPEG、PNG 或 WebP"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "不是 JPEG"),
        (picture("GIF"), "不是 JPEG"),
        (picture("TIFF"), "不是 JPEG"),
        (picture("BMP"), "不是 JPEG"),
        (picture(size=(199, 400)), "边长须为 200 至 6000 像素"),
        (picture("PNG", size=(400, 6001)), "边长须为 200 至 6000 像素"),
        (picture()[:900], "图片已损坏"),
        (picture("PNG")[:60], "图片已损坏"),
        (picture() + b"\0" * 5 * 1024 * 1024, "超过 5 MB"),
    ],
)
def test_whatever_is_no_picture_for_us_is_refused_with_its_name(body, why):
    with pytest.raises(ImageRefused) as refusal:
        image_redrawn(body, file="cup.png")
    assert str(refusal.value).startswith("cup.png：")
    assert why in str(refusal.value)


@pytest.mark.parametrize("side", [6001, 12_000, 60_000])
def test_a_bomb_is_refused_by_its_header_before_it_is_unpacked(side, monkeypatch):
    def unpacked(image):
        raise AssertionError("it was unpacked")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", unpacked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(ImageRefused) as refusal:
            image_redrawn(png_that_claims(side, side), file="bomb.png")
    assert "边长" in str(refusal.value)


def test_a_picture_is_kept_once_under_the_hash_of_its_content(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    body = image_redrawn(picture(), file="x")
    address = image_store(body)
    assert image_store(body) == address
    assert address.startswith("/media/images/") and address.endswith(".jpg")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [body]
    assert image_path(address.rsplit("/", 1)[1]) == files[0]


@pytest.mark.parametrize(
    "name", ["../secrets.json", "a" * 40, f"{'A' * 40}.jpg", f"{'a' * 40}.svg"]
)
def test_only_names_of_ours_lead_to_a_file(name):
    with pytest.raises(ValueError, match="not the name"):
        image_path(name)
