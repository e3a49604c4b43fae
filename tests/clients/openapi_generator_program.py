"""A program that uses the Python client that openapi-generator generates for `resources.yml`."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

from larder_openapi import (
    ApiClient,
    ApiException,
    AuthApi,
    Configuration,
    Credentials,
    DefinitionCreate,
    EnumCondition,
    EnumField,
    FieldDeclaration,
    IntegerCondition,
    IntegerOperators,
    IntegerOperatorsEq,
    ReferenceField,
    ResourcesApi,
    StringField,
    Thing,
    ThingCreate,
    ThingsApi,
    ThingUpdate,
    ThingWhere,
)


def main(url: str, email: str, password: str, owner: str) -> None:
    """Sign in and use records of every type; raises AssertionError if something is wrong."""
    with sign_in(url, owner, password) as client:
        declare(ResourcesApi(client))
    with sign_in(url, email, password) as client:
        things = ThingsApi(client)
        thing = write(things)
        ask(things)
        change(things, thing.id)


def sign_in(url: str, email: str, password: str) -> ApiClient:
    """Return a client that is signed in."""
    with ApiClient(Configuration(host=url)) as visitor:
        tokens = AuthApi(visitor).login(Credentials(email=email, password=password)).data
    return ApiClient(Configuration(host=url, access_token=tokens.access_token))


def declare(resources: ResourcesApi) -> None:
    """Declare a resource."""
    fields = {
        "title": FieldDeclaration(StringField(type="string", required=True, max_length=80)),
        "state": FieldDeclaration(EnumField(type="enum", choices=["open", ""])),
        "thing": FieldDeclaration(ReferenceField(type="reference", to="things")),
    }
    made = resources.create_resource(DefinitionCreate(name="notes", fields=fields))
    assert (made.success, made.data.name) == (True, "notes")


def write(things: ThingsApi) -> Thing:
    """Create two records; return the second, which has a value in every field."""
    parent = things.create_thing(ThingCreate(name="parent")).data
    body = ThingCreate(
        name="child",
        note="",
        amount=3,
        ratio=0.5,
        price="12.50",
        open=True,
        day=date(2026, 1, 31),
        at="09:30",
        moment=datetime(2026, 1, 31, 12, tzinfo=UTC),
        extra={"a": [1, None]},
        mail="ann@example.com",
        link="https://example.com",
        code=parent.id,
        labels=["a", "b"],
        state="",
        parent=parent.id,
        friends=[parent.id],
    )
    child = things.create_thing(body).data
    assert (child.number, child.total, child.state, child.open) == (2, "37.50", "", True)
    assert (child.moment, child.day) == (body.moment, body.day)
    assert (child.extra, child.labels, child.friends) == ({"a": [1, None]}, ["a", "b"], [parent.id])
    return child


def ask(things: ThingsApi) -> None:
    """List with filters, with conditions and in an order."""
    many = ThingWhere(amount=IntegerCondition(IntegerOperators(gte=IntegerOperatorsEq(100))))
    where = ThingWhere(any=[ThingWhere(state=EnumCondition("")), many])
    found = things.list_things(where=where.to_json(), amount__in=[3, 4], parent_name="parent", sort=["-number"])
    assert ([each.name for each in found.data], found.meta.total) == (["child"], 1)
    assert status_of(lambda: things.list_things(where='{"secret": "x"}')) == 422


def change(things: ThingsApi, thing: UUID) -> None:
    """Change and delete a record, each with its version."""
    changed = things.update_thing(thing, ThingUpdate(price=None), if_match='"1"').data
    assert (changed.total, changed.version) == (None, 2)
    assert status_of(lambda: things.update_thing(thing, ThingUpdate(amount=4), if_match='"1"')) == 412
    assert status_of(lambda: things.delete_thing(thing, if_match='"2"')) == 200
    assert status_of(lambda: things.get_thing(thing)) == 404


def status_of(call: Callable[[], object]) -> int:
    """Return the HTTP status of a call."""
    status = 200
    try:
        call()
    except ApiException as refused:
        status = refused.status
    return status
