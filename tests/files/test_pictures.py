"""Thumbnails are upright, small and without metadata; pictures that are made to do harm are refused."""

import io
import random
import subprocess
import sys

import pytest
from PIL import Image

from backend.services.files import pictures
from backend.services.files.pictures import BadPicture, draw_thumbnail
from tests.parts.images import BLUE, BOMBS, RED, WHITE, animation, corners, picture, scans, with_metadata

MODES = {
    "PNG": ["RGB", "RGBA", "P", "L", "LA", "1"],
    "JPEG": ["RGB", "CMYK", "L"],
    "GIF": ["P", "L"],
    "WEBP": ["RGB", "RGBA"],
    "AVIF": ["RGB", "RGBA"],
}
MAX_GROWN_BYTES = 150 << 20  # of a process that is given each of BOMBS


def drawn(content, media_type="image/png", width=200, height=200):
    """Return the thumbnail as a picture of Pillow."""
    found = draw_thumbnail(io.BytesIO(content), media_type, width, height)
    image = Image.open(io.BytesIO(found))
    assert image.format == "WEBP"
    return image


def is_near(found, color):
    return all(abs(a - b) < 60 for a, b in zip(found, color, strict=True))


@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes])
def test_draws_every_format_and_mode(form, mode):
    image = drawn(picture(form, (400, 200), WHITE, mode), f"image/{form.lower()}")
    assert image.size == (200, 100)
    assert is_near(image.convert("RGB").getpixel((50, 50)), WHITE)


def test_draws_grey_of_16_bits():
    content = io.BytesIO()
    Image.new("I;16", (400, 400), 0x8000).save(content, "PNG")
    assert 120 < drawn(content.getvalue()).convert("L").getpixel((5, 5)) < 136


def test_keeps_what_is_transparent():
    content = io.BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(content, "PNG")
    assert drawn(content.getvalue()).convert("RGBA").getpixel((50, 50))[3] == 0


def test_fits_into_the_box_and_enlarges_nothing():
    assert drawn(picture(size=(300, 100)), width=60, height=60).size == (60, 20)
    assert drawn(picture(size=(100, 300)), width=60, height=60).size == (20, 60)
    assert drawn(picture(size=(30, 10)), width=60, height=60).size == (30, 10)
    assert drawn(picture(size=(4000, 1)), width=60, height=60).size == (60, 1)


@pytest.mark.parametrize("orientation", [None, *range(1, 9), 0, 9, 60_000])
def test_turns_the_picture_upright(orientation):
    """The half that is red, and the corner that is blue, are where the orientation says."""
    image = drawn(corners(orientation), "image/jpeg", 80, 80).convert("RGB")
    red, blue, size = {
        2: ((60, 10), (10, 30), (80, 40)),
        3: ((60, 30), (10, 10), (80, 40)),
        4: ((20, 30), (70, 10), (80, 40)),
        5: ((10, 20), (30, 70), (40, 80)),
        6: ((30, 20), (10, 70), (40, 80)),
        7: ((30, 60), (10, 10), (40, 80)),
        8: ((10, 60), (30, 10), (40, 80)),
    }.get(orientation, ((20, 10), (70, 30), (80, 40)))
    assert image.size == size
    assert is_near(image.getpixel(red), RED)
    assert is_near(image.getpixel(blue), BLUE)


def test_drops_all_metadata():
    content = with_metadata()
    assert b"alice" in content
    found = draw_thumbnail(io.BytesIO(content), "image/png", 100, 100)
    assert b"alice" not in found
    assert [name for name in (b"EXIF", b"ICCP", b"XMP") if name in found] == []


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_draws_the_first_frame_of_an_animation(form):
    image = drawn(animation(form), f"image/{form.lower()}")
    assert is_near(image.convert("RGB").getpixel((5, 5)), RED)
    assert getattr(image, "n_frames", 1) == 1


def test_draws_the_first_of_many_frames():
    assert drawn(animation(frames=3_000), "image/gif").size == (40, 20)


@pytest.mark.parametrize(("media_type", "name"), [(kind, name) for kind, bombs in BOMBS.items() for name in bombs])
def test_refuses_pictures_that_would_take_too_much(media_type, name):
    with pytest.raises(BadPicture, match=r"pixels|decoded"):
        draw_thumbnail(io.BytesIO(BOMBS[media_type][name]()), media_type, 100, 100)


def test_refuses_them_in_little_memory(tmp_path):
    """A process of its own draws all of them, and says how much memory it took more than before."""
    paths = []
    for kind, bombs in BOMBS.items():
        for number, make in enumerate(bombs.values()):
            paths.append(tmp_path / f"{kind.replace('/', '-')}-{number}")
            paths[-1].write_bytes(make())
    program = [sys.executable, "-m", "tests.files.draw_all", *map(str, paths)]
    refused, grown = map(int, subprocess.run(program, capture_output=True, check=True, text=True).stdout.split())
    assert refused == len(paths)
    assert grown < MAX_GROWN_BYTES


def test_refuses_a_picture_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(pictures, "SECONDS", 0)
    with pytest.raises(BadPicture, match="takes longer"):
        draw_thumbnail(io.BytesIO(scans(5_000)), "image/jpeg", 100, 100)


def test_refuses_a_large_file(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_SOURCE_BYTES", 50)
    with pytest.raises(BadPicture, match="50 bytes"):
        drawn(picture())


@pytest.mark.parametrize("form", MODES)
def test_damaged_pictures_are_drawn_or_refused(form):
    chance, content, outcomes = random.Random(form), picture(form, (60, 60)), set()
    for _ in range(150):
        damaged = bytearray(content[: chance.randrange(len(content)) if chance.random() < 0.3 else None])
        for _ in range(chance.randrange(8)):
            damaged[chance.randrange(len(damaged) or 1) : chance.randrange(len(damaged) or 1)] = chance.randbytes(2)
        try:
            drawn(bytes(damaged), f"image/{form.lower()}")
            outcomes.add("drawn")
        except BadPicture:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_one_format_is_not_read_as_another():
    with pytest.raises(BadPicture, match="decoded"):
        drawn(picture("GIF"), "image/png")
    content = io.BytesIO()
    Image.new("RGB", (20, 20)).save(content, "TIFF")
    with pytest.raises(BadPicture):
        drawn(content.getvalue(), "image/jpeg")
