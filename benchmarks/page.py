"""Fill the results of the benchmarks into docs/performance.md: `make performance`.

Everything between `<!-- results: NAME -->` and `<!-- end of results -->` is replaced: by the table NAME of
`results/comparison.json`, or by the page `results/NAME.md`. A name without results leaves the block as it is.
"""

import json
import re
from pathlib import Path

from benchmarks.comparison.tables import TABLES

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BLOCK = re.compile(r"(<!-- results: (\S+) -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
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
        return _embedded(file.read_text().strip())
    return None


def _embedded(text):
    """Return a page of results with its headings below those of our page, and its pictures found from there."""
    levels = [len(found) for found in re.findall(r"^(#+) ", text, re.MULTILINE)]
    lower = "#" * max(0, LEVEL - min(levels, default=LEVEL))
    text = re.sub(r"^(?=#+ )", lower, text, flags=re.MULTILINE)
    return re.sub(r"(!\[[^]]*\]\()(?![/.]|http)", r"\1../benchmarks/results/", text)


if __name__ == "__main__":
    main()
