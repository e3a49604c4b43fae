"""Markdown of results: tables, and the sections of `benchmarks/results/scale.md`."""

from pathlib import Path

SCALE = Path(__file__).parent / "results" / "scale.md"


def markdown_table(header, rows):
    """Return the lines of a table; `rows` are lists of texts."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def percentile(values, percent):
    """Return the percentile of sorted values."""
    return values[min(len(values) - 1, len(values) * percent // 100)]


def replace_section(title, lines):
    """Write the lines into scale.md below this title, in place of what was there, and print them."""
    print("\n".join(lines))
    SCALE.parent.mkdir(exist_ok=True)
    sections = SCALE.read_text().split("\n### ")[1:] if SCALE.exists() else []
    kept = [each.rstrip() for each in sections if not each.startswith(f"{title}\n")]
    SCALE.write_text("".join(f"\n### {each}\n" for each in [*kept, "\n".join([title, "", *lines])]))
