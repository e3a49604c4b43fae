"""Attaches uploaded files to records that are written, and removes the files that they had before."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.files import attachments
from backend.services.files.attachments import FileFacts, Place, Wanted


def attach_files(actor: Actor, resource: Resource, rows: Mapping[str, Mapping[str, Any]], *, are_new: bool) -> None:
    """Attach the files in the data of records, {id: data}, and remove those that they replace.

    `are_new` says whether the records are created. Raises Invalid for a file that the actor may not attach, or that a
    field does not accept.
    """
    if not resource.definition.files:
        return
    wanted = [each for record_id, data in rows.items() for each in wanted_files(actor, resource, record_id, data)]
    if wanted:
        _raise(attachments.attach(actor, wanted))
    if not are_new:
        names = resource.definition.files
        replaced = [(Place(resource.name, record_id, name), rows[record_id]) for record_id in rows for name in names]
        attachments.remove_replaced((place, data[place.field]) for place, data in replaced if place.field in data)


def wanted_files(actor: Actor, resource: Resource, record_id: str, data: Mapping[str, Any]) -> Iterator[Wanted]:
    """Yield the files that a record shall have. A hidden field does not show which it has already."""
    hidden = policies.hidden_fields(resource.definition, actor)
    for name, field in resource.definition.files.items():
        if file_id := data.get(name):
            yield Wanted(file_id, Place(resource.name, record_id, name), field.problem_of, may_stay=name not in hidden)


class PlannedFiles:
    """Checks the files that rows of an import attach, each as if the rows before it were written."""

    def __init__(self, actor: Actor, resource: Resource) -> None:
        self._actor, self._resource = actor, resource
        self._given: dict[str, Place] = {}

    def check(self, record_id: str, data: Mapping[str, Any], files: Mapping[str, FileFacts]) -> None:
        """Raise Invalid for a file that the row cannot attach; `files` has those that exist."""
        if self._resource.definition.files:
            wanted = [*wanted_files(self._actor, self._resource, record_id, data)]
            _raise(attachments.find_problems(self._actor, wanted, files, self._given))


def _raise(problems: Mapping[Place, Any]) -> None:
    if problems:
        raise Invalid({place.field: [problem] for place, problem in problems.items()})
