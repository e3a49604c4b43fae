"""The query parameter `where`, and its JSON Schema in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.strict_json import read_object

WHERE_HELP = (
    'Conditions as JSON, such as `{"any": [{"open": true}, {"stars": {"gte": 2}}]}`. A path such as `country.code` '
    "leads through references, `some` and `none` through relations to many records"
)


class WhereText(StrictText):
    """The text of a JSON object; it loads the object."""

    def __init__(self, resource: str | None = None) -> None:
        """Name the component of the document that describes the `where` of this resource, if it is documented."""
        schema = resource and {"$ref": f"#/components/schemas/{component_name(resource)}"}
        super().__init__(
            metadata={"description": WHERE_HELP, "contentMediaType": "application/json", "contentSchema": schema}
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return read_object(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


def component_name(resource: str) -> str:
    """Return the name of the component of the document that describes the `where` of a resource."""
    return f"{resource}_where"
