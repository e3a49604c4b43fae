"""Who may upload files."""

from tests.helpers import OPEN, assert_failure
from tests.parts.files import WITH_FILES, upload, uploaded

EDITORS_PHOTO = {"photo": {"type": "file", "writable_by": ["editor"]}}


def test_only_those_who_may_set_a_file_upload(admin, alice, edith, stranger):
    people = (admin, alice, edith)
    for number, (fields, access, allowed) in enumerate(
        [
            ({"name": {"type": "string"}}, OPEN, ()),
            (WITH_FILES, {"read": ["member"], "list": ["member"], "delete": ["member"]}, (admin,)),
            (EDITORS_PHOTO, OPEN, (admin, edith)),
            (WITH_FILES, {"update": ["member"]}, people),
        ]
    ):
        admin.declare(f"places{number}", fields, access=access)
        for person in people:
            if person in allowed:
                uploaded(person)
            else:
                assert_failure(upload(person), 403, "FORBIDDEN")
    assert_failure(upload(stranger), 401, "UNAUTHENTICATED")
