"""The uploaded files of records, as far as an actor may download them."""

from contextlib import suppress
from typing import NamedTuple

from peewee import Select

from backend.models.file import File
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.errors import Denied, Invalid, NotFound, Unauthenticated
from backend.services.files.contents import LINK_ENDED
from backend.services.storage.conditions import Condition
from backend.services.storage.statements import one_plan, slot
from backend.utils.problems import Problem

NO_SUCH_FILE = "There is no such file."


class RecordFile(NamedTuple):
    """What is known of the file in a field of a record; `sizes` are those of its thumbnails, such as `200x200`."""

    id: str
    name: str
    type: str
    bytes: int
    sha256: str
    sizes: tuple[str, ...]
    is_public: bool

    def require_size(self, size: str) -> None:
        """Raise Invalid if there are no thumbnails of this size."""
        if size not in self.sizes:
            text = f"Must be one of {', '.join(self.sizes)}." if self.sizes else "This field has no `thumbs`."
            raise Invalid({"size": [Problem("not_a_choice", text, choices=[*self.sizes])]}, location="query")


def find_file(actor: Actor, resource: Resource, record_id: str, name: str) -> RecordFile:
    """Return the RecordFile in the field of this name.

    Without a grant to read, only files of public fields exist. Raises Unauthenticated or Denied for everything else
    then. Raises NotFound, always with the same text, if there is no such field, record or file, or if it is hidden from
    the actor.
    """
    definition, scope = resource.definition, policies.EVERYTHING
    field = definition.files.get(name)
    if field is None or not field.public:
        scope = policies.authorize(resource, "read", actor)
        if field is None or name in policies.hidden_fields(definition, actor):
            raise NotFound(NO_SUCH_FILE)
    rows = resource.run(_select_file, name, scope.shape, values={"id": record_id, **scope.values(resource)})
    if not rows:
        raise NotFound(NO_SUCH_FILE)
    ((file_id, file_name, media_type, size, sha256),) = rows
    return RecordFile(str(file_id), file_name, media_type, size, sha256, tuple(field.thumbs or ()), field.public)


def find_linked_file(actor: Actor, catalog: Catalog, file_id: str) -> tuple[Resource, RecordFile]:
    """Return the Resource and the RecordFile of the record that has the file with this id now.

    Raises NotFound if no record has it, or if it is hidden from the actor.
    """
    file = File.get_or_none(File.id == file_id, File.removed_at.is_null())
    with suppress(Unauthenticated, Denied, NotFound):
        if file and file.resource and file.record_id and file.field:
            resource = catalog[file.resource]
            found = find_file(actor, resource, file.record_id, file.field)
            if found.id == file_id:
                return resource, found
    raise NotFound(LINK_ENDED)


@one_plan
def _select_file(resource: Resource, name: str, scope: Condition) -> Select:
    """Build the query of the file in a field of one record."""
    columns = (File.id, File.name, File.type, File.bytes, File.sha256)
    condition = resource.one().scoped(resource.column("id") == slot("id"), scope)
    return resource.model.select(*columns).join(File, on=(resource.column(name) == File.id)).where(condition)
