"""Imports records from CSV: checked like requests, written in batches, all or nothing unless told otherwise."""

import csv
from contextlib import nullcontext
from dataclasses import dataclass, field

import marshmallow as ma
from peewee import IntegrityError

from backend.models.database import database
from backend.services import policies
from backend.services.errors import Conflict, Denied, Invalid
from backend.services.full_text import write_words
from backend.services.records import integrity_problem, judge, new_row
from backend.services.references import find_visible
from backend.services.statements import slot

BATCH_ROWS = 200
MAX_CELL_CHARACTERS = 10_000_000
MAX_PROBLEMS = 1000  # kept with their reason; the rest is only counted


@dataclass
class Report:
    """The outcome of an import; `problems` holds (line of the file, reason)."""

    rows: int = 0
    written: int = 0
    bad: int = 0
    problems: list = field(default_factory=list)

    def note(self, line, reason):
        """Count a bad row."""
        self.bad += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((line, reason))


@dataclass(frozen=True)
class Column:
    """A column of the file: the field it fills and, for a reference, the unique field of the target it holds."""

    field: str
    key: str = "id"


class _Undo(Exception):
    """Rolls the import back; not an error."""


def import_csv(actor, resource, file, *, dry_run=False, keep_good=False, progress=None):
    """Insert a record for each line of `file`, a text file whose first line names the columns; return the Report.

    A column is named after a field, or `<reference>_<unique field of its target>`: `country_code` finds the country by
    its `code`. An empty cell is a value not given. If any row is bad nothing is written, unless `keep_good`, which
    commits batch by batch and leaves out the bad rows. `progress(line)` is called now and then.

    Raises Invalid when the columns are wrong, Unauthenticated or Denied without a grant.
    """
    allowed = policies.authorize(resource.definition, "create", actor)
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = csv.reader(file, strict=True)
    report = Report()
    lines = _lines(reader, report)
    _, header = next(lines, (1, None))
    if header is None:
        if not report.bad:
            report.note(1, "the file is empty; its first line names the columns")
        return report
    importer = _Importer(actor, resource, allowed, _columns(actor, resource, header), report)
    try:
        with nullcontext() if keep_good and not dry_run else database.atomic():
            for line, cells in lines:
                importer.add(line, cells)
                if progress and report.rows % BATCH_ROWS == 0:
                    progress(line)
            importer.flush()
            if dry_run or (report.bad and not keep_good):
                raise _Undo
    except _Undo:
        report.written = 0
    return report


def _lines(reader, report):
    """Yield (line number, cells) of the rows that are not blank; a file that cannot be read on ends in a problem."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            report.note(reader.line_num + 1, f"the file cannot be read on: {error}")
            return
        if cells:
            yield reader.line_num, cells


def _columns(actor, resource, header):
    """Return the Columns that the header names; raise Invalid for those that are unknown, repeated or missing."""
    locked = policies.locked_fields(resource.definition, actor)
    fields = {name: kind for name, kind in resource.definition.fields.items() if name not in locked}
    columns = [_column(actor, resource, fields, name) for name in header]
    named = [column.field for column in columns if column]
    missing = [name for name, kind in fields.items() if kind.required and kind.default is None and name not in named]
    problems = {
        "unknown": [name for name, column in zip(header, columns, strict=True) if column is None],
        "given twice": sorted({name for name in named if named.count(name) > 1}),
        "missing, though required": missing,
    }
    if any(problems.values()):
        raise Invalid({what: names for what, names in problems.items() if names}, location="columns")
    return columns


def _column(actor, resource, fields, name):
    if name in fields:
        return Column(name)
    for reference in [each for each in resource.definition.references if each in fields]:
        key, target = name.removeprefix(reference + "_"), resource.catalog[fields[reference].to].definition
        keys = {"id", *(names[0] for names in target.unique_sets() if len(names) == 1)}
        if key != name and key in keys - policies.hidden_fields(target, actor):
            return Column(reference, key)
    return None


class _Importer:
    """Turns lines into rows and writes them in batches."""

    def __init__(self, actor, resource, allowed, columns, report):
        self.actor, self.resource, self.allowed, self.columns, self.report = actor, resource, allowed, columns, report
        self.fields = resource.definition.fields
        self.checks = {name: kind.wire() for name, kind in self.fields.items()}
        self.readers = [self._reader(column) for column in columns]
        self.found = {column: {} for column in columns}
        self.rows = []  # (line, row for the table) waiting to be written

    def add(self, line, cells):
        """Take a line; what is wrong with it goes to the report."""
        self.report.rows += 1
        if len(cells) != len(self.columns):
            self.report.note(line, f"{len(cells)} cells instead of {len(self.columns)}")
            return
        values, problems = dict(self.resource.defaults), []
        for column, reader, cell in zip(self.columns, self.readers, cells, strict=True):
            try:
                if cell:
                    values[column.field] = self._value(column, reader, cell)
                elif self.fields[column.field].required and values[column.field] is None:
                    raise ma.ValidationError("A value is required.")
            except ma.ValidationError as error:
                problems.append(f"{column.field}: {' '.join(map(str, error.messages))}")
        if problems:
            self.report.note(line, "; ".join(problems))
            return
        self.rows.append((line, new_row(self.actor, self.resource, values)))
        if len(self.rows) >= BATCH_ROWS:
            self.flush()

    def flush(self):
        """Insert the rows that wait; if that fails, one by one, to tell which."""
        rows, self.rows = self.rows, []
        try:
            self._insert([row for _, row in rows])
        except (IntegrityError, Denied):
            for line, row in rows:
                try:
                    self._insert([row])
                except IntegrityError as error:
                    self._note_conflict(line, error)
                except Denied as error:
                    self.report.note(line, error.message)

    def _insert(self, rows):
        if rows:
            statement = self.resource.statements.get(("import", len(rows)), _insert_many, self.resource, len(rows))
            with database.atomic():
                self.resource.catalog.hold()
                for row in rows:
                    judge(self.resource, self.allowed, row)
                statement.run({f"{i}.{name}": row[name] for i, row in enumerate(rows) for name in row})
                write_words(self.resource, {row["id"]: row for row in rows})
            self.report.written += len(rows)

    def _note_conflict(self, line, error):
        problem = integrity_problem(self.actor, self.resource, error)
        if not isinstance(problem, Conflict):
            raise problem
        self.report.note(line, problem.message)

    def _reader(self, column):
        """Return the field that reads a cell: of the field itself, or of the target's field that it names."""
        kind = self.fields[column.field]
        if column.field in self.resource.definition.references:
            kind = self.resource.catalog[kind.to].kinds[column.key]
        return kind.filter()

    def _value(self, column, reader, cell):
        value = reader.deserialize(cell)
        if column.field in self.resource.definition.references:
            return self._target_id(column, value)
        for check in self.checks[column.field].validators:
            check(value)
        return value

    def _target_id(self, column, value):
        """Return the id of the record that a cell refers to, which the actor must be able to read."""
        found = self.found[column]
        if value not in found:
            target = self.resource.catalog[self.fields[column.field].to]
            if target is self.resource:
                self.flush()  # it may be a row of this very file
            record_id = find_visible(self.actor, target, column.key, value)
            if record_id is None:
                raise ma.ValidationError(f"There is no record of {target.name} with the {column.key} {value}.")
            found[value] = record_id
        return found[value]


def _insert_many(resource, count):
    columns = {name: resource.column(name) for name in resource.kinds}
    rows = [{column: slot(f"{i}.{name}") for name, column in columns.items()} for i in range(count)]
    return resource.model.insert_many(rows).returning(resource.column("id"))
