"""A program that uses the Python client generated for `resources.yml`, with every type known to mypy."""

import json
from datetime import date
from io import BytesIO
from typing import TypeVar

from larder_client import models
from larder_client.api.auth import login
from larder_client.api.directory import list_directory
from larder_client.api.resources import create_resource
from larder_client.api.tags import create_tag, import_tags
from larder_client.api.tasks import aggregate_tasks, create_task, delete_task, get_task, list_tasks, update_task
from larder_client.api.teams import create_team, get_team
from larder_client.client import AuthenticatedClient, Client
from larder_client.types import File, Unset

Answer = TypeVar("Answer")
Value = TypeVar("Value")


def main(url: str, email: str, password: str, owner: str) -> None:
    """Sign in and use everything that conditions and relations offer; raises AssertionError if something is wrong."""
    with sign_in(url, owner, password) as client:
        declare(client)
    with sign_in(url, email, password) as client:
        team, task = write(client)
        ask(client, team, task)
        change(client, task)


def sign_in(url: str, email: str, password: str) -> AuthenticatedClient:
    """Return a client that is signed in."""
    with Client(url, raise_on_unexpected_status=True) as visitor:
        signed_in = login.sync(client=visitor, body=models.Credentials(email=email, password=password))
    return AuthenticatedClient(url, given(success(signed_in).data.access_token), raise_on_unexpected_status=True)


def declare(client: AuthenticatedClient) -> None:
    """Declare a resource."""
    fields = models.DefinitionCreateFields()
    fields["title"] = models.StringField(type_=models.StringFieldType.STRING, required=True)
    fields["state"] = models.EnumField(type_=models.EnumFieldType.ENUM, choices=["open", ""])
    made = create_resource.sync(client=client, body=models.DefinitionCreate(name="notes", fields=fields))
    assert success(made).data.name == "notes"


def success(answer: Answer | models.Failure | None) -> Answer:
    """Return the answer if it is not an error."""
    assert answer is not None
    assert not isinstance(answer, models.Failure), answer
    return answer


def given(value: Value | Unset | None) -> Value:
    """Return a value that must be there."""
    assert value is not None
    assert not isinstance(value, Unset)
    return value


def write(client: AuthenticatedClient) -> tuple[models.Team, models.Task]:
    """Create a team, two tags and two tasks; return the team and the first task."""
    key = models.CreateTeamUpsert.CODE
    body = models.TeamCreate(code="FR", name="France")
    created = create_team.sync_detailed(client=client, body=body, upsert=key)
    body.name = "La France"
    changed = create_team.sync_detailed(client=client, body=body, upsert=key)
    assert (created.status_code, changed.status_code) == (201, 200)
    team = success(changed.parsed).data
    assert (team.name, team.version) == ("La France", 2)

    file = File(payload=BytesIO(b"name\nred\nblue\n"))
    report = success(import_tags.sync(client=client, body=file)).data
    assert (report.rows, report.created) == (2, 2)
    green = success(create_tag.sync(client=client, body=models.TagCreate(name="green"))).data
    people = success(list_directory.sync(client=client)).data
    ann = next(each for each in people if each.name == "Ann")

    body_of_task = models.TaskCreate(
        title="Paint",
        team=team.id,
        assignee=given(ann.id),
        tags=[green.id],
        states=[models.TaskCreateStatesType0Item.URGENT],
        due=date(2026, 1, 31),
        starts="09:30",
        price="12.50",
        hours=3,
    )
    task = success(create_task.sync(client=client, body=body_of_task)).data
    assert (task.number, task.starts, task.cost, task.tags) == (1, "09:30:00", "37.50", [green.id])
    success(create_task.sync(client=client, body=models.TaskCreate(title="Rest", team=team.id)))
    return team, task


def ask(client: AuthenticatedClient, team: models.Team, task: models.Task) -> None:
    """List, expand and aggregate."""
    tagged = models.TaskWhereTags(some=models.TagWhere(name="GREEN"))
    where = models.TaskWhere(
        any_=[models.TaskWhere(hours=models.IntegerOperators(gte=100)), models.TaskWhere(tags=tagged)],
        team_code="FR",
        number=models.SequenceOperators(lt=10),
        states=models.ListOperators(has="urgent"),
    )
    found = success(list_tasks.sync(client=client, where=json.dumps(where.to_dict()), expand=["tags", "assignee"]))
    (only,) = found.data
    related = given(only.expand)
    assert (only.title, [tag.name for tag in given(related.tags)]) == ("Paint", ["green"])
    assert given(related.assignee).name == "Ann"

    declared = success(list_tasks.sync(client=client, team_code="FR", sort=[models.ListTasksSortItem.NUMBER_DESC]))
    assert ([each.title for each in declared.data], declared.data[0].due) == (["Rest", "Paint"], None)
    assert declared.meta.total == 2
    # The client cannot read a record that lacks fields, so this asks without it.
    narrow = client.get_httpx_client().get("/api/v1/tasks", params={"fields": "title", "sort": "-number"})
    assert narrow.json()["data"] == [{"title": "Rest"}, {"title": "Paint"}]
    refused = list_tasks.sync(client=client, where='{"secret": "x"}')
    assert isinstance(refused, models.Failure)
    assert refused.error.code == models.ErrorDetailCode.VALIDATION_ERROR

    options = {"expand.tasks.sort": "-number", "expand.tasks.per_page": "1", "expand.tasks.where": '{"hours": 3}'}
    expanded = models.GetTeamExpandPathOption.from_dict(options)
    read = success(get_team.sync(team.id, client=client, expand=["tasks"], expand_path_option=expanded)).data
    assert [each.title for each in given(given(read.expand).tasks).data] == ["Paint"]

    for bound, count in (("37.50", 1), ("37.51", 0)):
        groups = success(
            aggregate_tasks.sync(
                client=client,
                group_by=[models.AggregateTasksGroupByItem.TEAM_CODE, models.AggregateTasksGroupByItem.DUE_MONTH],
                sum_=[models.AggregateTasksSumItem.COST],
                sort=["-sum.cost"],
                having=models.AggregateTasksHaving.from_dict({"sum.cost__gte": bound, "count__eq": "1"}),
            )
        )
        assert len(groups.data) == count
        assert [given(group.sum_).cost for group in groups.data] == ["37.50"] * count
        assert [(group.team_code, group.duemonth) for group in groups.data] == [("FR", date(2026, 1, 1))] * count


def change(client: AuthenticatedClient, task: models.Task) -> None:
    """Change a list of references in both ways, and delete the record."""
    (green,) = task.tags
    red = success(create_tag.sync(client=client, body=models.TagCreate(name="crimson"))).data.id
    body = models.TaskUpdate(tags=[red, green], price=None)
    patched = success(update_task.sync(task.id, client=client, body=body, if_match='"1"')).data
    assert (patched.tags, patched.cost, patched.version) == ([red, green], None, 2)
    body = models.TaskUpdate(tags=models.TaskUpdateTagsType1(add=[green], remove=[red]))
    assert success(update_task.sync(task.id, client=client, body=body)).data.tags == [green]
    assert success(delete_task.sync(task.id, client=client, if_match='"3"')).success
    gone = get_task.sync(task.id, client=client)
    assert isinstance(gone, models.Failure)
    assert gone.error.code == models.ErrorDetailCode.NOT_FOUND
