"""What benchmarks make of what they have measured."""

import json

from benchmarks.comparison import plot, tables
from benchmarks.comparison.targets import compare, losses
from benchmarks.page import PAGE, RESULTS, fill


def run(rate, p99=1.0, errors=0):
    return {
        "requests_per_second": rate,
        "p50_ms": 1.0,
        "p99_ms": p99,
        "errors": errors,
        "cpu_us": 1e6 / rate,
        "rss_mb": 100.0,
    }


MEASURED = {
    "flask": {"one": run(2000)},
    "larder-sqlite": {"one": run(1500), "list20": run(1300), "mixed": run(700, p99=59.0)},
    "pocketbase": {"one": run(1000), "list20": run(2600), "mixed": run(700, p99=61.0)},
}
RESULT = {
    "date": "2026-01-31",
    "commit": "abc",
    "rounds": 1,
    "seconds": 1,
    "machine": {"CPU": "1 core"},
    "servers": {name: {"title": name.upper(), "versions": "1", "remarks": ""} for name in MEASURED},
    "operations": [{"name": name, "title": f"<{name}>"} for name in ("one", "list20", "mixed")],
    "measured": MEASURED,
}


def test_ratios_are_compared_with_targets():
    assert compare(MEASURED) == [
        ("larder-sqlite", "flask", "one", 0.75, 1.0),
        ("larder-sqlite", "flask", "list20", 0.65, 0.6),  # of the one request of the bare view
        ("larder-sqlite", "pocketbase", "one", 1.5, 1.0),
        ("larder-sqlite", "pocketbase", "list20", 0.5, 3),
    ]
    rows = tables.targets(RESULT).splitlines()
    assert "| LARDER-SQLITE | FLASK | <one> | 0.75 | 1.0 | missed |" in rows
    assert "| LARDER-SQLITE | FLASK | <list20> | 0.65 | 0.6 | met |" in rows
    assert "| LARDER-SQLITE | | p99 of the mixed load | 59 ms, 0 errors | 60 ms, none | met |" in rows


def test_what_is_slower_is_named_first():
    assert losses(MEASURED, "larder-sqlite", ["pocketbase"]) == [(0.5, "list20", "pocketbase")]
    assert tables.lost(RESULT).splitlines()[-1] == "| LARDER-SQLITE | <list20> | POCKETBASE | 0.50 |"


def test_a_number_with_errors_says_so():
    failed = RESULT | {"measured": MEASURED | {"flask": {"one": run(2000, errors=3)}}}
    assert "| <one> | 2,000 (3 errors) | 1,500 | 1,000 |" in tables.rates(failed).splitlines()


def test_the_chart_has_a_bar_for_each_number():
    chart = plot.draw(RESULT)
    assert chart.count("<rect") == 1 + 7
    assert "&lt;one&gt;: requests/s" in chart


def test_the_page_is_filled_with_results():
    text = PAGE.read_text()
    assert fill(text) == fill(fill(text))
    machine = tables.machine(json.loads((RESULTS / "comparison.json").read_text()))
    assert machine in fill(text)
