"""Reads the cells of a row as values of the fields that its columns fill."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from marshmallow import ValidationError

from backend.models.user import User
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.marshmallow_fields import loader
from backend.services.records.imports.cell_notations import CellNotations, CellReader
from backend.services.records.imports.columns import LEFT_OUT, Column, Columns
from backend.services.records.row_files.csv_rows import NULL
from backend.services.records.row_files.rows import Row
from backend.utils.problems import flatten
from backend.utils.texts import shown

MAX_KEPT = 200  # sets of names whose readers are kept; each row of an NDJSON file may have a different one
EMPTY = object()  # the value of an empty cell
IGNORED = object()  # the value of a cell of a computed field


class Reference(NamedTuple):
    """A record that a row refers to by the value `key` of a field of the target.

    `place` is its place in a list of references, None for a single one.
    """

    column: Column
    key: Any
    place: int | None = None


class Draft(NamedTuple):
    """A row that was read, but not yet compared with what is stored."""

    line: int
    values: dict[str, Any]  # map of field to value
    empty_fields: list[str]  # the fields whose cell is empty
    system_values: dict[str, Any]  # map of field to value, for the fields that no request can set
    references: list[Reference]  # until the id of each is found and added to `values`


class ValueReader:
    """Reads the values of rows; `is_text` says whether the cells are texts, as in CSV, or JSON values."""

    def __init__(self, columns: Columns, notations: CellNotations, *, is_text: bool) -> None:
        self._columns, self._notations, self._is_text = columns, notations, is_text
        self._resource, self._referring = columns.resource, columns.resource.definition.referring
        self._by_column: dict[Column, CellReader] = {}
        self._by_names: dict[tuple[str, ...], list[tuple[Column, CellReader]]] = {}
        self._users: dict[str, str | None] = {}

    @property
    def writable(self) -> Collection[str]:
        """The names of the fields that rows can set."""
        return self._columns.writable

    def read(self, row: Row) -> Draft:
        """Return the Draft of a row. Raises ValidationError with all problems of its cells."""
        draft, problems = Draft(row.line, {}, [], {}, []), []
        for (column, read), cell in zip(self._readers(row.names), row.values or (), strict=True):
            try:
                value = read(cell)
            except ValidationError as error:
                found = f"Found: {shown(cell)}.{self._notations.hint(column, cell)}"
                problems += [
                    problem.with_text(f"{problem} {found}").within(column.field) for problem in flatten(error.messages)
                ]
            else:
                self._put(draft, column, value)
        if problems:
            raise ValidationError(problems)
        return draft

    def read_together(self, rows: Sequence[Row]) -> list[Draft] | None:
        """Return the Drafts of rows, read column by column, which is several times faster than `read`.

        Return None if they must be read one by one: if one may have a problem, if their columns differ, or if cells are
        written in another way than an export writes them.
        """
        names = rows[0].names if rows else ()
        if not (names and self._is_text and self._notations.is_plain) or any(row.names is not names for row in rows):
            return None
        columns = zip(*[row.values or () for row in rows], strict=True)
        drafts = [Draft(row.line, {}, [], {}, []) for row in rows]
        try:
            for (column, read), cells in zip(self._readers(names), columns, strict=True):
                self._put_all(drafts, column, self._read_cells(column, read, cells))
        except ValidationError:
            return None
        return drafts

    def _read_cells(self, column: Column, read: CellReader, cells: Sequence[Any]) -> Sequence[Any]:
        """Return the values of the cells of a column; `read` reads one."""
        is_full = {*map(type, cells)} == {str} and "" not in cells
        texts = cells if is_full else [cell for cell in cells if cell and isinstance(cell, str)]
        is_one_value = column.field in self._columns.writable and column.field not in self._resource.definition.links
        found = self._cell_field(column).read_plain(texts) if texts and is_one_value else None
        if found is None:
            return [*map(read, cells)]
        if is_full:
            return found
        values = iter(found)
        return [next(values) if cell and isinstance(cell, str) else read(cell) for cell in cells]

    def _put_all(self, drafts: Sequence[Draft], column: Column, values: Sequence[Any]) -> None:
        field = column.field
        if field not in self._columns.writable or field in self._referring or EMPTY in values:
            for draft, value in zip(drafts, values, strict=True):
                self._put(draft, column, value)
        else:
            for draft, value in zip(drafts, values, strict=True):
                draft.values[field] = value

    def _put(self, draft: Draft, column: Column, value: Any) -> None:
        field = column.field
        if value is EMPTY:
            draft.empty_fields.append(field)
        elif value is IGNORED:
            return
        elif field not in self._columns.writable:
            draft.system_values[field] = value
        elif field in self._referring and value is not None:
            self._refer(draft, column, value)
        else:
            draft.values[field] = value

    def _refer(self, draft: Draft, column: Column, value: Any) -> None:
        if column.field in self._resource.definition.links:
            draft.values[column.field] = [None] * len(value)
            draft.references.extend(Reference(column, key, place) for place, key in enumerate(value))
        else:
            draft.references.append(Reference(column, value))

    def _readers(self, names: tuple[str, ...]) -> list[tuple[Column, CellReader]]:
        """Return each Column with the function that reads its cells. Raises ValidationError if names are wrong."""
        readers = self._by_names.get(names)
        if readers is None:
            readers = [(column, self._reader(column)) for column in self._find(names)]
            if len(self._by_names) >= MAX_KEPT:
                self._by_names.clear()
            self._by_names[names] = readers
        return readers

    def _find(self, names: Sequence[str]) -> list[Column]:
        try:
            return self._columns.find(names)
        except Invalid as error:
            raise ValidationError(next(flatten(error.errors)).with_text(error.message)) from error

    def _reader(self, column: Column) -> CellReader:
        if column not in self._by_column:
            self._by_column[column] = self._make_reader(column)
        return self._by_column[column]

    def _make_reader(self, column: Column) -> CellReader:
        if column.field in self._columns.writable:
            return self._field_reader(column)
        is_ignored = column == LEFT_OUT or column.field in self._resource.definition.computed_fields
        return (lambda cell: IGNORED) if is_ignored else self._system_reader(column)

    def _system_reader(self, column: Column) -> CellReader:
        """Return the function that reads a cell of a field that no request can set; an empty cell is None."""
        read, is_text = self._loader(column, self._resource.fields[column.field]), self._is_text

        def read_cell(cell: Any) -> Any:
            if cell is None or cell is NULL or (is_text and cell == ""):
                return None
            return self._known_user(read(cell)) if column.field == "created_by" else read(cell)

        return read_cell

    def _field_reader(self, column: Column) -> CellReader:
        """Return the function that reads a cell of a field, or of the target's field if it is a reference.

        It returns the value, None for null, or EMPTY.
        """
        field = self._columns.writable[column.field]
        no_value = EMPTY if self._is_text else field.no_value
        holds_empty_text = field.holds_empty_text or not self._is_text
        read, is_null = self._value_reader(column), self._notations.null_test(column, field)

        def read_cell(cell: Any) -> Any:
            if cell is None or (cell == "" and not holds_empty_text):
                return no_value
            return field.no_value if cell is NULL else read(cell)

        return (lambda cell: field.no_value if is_null(cell) else read_cell(cell)) if is_null else read_cell

    def _cell_field(self, column: Column) -> FieldType:
        """Return the field whose values are in the cells of a column: that of the target if it is a reference."""
        if column.field not in self._referring:
            return self._columns.writable[column.field]
        return self._resource.target(column.field).fields[column.target_field]

    def _value_reader(self, column: Column) -> CellReader:
        """Return the function that reads a value of the field, or the keys of the records that it refers to."""
        read = self._loader(column, self._cell_field(column))
        links = self._resource.definition.links.get(column.field)
        return links.keys_reader(read, is_text=self._is_text) if links else read

    def _loader(self, column: Column, field: FieldType) -> CellReader:
        read = field.cell_reader() if self._is_text else loader(field.json_field())
        return self._notations.reader(column, field, read)

    def _known_user(self, user_id: str) -> str | None:
        """Return the id, or None if there is no such user in this database."""
        if user_id not in self._users:
            self._users[user_id] = user_id if User.get_or_none(User.id == user_id) else None
        return self._users[user_id]
