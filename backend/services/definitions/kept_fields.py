"""What the fields of resources with a history were in the course of time, and who could read them.

A history entry names the KeptFields of its time. They decide who may read the entry after the definition has changed.
"""

from collections.abc import Iterable
from typing import Any

from peewee import Case

from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition


def begin(definition: Definition) -> None:
    """Keep the fields of a definition from now on, if it has a history."""
    if definition.history:
        fields = {
            name: {"readers": [] if field.readable_by is None else [field.readable_by], "now": name}
            for name, field in definition.fields.items()
        }
        KeptFields.insert(resource=definition.name, current=True, fields=fields).execute()


def follow(changes: Iterable[Alteration]) -> None:
    """Let the history follow the changes of resources that stay: new names of resources, and what became of fields."""
    changes = list(changes)
    _rename({change.old.name: change.new.name for change in changes if change.old.name != change.new.name})
    for change in changes:
        for kept in KeptFields.select().where(KeptFields.resource == change.new.name):
            kept.fields = {name: _followed(change, each) for name, each in kept.fields.items()}
            kept.current = False
            kept.save()
        begin(change.new)


def forget(name: str) -> None:
    """Delete the history of a resource that is dropped."""
    for model in (HistoryEntry, KeptFields):
        model.delete().where(model.resource == name).execute()


def _rename(names: dict[str, str]) -> None:
    for model in (HistoryEntry, KeptFields) if names else ():
        # At once, or two resources that swap their names would become one.
        renamed = Case(model.resource, list(names.items()))
        model.update(resource=renamed).where(model.resource.in_(list(names))).execute()


def _followed(change: Alteration, kept: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a field after an Alteration; one that is dropped keeps the last rule it had, too."""
    now = next((name for name, origin in change.origins.items() if origin == kept["now"]), None)
    last = change.old.fields[kept["now"]].readable_by if kept["now"] in change.dropped else None
    return {"readers": kept["readers"] + ([] if last is None else [last]), "now": now}
