"""What the admin page costs: `python -m benchmarks.admin_page`, with `--records 1000000` and `--postgres`.

A browser without a window opens the list of a resource with many records: first with an empty cache, then again, then
the next page of the list. For each: the requests, the bytes that the server sent, the time until the browser paints and
until the records are shown, and how many times as long as the bare request for the list that is. The weight of the
page's own files is that of the browser's cache, plain and as gzip of a proxy would make it. Needs chromium.
`benchmarks/results/admin-page.md` is written anew.
"""

import argparse
import gzip
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import sync_playwright

from backend.config.settings import Settings
from backend.routes.toolkit.page_modules import MODULES, modules_of
from benchmarks.growth import CHEAP, PASSWORD, fill_database
from benchmarks.processes import database
from benchmarks.tables import markdown_table
from tests.parts.server import Caller, running_server

RESULT = Path(__file__).parent / "results" / "admin-page.md"
EMAIL, PATH = "editor@example.com", "/admin/records/items"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
KEY = "a key that signs nothing that stays"


@dataclass
class Visit:
    """What one visit cost: URLs and bytes of its responses, and milliseconds until it was painted and complete."""

    urls: list = field(default_factory=list)
    sent: int = 0
    painted_ms: float | None = None
    shown_ms: float = 0.0


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(folder, postgres=options.postgres) as url:
        settings = {"database_url": url, "secret_key": KEY * 2}
        fill_database(Settings(data_dir=Path(folder), **settings, **CHEAP), options.records)
        with running_server(Path(folder), forked=False, log_level="ERROR", **settings) as address:
            visits = _visits(address, options.rounds)
            queries = {path for kind in visits.values() for visit in kind for path in visit.urls if "/items?" in path}
            bare = _bare_ms(address, min(queries, key=len), options.rounds * 10)
    lines = _page(options, visits, bare)
    print("\n".join(lines))
    RESULT.write_text("\n".join([*lines, ""]))


def _visits(address, rounds):
    """Return {kind: list of Visit}."""
    kinds = {"with an empty cache": [], "again": [], "the next page": []}
    with sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, PROGRAMS)))
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        for _ in range(rounds):
            with browser.new_context() as context:
                data = {"email": EMAIL, "password": PASSWORD, "cookies": True}
                assert context.request.post(f"http://{address}/api/v1/auth/login", data=data).ok
                page = context.new_page()
                for visits, step in zip(kinds.values(), (_open, _open, _next), strict=True):
                    visits.append(_visit(page, address, step))
        browser.close()
    return kinds


def _open(page, address):
    page.goto(f"http://{address}{PATH}")


def _next(page, _):
    page.get_by_role("button", name="Next").click()


def _visit(page, address, step):
    visit, finished = Visit(), []
    note = lambda request: finished.append(request)  # noqa: E731  # playwright takes no built-in method
    page.on("requestfinished", note)
    rows, before = page.locator("main [aria-busy=false] tbody tr:first-child"), None
    if step is _next:
        before = rows.inner_text()
    began = time.perf_counter()
    step(page, address)
    rows.filter(has_not_text=before).wait_for()
    visit.shown_ms = (time.perf_counter() - began) * 1000
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    visit.painted_ms = page.evaluate(PAINT)
    for request in finished:
        sizes = request.sizes()
        if request.url.startswith("http") and (length := sizes["responseBodySize"] + sizes["responseHeadersSize"]):
            visit.urls.append(request.url)
            visit.sent += length
    return visit


def _bare_ms(address, url, rounds):
    """Return the median of the list request alone, over one connection."""
    path = url.partition("/api/v1")[2]
    times = []
    with Caller(address) as caller:
        caller.sign_in(EMAIL, PASSWORD)
        for _ in range(rounds):
            began = time.perf_counter()
            status, _ = caller.call("GET", path)
            assert status == 200, status
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _page(options, visits, bare):
    kind = "Postgres" if options.postgres else "SQLite"
    header = [
        "visit",
        "requests",
        "of them to the API",
        "KB sent",
        "first paint",
        "records shown",
        "× the bare request",
    ]
    rows = [[name, *_cells(each, bare)] for name, each in visits.items()]
    return [
        "### The admin page",
        "",
        f"The list of a resource with {options.records:,} records on {kind}, opened {options.rounds} times by chromium "
        f"on the machine of the server; medians. The request for the list alone takes {bare:.1f} ms. A browser "
        "keeps the files of the page, so only the first visit reads them.",
        "",
        *markdown_table(header, rows),
        "",
        "The files of the page, plain and as a proxy may compress them.",
        "",
        *markdown_table(["files of the page", "number", "KB", "KB as gzip"], _weights()),
    ]


def _cells(visits, bare):
    def median(values):
        return statistics.median(values)

    shown = median([visit.shown_ms for visit in visits])
    painted = [visit.painted_ms for visit in visits if visit.painted_ms is not None]
    return [
        f"{median([len(visit.urls) for visit in visits]):.0f}",
        f"{median([sum('/api/v1' in url for url in visit.urls) for visit in visits]):.0f}",
        f"{median([visit.sent for visit in visits]) / 1000:.0f}",
        f"{median(painted):.0f} ms" if painted else "–",
        f"{shown:.0f} ms",
        f"{shown / bare:.0f}",
    ]


def _weights():
    """Yield rows: what this page needs, its libraries, and all screens together."""
    first = [MODULES / name for name in (*modules_of(PATH), "style.css")]
    everything = [*MODULES.rglob("*.js"), MODULES / "style.css"]
    libraries = [path for path in first if path.parent.name == "vendor"]
    for name, files in (("what this page needs", first), ("of it, libraries", libraries), ("all", everything)):
        contents = [file.read_bytes() for file in files]
        packed = sum(len(gzip.compress(content)) for content in contents)
        yield [name, str(len(files)), f"{sum(map(len, contents)) / 1000:.0f}", f"{packed / 1000:.0f}"]


if __name__ == "__main__":
    main()
