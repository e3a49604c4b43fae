"""Creates, renames and drops the counters of sequences when definitions change."""

from collections.abc import Iterable

from peewee import fn

from backend.models.counter import Counter
from backend.models.database import database
from backend.models.records import build_model, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.definition import Definition


def start(definition: Definition) -> None:
    """Create the counters of a new resource."""
    for name, first_number in definition.sequences.items():
        Counter.create(resource=definition.name, field=name, next_number=first_number)


def delete(resource_name: str) -> None:
    """Delete the counters of a resource that is dropped."""
    Counter.delete().where(Counter.resource == resource_name).execute()


def update_for(changes: Iterable[Alteration]) -> None:
    """Update the counters for changes whose tables have their new form."""
    changes = [change for change in changes if change.old.sequences or change.new.sequences]
    # All are read before the first is written: two resources or fields may swap their names.
    counters = {(each.resource, each.field): each for each in Counter.select()} if changes else {}
    for change in changes:
        new_names = {old_name: name for name, old_name in change.old_names.items()}
        for old_name in change.old.sequences:
            _update(counters[change.old.name, old_name], change.new, new_names.get(old_name))
        for name, first_number in change.new.sequences.items():
            if change.old_names.get(name) not in change.old.sequences:
                next_number = max(first_number, _greatest(change.new, name) + 1)
                Counter.create(resource=change.new.name, field=name, next_number=next_number)


def _update(counter: Counter, definition: Definition, name: str | None) -> None:
    """Let a counter follow its field, which is now called `name`; delete it if that is no sequence any more."""
    if name not in definition.sequences:
        counter.delete_instance()
        return
    counter.resource, counter.field = definition.name, name
    counter.next_number = max(counter.next_number, definition.sequences[name])
    counter.save()


def _greatest(definition: Definition, name: str) -> int:
    """Return the greatest number in a table; 0 if there is none."""
    model = build_model(definition, database.obj)
    return model.select(fn.MAX(column(model, name))).scalar() or 0


def next_numbers_of_sequences() -> list[tuple[str, str, int]]:
    """Return (resource, field, next number) of every sequence."""
    return [(each.resource, each.field, each.next_number) for each in Counter.select()]
