"""Keeps the former fields of resources with a history, and who could read them.

A history entry refers to the KeptFields that were current when it was written. After the definition has changed, they
decide who may read the entry.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from peewee import Case

from backend.models.history_entry import HistoryEntry, KeptFields
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition


def start(definition: Definition) -> None:
    """Store the fields of a definition as the current KeptFields, if it has a history."""
    if definition.history:
        fields = {
            name: {"readers": [] if field.readable_by is None else [field.readable_by], "now": name}
            | ({"to": definition.links[name].to} if name in definition.links else {})
            for name, field in definition.fields.items()
        }
        KeptFields.insert(resource=definition.name, current=True, fields=fields).execute()


def update_for(changes: Iterable[Alteration]) -> None:
    """Update KeptFields and history entries for changes: new names of resources, renamed fields and dropped fields."""
    changes = list(changes)
    new_names = {change.old.name: change.new.name for change in changes if change.old.name != change.new.name}
    _rename_resources(new_names)
    _update_targets(new_names)
    for change in changes:
        for kept in KeptFields.select().where(KeptFields.resource == change.new.name):
            kept.fields = {name: _updated(change, field) for name, field in kept.fields.items()}
            kept.current = False
            kept.save()
        start(change.new)


def delete_history(name: str) -> None:
    """Delete the history of a resource that is dropped."""
    for model in (HistoryEntry, KeptFields):
        model.delete().where(model.resource == name).execute()
    _update_targets({name: None})


def _rename_resources(new_names: dict[str, str]) -> None:
    for model in (HistoryEntry, KeptFields) if new_names else ():
        # In one statement, or two resources that swap their names would become one.
        new_name = Case(model.resource, list(new_names.items()))
        model.update(resource=new_name).where(model.resource.in_(list(new_names))).execute()


def _update_targets(new_names: Mapping[str, str | None]) -> None:
    """Update what lists of references referred to; None for a resource that is dropped."""
    for kept in KeptFields.select() if new_names else ():
        referring = [field for field in kept.fields.values() if field.get("to") in new_names]
        for field in referring:
            field["to"] = new_names[field["to"]]
        if referring:
            kept.save()


def _updated(change: Alteration, kept: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a field after an Alteration.

    `readers` lists the rules that a reader must meet; a dropped field adds the last rule it had. `now` is the current
    name of the field, None if it was dropped.
    """
    current_name = next((name for name, old_name in change.continued.items() if old_name == kept["now"]), None)
    is_dropped = current_name is None and kept["now"] in change.old.fields
    last_rule = change.old.fields[kept["now"]].readable_by if is_dropped else None
    return kept | {"readers": kept["readers"] + ([] if last_rule is None else [last_rule]), "now": current_name}
