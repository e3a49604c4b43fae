"""Pictures for tests: small ones of all formats, and such as are made to do harm."""

import io
import struct
import zlib

from PIL import Image, PngImagePlugin

RED, BLUE, GREEN, WHITE = (250, 10, 10), (10, 10, 250), (10, 250, 10), (255, 255, 255)


def picture(form="PNG", size=(40, 20), color=RED, mode="RGB", **options):
    """Return the bytes of a picture of one colour."""
    content = io.BytesIO()
    Image.new("RGB", size, color).convert(mode).save(content, form, **options)
    return content.getvalue()


def corners(orientation=None):
    """Return a JPEG of 80 x 40 whose left half is red and whose lower right corner is blue, with an orientation."""
    image = Image.new("RGB", (80, 40), WHITE)
    image.paste(RED, (0, 0, 40, 40))
    image.paste(BLUE, (60, 20, 80, 40))
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    content = io.BytesIO()
    image.save(content, "JPEG", quality=95, exif=exif)
    return content.getvalue()


def with_metadata():
    """Return a PNG that says who took it, with what, and where."""
    exif, text = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x010F], exif[0x013B] = "Camera of alice", "alice"
    text.add_text("Comment", "alice was here", zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>alice</x:xmpmeta>")
    return picture(size=(300, 300), exif=exif, pnginfo=text, icc_profile=b"alice" * 50)


def animation(form="GIF", frames=3):
    """Return an animation that begins red, and then is green."""
    images = [Image.new("RGB", (40, 20), RED if number == 0 else (0, 200, number % 250)) for number in range(frames)]
    content = io.BytesIO()
    images[0].save(content, form, save_all=True, append_images=images[1:])
    return content.getvalue()


def png_chunk(name, data):
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width, height, *chunks, depth=8, kind=2):
    """Return a PNG that says it has this size, with these chunks before its pixels, which it does not have."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + png_chunk(b"IEND", b"")


def zeros(count):
    """Return zlib's text of so many zero bytes, without having them in memory."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(count // 1_000_000)) + packer.flush()


def resized(content, at, form, *values):
    """Return the content with numbers at a place, such as another width and height."""
    return content[:at] + struct.pack(form, *values) + content[at + struct.calcsize(form) :]


def jpeg_of(width, height):
    """Return a JPEG that says it has this size."""
    content = picture("JPEG")
    return resized(content, content.index(b"\xff\xc0") + 5, ">HH", height, width)


def scans(count, size=(700, 700)):
    """Return a progressive JPEG whose last scan is repeated so often."""
    content = io.BytesIO()
    Image.new("L", size, 128).save(content, "JPEG", progressive=True)
    whole = content.getvalue()
    starts = [at for at in range(len(whole) - 1) if whole[at : at + 2] == b"\xff\xda"]
    last = whole[starts[-1] : -2]
    return whole[:-2] + last * count + whole[-2:]


BOMBS = {
    "image/png": {
        "a size of 60,000 x 60,000": lambda: png_of(60_000, 60_000),
        "a size of 1 bit each": lambda: png_of(100_000, 100_000, depth=1, kind=0),
        "a text that unpacks to 200 MB": lambda: png_of(
            9_000, 9_000, png_chunk(b"zTXt", b"a\0\0" + zeros(200_000_000)), png_chunk(b"IEND", b"")
        ),
        "a profile that unpacks to 200 MB": lambda: png_of(
            9_000, 9_000, png_chunk(b"iCCP", b"a\0\0" + zeros(200_000_000))
        ),
        "an international text that unpacks to 200 MB": lambda: png_of(
            9_000, 9_000, png_chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(200_000_000))
        ),
        "EXIF with a count of 4 billion": lambda: png_of(
            9_000, 9_000, png_chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x0c\0\xff\xff\xff\xff\0\0\0\0")
        ),
        "a chunk that says it has 2 GB": lambda: png_of(9_000, 9_000) + struct.pack(">I", 0x7FFFFFFF) + b"iTXt",
    },
    "image/jpeg": {"a size of 65,500 x 65,500": lambda: jpeg_of(65_500, 65_500)},
    "image/gif": {
        "a screen of 65,535 x 65,535": lambda: resized(picture("GIF"), 6, "<HH", 65_535, 65_535),
    },
    "image/webp": {"a canvas of 16,383 x 16,383": lambda: resized(picture("WEBP"), 26, "<HH", 16_383, 16_383)},
}
