"""What became of the faults, as tables on a page of the documentation."""

from dataclasses import dataclass, field

from tests.parts.server import ROOT
from tests.torture.faults import FAULTS

PAGE = ROOT / "docs" / "reliability.md"
HEADS = ("fault", "database", "acknowledged", "lost", "doubled", "responses", "`/health/live` at most", "writes after")


@dataclass
class Row:
    """What became of one fault on one database."""

    fault: str
    kind: str
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    statuses: dict = None
    live_seconds: float = 0.0
    recovery_seconds: float = None
    problems: tuple = ()
    figures: dict = field(default_factory=dict)

    def cells(self):
        """Return the texts of the row."""
        answers = ", ".join(f"{count} × {status or 'none'}" for status, count in sorted(self.statuses.items(), key=str))
        after = "never" if self.recovery_seconds is None else f"{self.recovery_seconds:.1f} s"
        counts = (self.acknowledged, self.lost, self.doubled)
        return (self.fault, self.kind, *map(str, counts), answers, f"{self.live_seconds:.2f} s", after)


def show_faults(rows, *, write):
    """Print the table of the faults, and write it to the page: faults that were not run keep their rows."""
    print("\n" + _to_markdown(HEADS, [row.cells() for row in rows]))
    if write:
        known = {tuple(cells[:2]): cells for cells in map(_cells_of, _section("table").splitlines()[2:])}
        known |= {(row.fault, row.kind): row.cells() for row in rows}
        names = [(fault.name, kind) for fault in FAULTS for kind in fault.on]
        _write("table", _to_markdown(HEADS, [known[name] for name in names if name in known]))


def show_figures(rows, *, write):
    """Print what was counted, a column for each database; on the page, those that were not run keep their columns."""
    columns = {row.kind: {name: f"{count:,}" for name, count in row.figures.items()} for row in rows}
    print(f"\n{_columns_to_markdown(columns)}")
    if write:
        heads, _, *lines = map(_cells_of, _section("figures").splitlines())
        known = {kind: {line[0]: line[number] for line in lines} for number, kind in enumerate(heads) if number}
        _write("figures", _columns_to_markdown(known | columns))


def _columns_to_markdown(columns):
    names = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [(name, *(column.get(name, "") for column in columns.values())) for name in names]
    return _to_markdown(("figure", *columns), rows)


def _to_markdown(heads, rows):
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, ["---"] * len(heads), *rows))


def _cells_of(line):
    return line.strip("| ").split(" | ")


def _section(name):
    """Return the text between the marks of a section of the page."""
    return PAGE.read_text().partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->\n")[0]


def _write(name, table):
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = PAGE.read_text().partition(begin)
    PAGE.write_text(f"{before}{begin}{table}{end}{rest.partition(end)[2]}")
