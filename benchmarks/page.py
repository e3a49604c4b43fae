"""Fill the results of the benchmarks into docs/performance.md: `make performance`.

Everything between `<!-- results: NAME -->` and `<!-- end of results -->` is replaced: by the table NAME of
`results/comparison.json`, or by the tables of `results/NAME.md`. A name without results leaves the block as it is.
"""

import json
import re
import textwrap
from pathlib import Path

from benchmarks.comparison.tables import TABLES

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- results: (\S+) -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
LINK = "../benchmarks/results/"  # from the page
WIDTH = 120  # of a line of text
LEVEL = 3  # of the first heading of a result within the page


def main():
    """Write the page."""
    PAGE.write_text(fill(PAGE.read_text()))


def fill(text):
    """Return the page with the results that there are."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{content}\n\n" if (content := _content(found[2])) else found[0], text)


def _content(name):
    if name in TABLES and (file := RESULTS / "comparison.json").exists():
        return TABLES[name](json.loads(file.read_text()))
    if (file := RESULTS / f"{name}.md").exists():
        return _embedded(file)
    return None


def _embedded(file):
    """Return the headings, sentences, tables and pictures of a page of results, with a link to it: it may say more."""
    lines = re.findall(r"^(?:(?:#+ |\||!\[).*|\w.*\.)$", file.read_text(), re.MULTILINE)
    levels = [line.index(" ") for line in lines if line.startswith("#")]
    lower = "#" * max(0, LEVEL - min(levels, default=LEVEL))
    kind, parts = "", []
    for line in lines:
        if not (kind == line[0] == "|"):
            parts.append("")  # a table is one block
        kind = line[0]
        parts.append(lower + line if kind == "#" else line if kind in "|!" else textwrap.fill(line, WIDTH))
    text = re.sub(r"(!\[[^]]*\]\()(?![/.]|http)", rf"\1{LINK}", "\n".join(parts).strip())
    return f"{text}\n\nMore of it: [{file.name}]({LINK}{file.name})."


if __name__ == "__main__":
    main()
