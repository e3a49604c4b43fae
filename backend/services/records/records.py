"""Single records: read, create, update, delete."""

from contextlib import contextmanager
from typing import NamedTuple

from peewee import IntegrityError

from backend.models.database import database
from backend.models.records import index_name
from backend.services.definitions import policies
from backend.services.errors import Conflict, Denied, NotFound, PreconditionFailed, PreconditionMissing
from backend.services.records.deletions import delete_records
from backend.services.records.references import require_visible_references
from backend.services.storage import history
from backend.services.storage.answer_sizes import answer_bound, bounded_json, require_fitting
from backend.services.storage.conditions import scope_values, within
from backend.services.storage.full_text import write_words
from backend.services.storage.statements import slot
from backend.utils.clock import rfc3339, utcnow
from backend.utils.ids import uuid7


class Record(NamedTuple):
    """A record as it goes out: its JSON text and its version."""

    json: str
    version: int


def get_record(actor, resource, record_id):
    """Return the Record; raise NotFound when there is none or none the actor may read."""
    allowed = policies.authorize(resource.definition, "read", actor)
    hidden = policies.hidden_fields(resource.definition, actor)
    values = {"id": record_id} | scope_values(resource, allowed)
    rows = resource.run(_select_one, allowed.shape, hidden, answer_bound.max_bytes, values=values)
    if not rows:
        raise missing(resource)
    return _fitting(rows[0])


def list_history(actor, resource, record_id, *, page, per_page):
    """Return (Entries of the record's history, the latest first, how many there are).

    Raises NotFound for a record the actor may not read, and for one that is gone unless they are an admin; Denied if a
    rule on its values decides whether they may read it: it may have had others before.
    """
    allowed = policies.authorize(resource.definition, "read", actor)
    if allowed.concerns(resource.definition.fields):
        raise Denied("A rule says which records you may read: their history may tell of times when you might not.")
    hidden = policies.hidden_fields(resource.definition, actor)
    entries, total = history.list_entries(actor, resource, record_id, hidden, page=page, per_page=per_page)
    if not (actor.is_admin and total):
        get_record(actor, resource, record_id)
    return entries, total


def missing(resource):
    """Return the NotFound of a record that is not there, or not for the actor."""
    return NotFound(f"There is no such record of {resource.name}.")


def create_record(actor, resource, data):
    """Insert a record with the values of `data`, elsewhere the defaults, and return (id, Record).

    Raises Invalid for a field the actor may not set and for a reference to a record they cannot see, Denied for a
    record they may not create, Conflict for a value that must be unique.
    """
    allowed = policies.authorize(resource.definition, "create", actor)
    policies.require_may_set(resource.definition, actor, data)
    values = new_row(actor, resource, data)
    hidden = policies.hidden_fields(resource.definition, actor)
    with conflicts(actor, resource), database.atomic():
        resource.hold()
        require_visible_references(actor, resource, data)
        judge(resource, allowed, values)
        with history.recorded(actor, resource, [values["id"]]):
            made = _fitting(resource.run(_insert, hidden, answer_bound.max_bytes, values=values)[0])
        write_words(resource, {values["id"]: values})
        return values["id"], made


def new_row(actor, resource, data, now=None):
    """Return the row of a new record, a value for each column; `now` is when it is made, as RFC 3339 text."""
    now = now or rfc3339(utcnow())
    system = {"id": uuid7(), "created_at": now, "updated_at": now, "created_by": actor.user_id, "version": 1}
    resource.require_indexable(resource.defaults | data)
    return resource.to_columns(resource.defaults | data) | system


def judge(resource, allowed, values, record_id=None):
    """Raise Denied unless a row with these values by column would be within the Scope.

    Of a record that is there, what is not among the values stays as it is. It has to be asked before the write: where a
    row may not be, no constraint is to tell whether there is another like it.
    """
    if allowed.everything:
        return
    row = {f"row.{name}": value for name, value in values.items()}
    row |= {"id": record_id} | scope_values(resource, allowed)
    names = tuple(sorted(values))
    ((is_within,),) = resource.run(_select_would_be, allowed.shape, names, record_id is None, values=row)
    if not is_within:
        raise Denied(f"You may not make a record of {resource.name} what this would make it.")


def update_record(actor, resource, record_id, data, if_match=None):
    """Change the fields in `data` and return the Record as it is then.

    `if_match` holds the versions, as text, that the client would overwrite; None means any. Raises NotFound for a
    record the actor may not read, Denied for one it may not change, PreconditionFailed, Invalid, Conflict.
    """
    allowed = policies.authorize(resource.definition, "update", actor)
    policies.require_may_set(resource.definition, actor, data)
    with conflicts(actor, resource), database.atomic():
        resource.hold()
        _lock_row(actor, resource, record_id, allowed, if_match)
        if not data:
            return get_record(actor, resource, record_id)
        require_visible_references(actor, resource, data)
        resource.require_indexable(data)
        values = {"updated_at": rfc3339(utcnow())} | resource.to_columns(data)
        if allowed.concerns({*values, "version"}):
            judge(resource, allowed, values, record_id)
        hidden = policies.hidden_fields(resource.definition, actor)
        with history.recorded(actor, resource, [record_id]):
            slots = values | {"id": record_id}
            changed = resource.run(_update, tuple(sorted(data)), hidden, answer_bound.max_bytes, values=slots)[0]
        write_words(resource, {record_id: values})
        return _fitting(changed)


def delete_record(actor, resource, record_id, if_match=None):
    """Delete the record; raises as update_record does, and Conflict while another record refers to it."""
    allowed = policies.authorize(resource.definition, "delete", actor)
    with database.atomic():
        resource.hold()
        _lock_row(actor, resource, record_id, allowed, if_match)
        delete_records(actor, resource, [record_id])


def settle_owned(actor, resource, user_id):
    """Do with the records that a user created what the definition says for when the user is deleted.

    Raises Conflict when it says `restrict`, or when a record that would go is still referenced.
    """
    owned = resource.column("created_by") == user_id
    rule = resource.definition.on_owner_delete
    if rule == "set_null":
        changes = {
            resource.column("created_by"): None,
            resource.column("version"): resource.column("version") + 1,
            resource.column("updated_at"): rfc3339(utcnow()),
        }
        with history.recorded(actor, resource, _ids(resource, owned) if resource.definition.history else []):
            resource.model.update(changes).where(owned).execute()
        return
    ids = _ids(resource, owned, limit=1 if rule == "restrict" else None)
    if not ids:
        return
    may_see = any(policies.scope(resource.definition, action, actor) for action in ("read", "list"))
    what = f"records of {resource.name}" if may_see else "records"
    if rule == "restrict":
        raise Conflict(f"The user still owns {what}, and `on_owner_delete: restrict` forbids deleting their owner.")
    with database.atomic():
        delete_records(actor, resource, ids, called=f"One of the {what} that the user owns")


def _ids(resource, condition, limit=None):
    query = database.lock_for_update(resource.model.select(resource.column("id")).where(condition).limit(limit))
    return [str(record_id) for (record_id,) in database.execute(query).fetchall()]


def _lock_row(actor, resource, record_id, allowed, if_match):
    """Hold the row for a write that `allowed` must cover and the client must have seen in its present version."""
    if if_match is None and resource.definition.require_if_match:
        raise PreconditionMissing()
    readable = policies.scope(resource.definition, "read", actor)
    scopes = scope_values(resource, readable, "read") | scope_values(resource, allowed, "write")
    rows = resource.run(_select_for_write, readable.shape, allowed.shape, values={"id": record_id} | scopes)
    version, may_read, may_write = rows[0] if rows else (None, False, False)
    if not may_read:
        raise missing(resource)
    if not may_write:
        raise Denied(f"You may not change this record of {resource.name}.")
    if if_match is not None and str(version) not in if_match:
        raise PreconditionFailed()


@contextmanager
def conflicts(actor, resource):
    """Tell a violated constraint of an insert or update in the words of the definition."""
    try:
        yield
    except IntegrityError as error:
        raise integrity_problem(actor, resource, error) from error


def integrity_problem(actor, resource, error):
    """Return the Conflict that an IntegrityError of an insert or update stands for, or the error itself.

    It names no field where one of them is hidden from the actor.
    """
    kind, what = database.violated(error)
    if kind == "unique":
        return unique_conflict(actor, resource, _fields_of_violation(resource.definition, what))
    if kind == "foreign_key":  # the target went between the check and the write
        return Conflict(f"A record that this one of {resource.name} refers to has just been deleted.")
    return error  # NOT NULL or a wrong type: the schema should have refused it, so it is a defect


def unique_conflict(actor, resource, names):
    """Return the Conflict of values of these fields that another record has; it names no field that is hidden."""
    if not policies.hidden_fields(resource.definition, actor).isdisjoint(names):
        return Conflict(f"This conflicts with another record of {resource.name}.")
    told = f"Another record of {resource.name} has this {' and '.join(names)}."
    return Conflict(told, {"json": {name: ["Already taken."] for name in names}})


def _fields_of_violation(definition, what):
    """Return the fields of a violated unique constraint: SQLite names the columns, Postgres the index."""
    if isinstance(what, tuple):
        return what
    names = {index_name(definition.name, columns, unique=True): columns for columns in definition.unique_sets()}
    return names.get(what, ("id",))


def _select_one(resource, shape, hidden, most):
    mine = resource.scoped(resource.column("id") == slot("id"), shape)
    return resource.model.select(*_answer(resource, hidden, most)).where(mine)


def _answer(resource, hidden, most):
    """Return the expressions of a Record of at most so many bytes."""
    return bounded_json(resource, resource.visible(hidden), most), resource.column("version")


def _fitting(row):
    """Return the Record of a row of _answer; raise Invalid if it has more bytes than an answer may."""
    require_fitting(row[0])
    return Record(*row)


def _select_for_write(resource, readable, writable):
    scopes = [within(resource, shape, prefix) for shape, prefix in ((readable, "read"), (writable, "write"))]
    query = resource.model.select(resource.column("version"), *scopes)
    return database.lock_for_update(query.where(resource.column("id") == slot("id")))


class _WouldBe:
    """A resource, for conditions, whose row has got the values in the slots `row.…`."""

    def __init__(self, resource, names):
        self.resource, self.names = resource, names

    def column(self, name):
        """Return the expression of a field's value as it would be."""
        column = self.resource.column(name)
        if name in self.names:
            return database.typed(slot(f"row.{name}"), column)
        return column + 1 if name == "version" else column


def _select_would_be(resource, shape, names, is_new):
    query = resource.model.select(within(_WouldBe(resource, names), shape))
    return query.from_() if is_new else query.where(resource.column("id") == slot("id"))


def _insert(resource, hidden, most):
    values = {resource.column(name): slot(name) for name in resource.kinds}
    return resource.model.insert(values).returning(*_answer(resource, hidden, most))


def _update(resource, names, hidden, most):
    version = resource.column("version")
    values = {resource.column(name): slot(name) for name in (*names, "updated_at")} | {version: version + 1}
    query = resource.model.update(values).where(resource.column("id") == slot("id"))
    return query.returning(*_answer(resource, hidden, most))
