"""Attaches uploaded files to records that are written, and removes the files that they had before."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.files import attachments
from backend.services.files.attachments import Place, Wanted


def attach_files(actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any], *, is_new: bool) -> None:
    """Attach the files in `data` to a record, and remove those that they replace; `is_new` says if it is created.

    Raises Invalid for a file that the actor may not attach, or that a field does not accept.
    """
    wanted = [*wanted_files(actor, resource, record_id, data)]
    if wanted and (problems := attachments.attach(actor, wanted)):
        raise Invalid({place.field: [problem] for place, problem in problems.items()})
    if not is_new:
        places = {name: Place(resource.name, record_id, name) for name in resource.definition.files if name in data}
        attachments.remove_replaced((place, data[name]) for name, place in places.items())


def wanted_files(actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any]) -> Iterator[Wanted]:
    """Yield the files that a record shall have. The id of a file that it has already shows nothing to the actor."""
    hidden = policies.hidden_fields(resource.definition, actor)
    for name, field in resource.definition.files.items():
        if file_id := data.get(name):
            place = Place(resource.name, record_id, name)
            yield Wanted(file_id, place, field.problem_of, may_stay=name not in hidden)
