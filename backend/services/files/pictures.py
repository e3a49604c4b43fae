"""Draws thumbnails with Pillow, which is optional: import this module only when a thumbnail is needed.

Pictures come from anybody. Each is refused before it is decoded if it would take too much memory, and while it is
decoded if that takes too long.
"""

import io
import struct
import time
import warnings
import zlib
from typing import IO

from PIL import Image

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP", "image/avif": "AVIF"}
MAX_PIXELS = 25_000_000
# Pillow decodes a JPEG at a smaller size, if it shall become small.
MAX_JPEG_PIXELS = 50_000_000
MAX_SOURCE_BYTES = 50_000_000  # some formats are read as a whole
SECONDS = 10  # for one picture
READ_BYTES = 4 << 10  # between two looks at the clock
ORIENTATION = 0x0112  # the tag of EXIF
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # what makes a picture of each orientation upright
FIRST_SIDEWAYS = 5
# What Pillow raises for pictures that are damaged, or that somebody made to do harm.
DAMAGES = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError),
    *(AttributeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
    Image.DecompressionBombWarning,
)

# Pillow checks the size of each picture itself when it reads the head, and then again for each frame.
Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class BadPicture(Exception):
    """No thumbnail can be drawn of a picture; the text says why."""


class _TimedFile:
    """A picture that can be read for SECONDS. A decoder reads it in small parts."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._until = file, time.monotonic() + SECONDS
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        """Read at most `count` bytes. Raises BadPicture if the time is over."""
        if time.monotonic() > self._until:
            raise BadPicture(f"It takes longer than {SECONDS} seconds to decode.")
        return self._file.read(count)


def draw_thumbnail(file: IO[bytes], media_type: str, width: int, height: int) -> bytes:
    """Return the picture in the file as WebP: upright, at most this large, never enlarged, and without metadata.

    Of an animation it is the first frame. Raises BadPicture if the file is too large or cannot be decoded.
    """
    if file.seek(0, io.SEEK_END) > MAX_SOURCE_BYTES:
        raise BadPicture(f"It has more than {MAX_SOURCE_BYTES:,} bytes.")
    file.seek(0)
    try:
        with Image.open(_TimedFile(file), formats=[FORMATS[media_type]]) as image:  # type: ignore[arg-type]
            _require_drawable(image)
            image.decodermaxblock = READ_BYTES
            return _to_webp(_upright(image, width, height))
    except DAMAGES as error:
        too_large = isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning)
        raise BadPicture("It has too many pixels." if too_large else "It cannot be decoded.") from error


def _require_drawable(image: Image.Image) -> None:
    most = MAX_JPEG_PIXELS if image.format == FORMATS["image/jpeg"] else MAX_PIXELS
    if image.width * image.height > most:
        raise BadPicture(f"It has more than {most:,} pixels.")


def _upright(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the picture, turned as its camera was held, so that it fits into a box."""
    orientation = image.getexif().get(ORIENTATION)
    is_sideways = orientation in UPRIGHT and orientation >= FIRST_SIDEWAYS
    if image.mode in ("1", "P", "PA"):  # Pillow would scale these without mixing colours
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode.startswith("I"):  # 16 bits of grey, of which a conversion would keep the wrong ones
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    image.thumbnail((height, width) if is_sideways else (width, height))
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _to_webp(image: Image.Image) -> bytes:
    """Return a picture as WebP, which gets no metadata unless it is given some."""
    content = io.BytesIO()
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.save(content, "WEBP")
    return content.getvalue()
