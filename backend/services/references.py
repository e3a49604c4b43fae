"""References between records: that the target is there, and what becomes of those who refer to one that goes."""

from backend.models.database import database
from backend.services import history, policies
from backend.services.conditions import scope_values
from backend.services.errors import Invalid
from backend.services.statements import slot
from backend.utils.clock import rfc3339, utcnow

IDS_AT_ONCE = 500


def check_references(actor, resource, data):
    """Raise Invalid unless every record that `data` refers to exists and may be read by the actor."""
    problems = {}
    for name, kind in resource.definition.references.items():
        if data.get(name) is not None and find_visible(actor, resource.catalog[kind.to], "id", data[name]) is None:
            problems[name] = [f"There is no such record of {kind.to}."]
    if problems:
        raise Invalid(problems)


def find_visible(actor, resource, field, value):
    """Return the id, as text, of a record whose `field` is `value`, if the actor may read it; else None."""
    allowed = policies.scope(resource.definition, "read", actor)
    if not allowed or field in policies.hidden_fields(resource.definition, actor):
        return None
    statement = resource.statements.get(("find", field, allowed.shape), _find, resource, field, allowed.shape)
    rows = statement.run({"value": resource.column(field).db_value(value)} | scope_values(resource, allowed))
    return str(rows[0][0]) if rows else None


def _find(resource, field, shape):
    condition = resource.scoped(resource.column(field) == slot("value"), shape)
    return resource.model.select(resource.column("id")).where(condition)


def release_referrers(actor, resource, record_ids):
    """Set to null, as a change of theirs, the references that a delete of these records is to set to null.

    The database would do it too, but leave `version` and `updated_at`, and so the ETag, as they were. This follows the
    cascades of the delete, since those records go as well.
    """
    waiting, seen = [(resource, list(record_ids))], set()
    while waiting:
        target, ids = waiting.pop()
        fresh = [each for each in ids if (target.name, each) not in seen]
        seen.update((target.name, each) for each in fresh)
        for other, name in target.referrers:
            on_delete = other.definition.references[name].on_delete
            for some in _chunks(fresh):
                if on_delete == "set_null":
                    _set_null(actor, other, name, some)
                elif on_delete == "cascade":
                    going = _referring(other, name, some)
                    history.note_end(actor, other, going)
                    waiting.append((other, going))


def blocking_referrers(actor, resource, record_id):
    """Return the names of the resources with a record that refers to this one and forbids its end.

    A reference that is hidden from the actor is not told.
    """
    return sorted(
        {
            other.name
            for other, name in resource.referrers
            if other.definition.references[name].on_delete == "restrict"
            and name not in policies.hidden_fields(other.definition, actor)
            and _referring(other, name, [record_id], limit=1)
        }
    )


def _set_null(actor, resource, name, ids):
    version = resource.column("version")
    changes = {
        resource.column(name): None,
        version: version + 1,
        resource.column("updated_at"): rfc3339(utcnow()),
    }
    concerned = _referring(resource, name, ids) if resource.definition.history else []
    with history.recorded(actor, resource, concerned):
        resource.model.update(changes).where(resource.column(name).in_(ids)).execute()


def _referring(resource, name, ids, limit=None):
    query = resource.model.select(resource.column("id")).where(resource.column(name).in_(ids)).limit(limit)
    return [str(record_id) for (record_id,) in database.execute(query).fetchall()]


def _chunks(ids):
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
