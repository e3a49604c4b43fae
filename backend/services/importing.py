"""Imports records from CSV and NDJSON: checked like requests, in batches, all or nothing unless told otherwise."""

import csv
import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import marshmallow as ma
from peewee import IntegrityError

from backend.models.database import database
from backend.models.user import User
from backend.services import policies
from backend.services.definitions import SYSTEM_FIELDS
from backend.services.errors import Conflict, Denied, Invalid, LarderError
from backend.services.field_types.string import String
from backend.services.full_text import write_words
from backend.services.history import recorded
from backend.services.records import integrity_problem, judge, new_row, update_record
from backend.services.references import find_visible
from backend.services.statements import slot
from backend.utils.cells import unguarded
from backend.utils.clock import rfc3339, utcnow

BATCH_ROWS = 200
MAX_CELL_CHARACTERS = 10_000_000
MAX_PROBLEMS = 1000  # kept with their reason; the rest is only counted


@dataclass
class Report:
    """The outcome of an import; `problems` holds (line of the file, reason)."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    bad: int = 0
    problems: list = field(default_factory=list)

    def note(self, line, reason):
        """Count a bad row."""
        self.bad += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((line, reason))


class Column(NamedTuple):
    """A column of the file: the field it fills and, for a reference, the unique field of the target it holds."""

    field: str
    key: str = "id"


class CsvRows:
    """The rows of a CSV file, a text file whose first line names the columns."""

    is_text = True

    def __init__(self, file):
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        self._reader = csv.reader(file, strict=True)

    def __call__(self, report):
        """Yield (line number, names of the columns, cells); a file that cannot be read on ends in a problem."""
        header = None
        try:
            for cells in self._reader:
                if header is None and cells:
                    header = tuple(cells)
                    yield self._reader.line_num, header, None
                elif cells:
                    yield self._reader.line_num, header, cells
        except (csv.Error, UnicodeDecodeError) as error:
            report.note(self._reader.line_num + 1, f"the file cannot be read on: {error}")
            return
        if header is None:
            report.note(1, "the file is empty; its first line names the columns")


class JsonRows:
    """The rows of a file with a JSON object on each line."""

    is_text = False

    def __init__(self, file):
        self._file = file

    def __call__(self, report):
        """Yield (line number, names, values); a line that is no JSON object is a problem."""
        number = 0
        try:
            for number, line in enumerate(self._file, 1):
                if len(line) > MAX_CELL_CHARACTERS:
                    raise ValueError("the line is too long")
                if line.strip():
                    read = _read_object(line)
                    if isinstance(read, dict):
                        yield number, tuple(read), [*read.values()]
                    else:
                        report.rows += 1
                        report.note(number, "not a JSON object")
        except ValueError as error:  # not UTF-8, or too long
            report.note(number + 1, f"the file cannot be read on: {error}")


def _read_object(line):
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


class _Undo(Exception):
    """Rolls the import back; not an error."""


def import_records(actor, resource, rows, *, key=None, dry_run=False, keep_good=False, progress=None):
    """Create a record for each of the `rows`, CsvRows or JsonRows, and return the Report.

    A column is named after a field, or `<reference>_<unique field of its target>`: `country_code` finds the country by
    its `code`. With `key`, a unique field or `id`, a row whose key is there already changes that record in the columns
    of the file, and only if it has the `version` of that column, where there is one. An empty cell is a value not
    given; of a record that is there it empties the field. Admins bring `id` and the other system fields of new records
    along, for everybody else these mean nothing.

    If any row is bad nothing is written, unless `keep_good`, which commits batch by batch and leaves out the bad rows.
    `progress(line)` is called now and then. Raises Invalid when the columns or the key are wrong, Unauthenticated or
    Denied without a grant.
    """
    report = Report()
    importer = _Importer(actor, resource, rows.is_text, key, report)
    try:
        whole = nullcontext() if keep_good and not dry_run else database.atomic()
        with database.time_limit(None), whole:  # a file has as many rows as it has
            for line, names, values in rows(report):
                importer.add(line, names, values)
                if progress and report.rows % BATCH_ROWS == 0:
                    progress(line)
            importer.flush()
            if dry_run or (report.bad and not keep_good):
                raise _Undo
    except _Undo:
        if not dry_run:
            report.created = report.updated = 0
    # What only the database finds comes to light with a batch of rows, later than what is wrong with a single one.
    report.problems.sort(key=lambda problem: problem[0])
    return report


def may_import(actor, definition, key):
    """Return the Scope of what the actor may create; raise Unauthenticated or Denied unless they may import.

    With a `key` somebody who may only change records may, too.
    """
    if key is not None and policies.scope(definition, "update", actor):
        return policies.scope(definition, "create", actor)
    return policies.authorize(definition, "create", actor)


class _Importer:
    """Turns rows of a file into records, and writes the new ones in batches."""

    def __init__(self, actor, resource, is_text, key, report):
        self.actor, self.resource, self.is_text, self.key, self.report = actor, resource, is_text, key, report
        self.allowed = may_import(actor, resource.definition, key)
        self.fields = resource.definition.fields
        locked = policies.locked_fields(resource.definition, actor)
        self.writable = {name: kind for name, kind in self.fields.items() if name not in locked}
        if key is not None and key not in {"id"} | _unique_fields(resource, self.writable):
            raise Invalid({"key": ["Not `id` and no field of this resource that is unique by itself."]}, "query")
        self.wires = {name: kind.wire() for name, kind in self.fields.items()}
        self.required = [name for name, kind in self.writable.items() if kind.required and kind.default is None]
        self.readers = {}  # by names of the columns: (Column, function that reads a value) of each
        self.found = {}
        self.users = {}
        self.keys = set()  # of the rows that wait
        self.rows = []  # (line, row for the table) waiting to be written
        self.now = rfc3339(utcnow())

    def add(self, line, names, values):
        """Take a row; what is wrong with it goes to the report. Wrong columns of a CSV file are Invalid at once."""
        readers = self.readers.get(names) or self._readers(names)
        if values is None:
            return
        self.report.rows += 1
        try:
            if isinstance(readers, Invalid):
                raise ma.ValidationError(f"{_told(readers.errors)}")
            if len(values) != len(readers):
                raise ma.ValidationError(f"{len(values)} cells instead of {len(readers)}")
            given, system = self._read(readers, values)
            existing = self._existing(given, system)
            if existing is None:
                self._create(line, given, system)
            else:
                self._update(existing, given, system)
        except ma.ValidationError as error:
            self.report.note(line, "; ".join(map(str, error.messages)))
        except LarderError as error:
            self.report.note(line, _told(error.errors) if isinstance(error, Invalid) else error.message)
        if len(self.rows) >= BATCH_ROWS:
            self.flush()

    def _read(self, readers, values):
        """Return ({field: value or None}, {system field: value})."""
        given, system, problems = {}, {}, []
        empty = "" if self.is_text else None
        for (column, read), value in zip(readers, values, strict=True):
            try:
                found = None if value == empty or value is None else read(value)
            except ma.ValidationError as error:
                problems.append(f"{column.field}: {' '.join(map(str, error.messages))}")
                continue
            (system if column.field in SYSTEM_FIELDS else given)[column.field] = found
        if problems:
            raise ma.ValidationError(problems)
        return given, system

    def _existing(self, given, system):
        """Return the id of the record that has the row's key, None if there is none or the import only creates."""
        if self.key is None:
            return None
        value = (system if self.key == "id" else given).get(self.key)
        if value is None:
            raise ma.ValidationError(f"{self.key}: A value is required, being the key.")
        if value in self.keys:
            self.flush()
        found = find_visible(self.actor, self.resource, self.key, value)
        if found is None:
            if self.key == "id" and not self.actor.is_admin:
                raise ma.ValidationError("id: There is no such record.")
            self.keys.add(value)
        return found

    def _create(self, line, given, system):
        if self.is_text:
            given = {name: value for name, value in given.items() if value is not None}
        values = self.resource.defaults | given
        self._require(values)
        row = new_row(self.actor, self.resource, values, self.now)
        if self.actor.is_admin:
            row |= {name: value for name, value in system.items() if value is not None or name == "created_by"}
        self.rows.append((line, row))

    def _update(self, record_id, given, system):
        self._require(given)
        if_match = {str(system["version"])} if system.get("version") is not None else None
        with database.atomic():
            update_record(self.actor, self.resource, record_id, given, if_match)
        self.report.updated += 1

    def _require(self, values):
        if lacking := [name for name, value in values.items() if value is None and self.fields[name].required]:
            raise ma.ValidationError([f"{name}: A value is required." for name in lacking])

    def flush(self):
        """Insert the rows that wait; if that fails, one by one, to tell which."""
        rows, self.rows, self.keys = self.rows, [], set()
        self.now = rfc3339(utcnow())
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
                self.resource.hold()
                if not self.allowed.everything:
                    for row in rows:
                        judge(self.resource, self.allowed, row)
                with recorded(self.actor, self.resource, [row["id"] for row in rows]):
                    statement.run({f"{i}.{name}": row[name] for i, row in enumerate(rows) for name in row})
                write_words(self.resource, {row["id"]: row for row in rows})
            self.report.created += len(rows)

    def _note_conflict(self, line, error):
        problem = integrity_problem(self.actor, self.resource, error)
        if not isinstance(problem, Conflict):
            raise problem
        self.report.note(line, problem.message)

    def _readers(self, names):
        """Return (Column, function that reads a value) for each name; of a CSV file raise Invalid for wrong names.

        A row of an NDJSON file may have other names than the one before it: there the Invalid is returned.
        """
        try:
            columns = _columns(self.actor, self.resource, self.writable, names, self.key)
            if self.is_text and self.key is None:
                _require_columns(columns, self.required)
            made = [(column, self._reader(column)) for column in columns]
        except Invalid as error:
            if self.is_text:
                raise
            made = error
        if len(self.readers) > BATCH_ROWS:
            self.readers.clear()
        self.readers[names] = made
        return made

    def _reader(self, column):
        """Return the function that reads a value of the column: of the field, or of the target's field it names."""
        if column.field in SYSTEM_FIELDS:
            return self._system_reader(column.field)
        kind, wire = self.fields[column.field], self.wires[column.field]
        if column.field in self.resource.definition.references:
            target = self.resource.catalog[kind.to].kinds[column.key]
            load = _loader(target.filter() if self.is_text else target.wire())
            return lambda value: self._target_id(column, load(value))
        if not self.is_text:
            return wire.deserialize
        load = _loader(wire if isinstance(kind, String) else kind.filter(), wire.validators)
        return (lambda cell: load(unguarded(cell))) if isinstance(kind, String) else load

    def _system_reader(self, name):
        kind = SYSTEM_FIELDS[name]
        read = (kind.filter() if self.is_text else kind.wire()).deserialize
        if name != "created_by":
            return read
        return lambda value: self._user_id(read(value))

    def _user_id(self, value):
        """Return the id of a user, None if there is no such user here."""
        if value not in self.users:
            self.users[value] = value if User.get_or_none(User.id == value) else None
        return self.users[value]

    def _target_id(self, column, value):
        """Return the id of the record that a cell refers to, which the actor must be able to read."""
        found = self.found.setdefault(column, {})
        if value not in found:
            target = self.resource.catalog[self.fields[column.field].to]
            if target is self.resource:
                self.flush()  # it may be a row of this very file
            record_id = find_visible(self.actor, target, column.key, value)
            if record_id is None:
                raise ma.ValidationError(f"There is no record of {target.name} with the {column.key} {value}.")
            found[value] = record_id
        return found[value]


def _loader(field, validators=None):
    """Return the function that does what the marshmallow field does with a value that is there, in half the time."""
    load, checks = field._deserialize, field.validators if validators is None else validators

    def read(value):
        found = load(value, None, None)
        for check in checks:
            check(found)
        return found

    return read


def _columns(actor, resource, writable, names, key):
    """Return the Columns that the names mean; raise Invalid for those that are unknown or repeated."""
    columns = [_column(actor, resource, writable, name, key) for name in names]
    named = [column.field for column in columns if column]
    problems = {
        "unknown": [str(name)[:80] for name, column in zip(names, columns, strict=True) if column is None],
        "given twice": sorted({name for name in named if named.count(name) > 1}),
    }
    if any(problems.values()):
        raise Invalid({what: names for what, names in problems.items() if names}, location="columns")
    return columns


def _require_columns(columns, required):
    named = {column.field for column in columns}
    if missing := [name for name in required if name not in named]:
        raise Invalid({"missing, though required": missing}, location="columns")


def _column(actor, resource, writable, name, key):
    if name in writable:
        return Column(name)
    if name in SYSTEM_FIELDS and (name != "id" or actor.is_admin or key == "id"):
        return Column(name)
    for reference in [each for each in resource.definition.references if each in writable]:
        part, target = name.removeprefix(reference + "_"), resource.catalog[writable[reference].to]
        keys = {"id"} | _unique_fields(target, target.definition.fields)
        if part != name and part in keys - policies.hidden_fields(target.definition, actor):
            return Column(reference, part)
    return None


def _unique_fields(resource, fields):
    """Return the names of those fields whose values are unique by themselves."""
    return {columns[0] for columns in resource.definition.unique_sets() if len(columns) == 1} & set(fields)


def _told(errors):
    """Return messages by field as one text."""
    if not isinstance(errors, dict):
        return " ".join(map(str, errors))
    return "; ".join(
        f"{name}: {_told(each if isinstance(each, list | dict) else [each])}" for name, each in errors.items()
    )


def _insert_many(resource, count):
    columns = {name: resource.column(name) for name in resource.kinds}
    rows = [{column: slot(f"{i}.{name}") for name, column in columns.items()} for i in range(count)]
    return resource.model.insert_many(rows).returning(resource.column("id"))
