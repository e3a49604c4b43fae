"""Marshmallow fields and validators that the field types and the schemas of requests share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from backend.utils.texts import unstorable_reason

MAX_ROLES = 50  # that one field names
MAX_FORMER_NAMES = 10


class StrictText(fields.String):
    """A text that both databases can store."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if reason := unstorable_reason(text):
            raise ValidationError(reason)
        return text


class StrictBoolean(fields.Boolean):
    """Exactly true or false; no 1, "yes" or "on"."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class FromText(fields.Field[Any]):
    """A mixin for fields that read texts of a query or a CSV cell, too: `from_text` makes the value in JSON of one."""

    def from_text(self, text: str) -> Any:
        """Return the value in JSON of a text without white space around it; raise ValueError."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str):
            try:
                value = self.from_text(value.strip())
            except ValueError as error:
                raise self.make_error("invalid") from error
        return super()._deserialize(value, attr, data, **kwargs)


class FormerNames(fields.Raw):
    """The former names of a field or a resource, the latest first; a single one may be given without a list."""

    def __init__(self, **options: Any) -> None:
        text = {"type": "string"}
        several = {"type": "array", "items": text, "minItems": 1, "maxItems": MAX_FORMER_NAMES}
        description = "Former names; if this name does not exist but one of these does, that one is renamed"
        super().__init__(metadata={"anyOf": [text, several], "description": description}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not 0 < len(names) <= MAX_FORMER_NAMES:
            raise ValidationError(f"Must be a name, or a list of 1 to {MAX_FORMER_NAMES} names.")
        return [str(StrictText().deserialize(name)) for name in names]


class Between(validate.Validator):
    """A range of values that are strings in JSON, which OpenAPI cannot describe."""

    def __init__(self, least: Any, most: Any) -> None:
        self.least, self.most = least, most

    def __call__(self, value: Any) -> Any:
        """Return the value; raise ValidationError when it is out of range."""
        if self.least is not None and value < self.least:
            raise ValidationError(f"Must be {self.least} or more.")
        if self.most is not None and value > self.most:
            raise ValidationError(f"Must be {self.most} or less.")
        return value


def role_names() -> fields.List[str]:
    """Return the marshmallow field of an option that names roles."""
    return fields.List(StrictText(), validate=validate.Length(max=MAX_ROLES))


def loader(field: fields.Field[Any], validators: Iterable[Callable[[Any], Any]] | None = None) -> Callable[[Any], Any]:
    """Return the function that loads a value that is not None as `field` does, in half the time."""
    load, checks = field._deserialize, [*(field.validators if validators is None else validators)]

    def read(value: Any) -> Any:
        found = load(value, None, None)
        for check in checks:
            check(found)
        return found

    return read
