"""What it takes to draw a thumbnail: `python -m benchmarks.thumbnails`.

Draws each of the largest pictures that are accepted, in a process of its own: the CPU time, and by how much the peak of
the memory grows.
"""

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = (
    ("JPEG", "RGB", 7000, "baseline"),
    ("JPEG", "RGB", 7000, "progressive"),
    ("PNG", "RGB", 5000, ""),
    ("PNG", "RGBA", 5000, ""),
    ("GIF", "P", 5000, ""),
    ("WEBP", "RGB", 5000, ""),
    ("AVIF", "RGB", 5000, ""),
    ("JPEG", "RGB", 3464, "baseline"),  # 12 megapixels, as of a phone
)
SIZE = 200


def main() -> None:
    """Print a line for each case."""
    with tempfile.TemporaryDirectory() as folder:
        for form, mode, side, kind in CASES:
            path = Path(folder) / f"{form}-{mode}-{side}-{kind}"
            for step in ("make", "draw"):
                command = [sys.executable, "-m", "benchmarks.thumbnails", step, form, mode, str(side), kind, str(path)]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, grown = printed.split()
            print(f"{form:5} {mode:5} {side} x {side} {kind:12} {seconds:>6} s {int(grown) >> 20:>5} MB")


def make(form: str, mode: str, side: int, kind: str, path: Path) -> None:
    """Write a picture of noise in blocks, which no format packs to nothing."""
    from PIL import Image

    noise = Image.frombytes("RGB", (side // 10, side // 10), os.urandom(3 * (side // 10) ** 2))
    image = noise.resize((side, side), Image.Resampling.NEAREST).convert(mode)
    image.save(path, form, progressive=kind == "progressive", speed=10)  # each format ignores what it does not know


def draw(form: str, path: Path) -> None:
    """Print the seconds of CPU and the bytes that drawing a thumbnail takes."""
    from backend.services.files.pictures import draw_thumbnail

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

    before, began = peak(), time.process_time()
    with path.open("rb") as file:
        assert io.BytesIO(draw_thumbnail(file, f"image/{form.lower()}", SIZE, SIZE)).read(4) == b"RIFF"
    print(f"{time.process_time() - began:.2f} {peak() - before}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        step, form, mode, side, kind, path = sys.argv[1:]
        make(form, mode, int(side), kind, Path(path)) if step == "make" else draw(form, Path(path))
