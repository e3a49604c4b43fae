"""Files in the OpenAPI document."""

from tests.conftest import ON_SQLITE
from tests.helpers import OPEN
from tests.parts.files import WITH_FILES

DOCUMENT = "http://localhost/openapi.json"


@ON_SQLITE
def test_the_component_of_a_file_is_there_if_a_field_has_it(admin):
    admin.declare("notes", {"title": {"type": "string"}}, access=OPEN)
    document = admin.get(DOCUMENT).json
    assert "AttachedFile" not in document["components"]["schemas"]
    form = document["paths"]["/api/v1/files"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["file"]["format"] == "binary"
    admin.declare("places", WITH_FILES, access=OPEN)
    schemas = admin.get(DOCUMENT).json["components"]["schemas"]
    assert schemas["AttachedFile"]["required"] == ["id", "name", "type", "bytes", "sha256", "url"]
    assert {"$ref": "#/components/schemas/AttachedFile"} in schemas["Place"]["properties"]["photo"]["anyOf"]
