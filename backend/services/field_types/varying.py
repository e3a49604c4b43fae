"""Defaults that vary: `$now`, `$user.id` and `$user.<profile field>` have a value when a record is created."""

from typing import Any, ClassVar

from marshmallow import fields

NOW, USER, USER_ID = "$now", "$user.", "$user.id"
DEFAULT_FIELD = fields.Raw(
    allow_none=True, metadata={"description": "A value; `$user.<field>`; or `$now`, of a date or a datetime"}
)


class HasDefault:
    """A field whose `default` is a value, or the name of one that varies."""

    length_of_now: ClassVar[int | None] = None  # of RFC 3339 text, the characters that `$now` is; None: no such default

    default: Any

    @property
    def varying_default(self) -> str | None:
        """The default if it depends on the moment or the caller; else None."""
        is_varying = isinstance(self.default, str) and (
            self.default.startswith(USER) or (self.default == NOW and self.length_of_now is not None)
        )
        return self.default if is_varying else None

    @property
    def fixed_default(self) -> Any:
        """The default if it is a value; else None."""
        return None if self.varying_default else self.default
