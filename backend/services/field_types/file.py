"""`file`: an uploaded file, such as a photo."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from marshmallow import ValidationError, fields, validate
from peewee import SQL, Case, Cast, ColumnBase, Table

from backend.models.columns import Column, UuidColumn
from backend.models.database import Dialect
from backend.models.links import Subquery
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.marshmallow_fields import StrictBoolean, StrictText
from backend.services.field_types.uuid import UuidText
from backend.services.files.urls import file_urls
from backend.utils.cells import escape_formula
from backend.utils.problems import Problem
from backend.utils.schemas import COMPONENT

TABLE = "larder_files"
FILTERED = ("type", "bytes")  # of what is known of a file, the parts that have filters of their own
MAX_TYPES, MAX_THUMBS = 50, 10
TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,99})")
SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")
MAX_PIXELS = 2000  # of a thumbnail, in each direction
MAX_JSON_BYTES = 1500  # of a file whose name has 255 characters of four bytes
USUAL_JSON_BYTES = 600  # of a file whose name is rather long


class FileId(UuidText):
    """The id of an uploaded file; also the object that a read returned, which has the id."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value.get("id") if isinstance(value, dict) else value, attr, data, **kwargs)


class FileFromText(UuidText):
    """The id of a file: alone, or after the `#` of a cell that `File.to_cell` wrote."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value.strip().rpartition("#")[2], attr, data, **kwargs)


def _check_type(text: str) -> None:
    if not TYPE.fullmatch(text):
        problem = Problem("bad_format", "Must be a MIME type such as `application/pdf` or `image/*`, in lower case.")
        raise ValidationError(problem)


def _check_size(text: str) -> None:
    found = SIZE.fullmatch(text)
    if not found or max(map(int, found.groups())) > MAX_PIXELS:
        text = f"Must be a size such as `200x200`, at most {MAX_PIXELS} pixels in each direction."
        raise ValidationError(Problem("bad_format", text))


def _are_different(values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise ValidationError(Problem("duplicate", "Each value at most once."))


def _texts(check: Callable[[str], None], most: int) -> fields.List[str]:
    return fields.List(StrictText(validate=check), validate=[validate.Length(1, most), _are_different])


@field_type("file")
class File(FieldType):
    """An uploaded file of at most `max_bytes`, of one of `types`.

    The column has its id; what else is known of it is in a table of the system. `thumbs` are sizes of small pictures
    of it. With `public`, everybody who knows its path can download it.
    """

    operators: ClassVar[tuple[str, ...]] = ("isnull",)
    sortable: ClassVar[bool] = False
    can_be_unique: ClassVar[bool] = False
    fits_profiles: ClassVar[bool] = False
    presentation: ClassVar[tuple[str, ...]] = ("thumbs",)
    is_convertible: ClassVar[bool] = False
    values_name: ClassVar[str] = "files"

    max_bytes: int | None = option(fields.Integer(strict=True, validate=validate.Range(min=1)), default=None)
    types: list[str] | None = option(_texts(_check_type, MAX_TYPES), default=None)
    thumbs: list[str] | None = option(_texts(_check_size, MAX_THUMBS), default=None)
    public: bool = option(StrictBoolean(), default=False)

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        problems = super().problems()
        if self.default is not None:
            problems["default"] = [Problem("not_allowed", "A file has no default.")]
        if self.public and self.readable_by is not None:
            problems["public"] = [Problem("not_allowed", "A file that everybody can download has no `readable_by`.")]
        return problems

    def problem_of(self, kind: str, size: int) -> Problem | None:
        """Return why the field cannot have a file of this MIME type and size in bytes; None if it can."""
        if self.max_bytes is not None and size > self.max_bytes:
            text = f"At most {self.max_bytes:,} bytes; this file has {size:,}."
            return Problem("too_large", text, limit=self.max_bytes)
        if self.types is not None and not self._allows(kind):
            text = f"This file is {kind}. Allowed: {', '.join(self.types)}."
            return Problem("not_a_choice", text, choices=self.types)
        return None

    # The database

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the column of an id, with its foreign key: no row can have a file that is not known."""
        return UuidColumn(**options, constraints=[SQL(f"REFERENCES {TABLE} (id)")])

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the JSON object of what is known of the file, and its `url`."""
        table = Table(TABLE)
        file = table.c
        path = SQL(f"'{file_urls.prefix}/'").concat(file.resource).concat(SQL("'/'"))
        url = path.concat(Cast(file.record_id, "TEXT")).concat(SQL("'/'")).concat(file.field)
        members = {name: getattr(file, name) for name in ("id", "name", "type", "bytes", "sha256")} | {"url": url}
        found = table.select(database.json_object(members.items())).where(file.id == column)
        return database.json_value(Subquery(found))

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return a text of USUAL_JSON_BYTES if there is a file: to look each of them up would take longer."""
        return Case(None, [(column.is_null(), SQL("''"))], SQL(f"'{'x' * USUAL_JSON_BYTES}'"))

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of the object."""
        return MAX_JSON_BYTES

    def in_history(self, value: Any) -> Any:
        """Return the id and the name: the file may be removed, so it has no URL there."""
        return value and {"id": value["id"], "name": value["name"]}

    # JSON and queries

    def json_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for the id of a file."""
        return FileId(**options)

    def shown_field(self, **options: Any) -> fields.Field[Any]:
        """Return a field for the object that describes a file."""
        return fields.Dict(**options | {"metadata": {**options.get("metadata", {}), COMPONENT: "AttachedFile"}})

    def text_field(self) -> fields.Field[Any]:
        """Return a field for the id of a file, or a cell that `to_cell` wrote."""
        return FileFromText()

    def to_cell(self, value: Any) -> str:
        """Return the name of the file and its URL, which ends with its id."""
        return escape_formula(f"{value['name']} {value['url']}#{value['id']}")

    # Changes of the declaration

    @property
    def constraints(self) -> dict[str, Any]:
        """Map of option to value, for the options that decide which files are valid."""
        return {"max_bytes": self.max_bytes, "types": self.types}

    @property
    def delivery(self) -> Any:
        """The sizes of thumbnails, and whether everybody can download files."""
        return self.thumbs, self.public

    def narrows(self, old: Self) -> bool:
        """Return whether files that were valid may be too large now, or of a type that is not allowed any more."""
        if self.max_bytes is not None and (old.max_bytes is None or old.max_bytes > self.max_bytes):
            return True
        return self.types is not None and not all(self._allows(pattern) for pattern in old.types or ["*/*"])

    def _allows(self, kind: str) -> bool:
        return self.types is None or any(_matches(kind, pattern) for pattern in self.types)

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that checks the object of a file that a field with other options has."""
        read = self.json_field().deserialize

        def check(value: Any) -> Any:
            if problem := self.problem_of(value["type"], value["bytes"]):
                raise ValidationError(problem)
            return read(value)

        return check


def _matches(kind: str, pattern: str) -> bool:
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


def files_of(declared: Mapping[str, FieldType]) -> dict[str, File]:
    """Return the map of name to field, for the fields that have files."""
    return {name: field for name, field in declared.items() if isinstance(field, File)}
