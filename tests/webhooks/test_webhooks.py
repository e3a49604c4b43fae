"""`/webhooks`: creating, changing and deleting them."""

import dataclasses

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.delivery import DELIVERED, Delivery
from backend.models.webhook import GONE, Webhook
from backend.services.webhooks import webhooks
from backend.services.webhooks.makers import find_actor
from backend.services.webhooks.secrets import webhook_secrets
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, PASSWORD, Person
from tests.helpers import UNKNOWN_ID, assert_failure, details_of

URL = "https://hooks.example.com/t/abc?key=1"
FORM = [
    *("actions", "active", "created_at", "created_by", "id", "last_delivery", "name", "off_reason", "previous_until"),
    *("resources", "roles", "updated_at", "url", "version", "waiting", "with_data"),
]
TITLE = {"title": {"type": "string"}}
WRONG_VALUES = [
    ({"name": ""}, {"name"}),
    ({"name": "x" * 101}, {"name"}),
    ({"url": "http://example.com/hook"}, {"url"}),
    ({"url": "https://127.0.0.1/hook"}, {"url"}),
    ({"url": "https://me:secret@example.com/"}, {"url"}),
    ({"url": f"https://example.com/{'x' * 2000}"}, {"url"}),
    ({"url": "ftp://example.com", "resources": ["nothing"]}, {"url", "resources"}),
    ({"resources": []}, {"resources"}),
    ({"resources": "notes"}, {"resources"}),
    ({"resources": ["notes", "quiet"]}, {"resources"}),
    ({"resources": ["users"]}, {"resources"}),
    ({"actions": []}, {"actions"}),
    ({"actions": ["read"]}, {"actions"}),
    ({"roles": []}, {"roles"}),
    ({"roles": ["nobody"]}, {"roles"}),
    ({"roles": ["member"]}, {"roles"}),
    ({"with_data": "yes"}, {"with_data"}),
    ({"active": 1}, {"active"}),
    ({"secret": "whsec_mine"}, {"secret"}),
    ({"version": 7}, {"version"}),
]


@pytest.fixture
def maker(app, admin):
    """A user with the roles editor and sender; sender permits webhooks. Editors list notes, nobody lists secrets."""
    admin.post("/roles", json={"name": "sender", "permissions": ["webhooks:write", "audit:read"]})
    account = {"email": "maker@example.com", "name": "M", "password": PASSWORD, "roles": ["sender", "editor"]}
    assert admin.post("/users", json=account).status_code == 201
    admin.declare("notes", TITLE, feed=True, access={"list": ["editor"], "create": ["member"]})
    admin.declare("secrets", TITLE, feed=True, access={"create": ["member"]})
    admin.declare("quiet", TITLE, access={"list": ["editor"]})
    return Person(app, "maker")


def declared(**values):
    return {"name": "Shop", "url": URL, "resources": ["notes"], "roles": ["editor"]} | values


def make_webhook(person, **values):
    answer = person.post("/webhooks", json=declared(**values))
    assert answer.status_code == 201, answer.json
    made = answer.json["data"]
    assert person.get_made(answer) == {name: made[name] for name in made if name != "secret"}
    return made


def audited(admin, made):
    """Return the actions and details of the audit trail about a webhook, the first one first."""
    entries = admin.get(f"/audit?target_id={made['id']}&sort=id").json["data"]
    return [(entry["action"], entry["details"]) for entry in entries]


def test_a_webhook_is_made_and_its_secret_shown_once_and_stored_encrypted(admin, maker):
    made = make_webhook(maker)
    secret = made.pop("secret")
    assert sorted(made) == FORM
    assert made | {"created_by": maker.id, "url": URL, "version": 1} == made
    assert (made["actions"], made["with_data"], made["active"]) == (["create", "delete", "update"], False, True)
    assert (made["off_reason"], made["waiting"], made["last_delivery"], made["previous_until"]) == (None, 0, None, None)
    assert maker.get("/webhooks").json["data"] == [made]
    assert secret.startswith("whsec_")
    with database.connection_context():
        stored = Webhook.get_by_id(made["id"])
        assert secret[6:] not in stored.secret
        assert webhook_secrets.unseal(stored.secret) == secret
    details = {"name": "Shop", "roles": ["editor"], "resources": ["notes"], "active": True, "with_data": False}
    expected = details | {"actions": made["actions"], "host": "hooks.example.com"}
    assert audited(admin, made) == [("webhook.create", expected)]


@ON_SQLITE
def test_refuses_wrong_values_and_changes_nothing(maker):
    for values, to_blame in WRONG_VALUES:
        answer = maker.post("/webhooks", json=declared(**values))
        assert (answer.status_code, set(details_of(answer)["json"])) == (422, to_blame), values
    assert maker.get("/webhooks").json["data"] == []
    made = make_webhook(maker)
    del made["secret"]
    for values, to_blame in WRONG_VALUES:
        answer = maker.patch(f"/webhooks/{made['id']}", json=values)
        assert (answer.status_code, set(details_of(answer)["json"])) == (422, to_blame), values
    assert maker.get(f"/webhooks/{made['id']}").json["data"] == made
    missing = maker.post("/webhooks", json={})
    assert set(details_of(missing)["json"]) == {"name", "url", "resources", "roles"}


@ON_SQLITE
def test_what_one_may_not_list_is_refused_like_what_does_not_exist(maker):
    for name in ("secrets", "nothing"):
        answer = maker.post("/webhooks", json=declared(resources=[name]))
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert details_of(answer) == {"json": {"resources": [f"You may list no resource {name}."]}}
    text = details_of(maker.post("/webhooks", json=declared(resources=["quiet"])))["json"]["resources"]
    assert text == ["No feed, because the definition lacks `feed: true`: quiet."]
    text = details_of(maker.post("/webhooks", json=declared(roles=["sender"])))["json"]["roles"]
    assert text == ["The roles of the webhook may not list notes."]


@ON_SQLITE
def test_an_own_network_may_be_called_without_encryption(settings):
    app = create_app(dataclasses.replace(settings, webhook_networks="127.0.0.0/8"))
    admin = Person(app, "admin")
    admin.declare("notes", TITLE, feed=True)
    assert make_webhook(admin, url="http://127.0.0.1:9/hook", roles=["admin"])["url"] == "http://127.0.0.1:9/hook"
    refused = admin.post("/webhooks", json=declared(url="http://10.0.0.1/hook", roles=["admin"]))
    assert list(details_of(refused)["json"]) == ["url"]


@ON_SQLITE
def test_nobody_gives_roles_that_they_lack(admin, maker):
    for role in ("admin", "auditor"):
        admin.post("/roles", json={"name": "auditor"})
        assert maker.post("/webhooks", json=declared(roles=["editor", role])).status_code == 403
    made = make_webhook(maker)
    path = f"/webhooks/{made['id']}"
    assert maker.patch(path, json={"roles": ["admin"]}).status_code == 403
    lacking = admin.patch(path, json={"roles": ["admin"]})  # an admin may, but it would mean nothing
    assert details_of(lacking)["json"] == {"roles": ["The maker of the webhook does not have admin."]}
    admin.patch(f"/users/{maker.id}", json={"roles": ["sender"]})
    assert maker.patch(path, json={"roles": ["editor"]}).status_code == 403
    assert maker.patch(path, json={"name": "Still"}).json["data"]["roles"] == ["editor"]


def test_a_webhook_acts_with_roles_that_its_maker_has_now(admin, maker):
    made = make_webhook(maker, roles=["editor", "member"])

    def roles():
        with database.connection_context():
            actor = find_actor(Webhook.get_by_id(made["id"]))
        return actor and sorted(actor.roles)

    assert roles() == ["editor", "member"]
    maker_path = f"/users/{maker.id}"
    admin.patch(maker_path, json={"roles": ["sender"]})
    assert roles() == ["member"]
    admin.patch(maker_path, json={"roles": ["admin"]})
    assert roles() == ["editor", "member"]
    admin.patch(maker_path, json={"active": False})
    assert roles() is None
    assert admin.get(f"/webhooks/{made['id']}").json["data"]["off_reason"] == "maker_inactive"
    assert admin.post(f"/webhooks/{made['id']}/test").status_code == 409
    admin.delete(maker_path)
    shown = admin.get(f"/webhooks/{made['id']}").json["data"]
    assert (roles(), shown["created_by"], shown["off_reason"]) == (None, None, "maker_inactive")
    path = f"/webhooks/{made['id']}"
    assert admin.patch(path, json={"roles": ["editor"]}).status_code == 422
    assert admin.patch(path, json={"active": False}).status_code == 200
    assert admin.delete(path).status_code == 200


def test_others_see_nothing_of_it_and_admins_everything(admin, maker, app):
    made = make_webhook(maker)
    account = {"email": "other@example.com", "name": "O", "password": PASSWORD, "roles": ["sender"]}
    admin.post("/users", json=account)
    other, path = Person(app, "other"), f"/webhooks/{made['id']}"
    assert other.get("/webhooks").json["data"] == []
    test_id = maker.post(f"{path}/test").json["data"]["id"]
    requests = [
        *(("GET", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/secret"), ("POST", f"{path}/test")),
        *(("GET", f"{path}/deliveries"), ("GET", f"{path}/deliveries/{test_id}"), ("POST", f"{path}/replay")),
        ("POST", f"{path}/deliveries/{test_id}/redelivery"),
    ]
    for method, url in requests:
        body = {"json": {"after": "x"} if url.endswith("replay") else {}} if method in ("PATCH", "POST") else {}
        unknown = other.send(method, url.replace(made["id"], UNKNOWN_ID), **body)
        refused = other.send(method, url, **body)
        assert (refused.status_code, refused.json["error"]) == (404, unknown.json["error"]), url
    assert [each["id"] for each in admin.get("/webhooks").json["data"]] == [made["id"]]
    assert admin.patch(path, json={"name": "Ours"}).json["data"]["name"] == "Ours"
    assert admin.delete(path).status_code == 200
    assert maker.get("/webhooks").json["data"] == []


def test_a_key_sees_only_webhooks_whose_roles_it_has(app, admin, maker):
    made = make_webhook(maker)
    path = f"/api/v1/webhooks/{made['id']}"
    assert admin.post("/roles", json={"name": "programmer", "permissions": ["api_keys:write"]}).status_code == 201
    roles = {"roles": ["sender", "editor", "programmer"]}
    assert admin.patch(f"/users/{made['created_by']}", json=roles).status_code == 200
    for roles, listed, found in ((["sender"], [], 404), (["sender", "editor"], [made["id"]], 200)):
        answer = maker.post("/api-keys", json={"name": "K", "roles": roles})
        assert answer.status_code == 201, answer.json
        client, headers = app.test_client(), {"Authorization": f"Bearer {answer.json['data']['secret']}"}
        assert [each["id"] for each in client.get("/api/v1/webhooks", headers=headers).json["data"]] == listed
        for method, url in (("GET", path), ("GET", f"{path}/deliveries"), ("DELETE", path)):
            assert client.open(url, method=method, headers=headers).status_code == found, (roles, method, url)


def test_changes_are_made_with_versions(admin, maker):
    made = make_webhook(maker)
    path = f"/webhooks/{made['id']}"
    assert maker.get(path).headers["ETag"] == '"1"'
    changed = maker.patch(path, json={"name": "Store", "actions": ["update", "update"]}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    data = changed.json["data"]
    assert (data["name"], data["actions"], data["url"], data["version"]) == ("Store", ["update"], URL, 2)
    assert data["updated_at"] > made["updated_at"]
    for refused in (
        maker.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'}),
        maker.delete(path, headers={"If-Match": '"1"'}),
    ):
        assert (refused.status_code, refused.json["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert maker.get(path).json["data"] == data
    assert maker.delete(path, headers={"If-Match": '"2"'}).status_code == 200
    assert maker.get(path).status_code == 404
    assert [action for action, _ in audited(admin, made)] == ["webhook.create", "webhook.update", "webhook.delete"]
    assert audited(admin, made)[1][1] == {"name": "Store", "actions": ["update"]}


def test_a_new_secret_leaves_the_previous_one_for_a_day(admin, maker):
    made = make_webhook(maker)
    renewed = maker.post(f"/webhooks/{made['id']}/secret")
    assert (renewed.status_code, renewed.headers["ETag"]) == (201, '"2"')
    data = renewed.json["data"]
    assert data["secret"] not in (None, made["secret"])
    assert data["previous_until"] > data["updated_at"]
    with database.connection_context():
        stored = Webhook.get_by_id(made["id"])
    assert webhook_secrets.unseal(stored.secret) == data["secret"]
    assert webhook_secrets.unseal(stored.previous_secret) == made["secret"]
    assert 23.9 < (stored.previous_until - utcnow()).total_seconds() / 3600 <= 24
    assert audited(admin, made)[-1] == ("webhook.rotate_secret", {"name": "Shop"})


def test_switched_on_again_it_forgets_why_it_was_off(admin, maker):
    made = make_webhook(maker)
    path = f"/webhooks/{made['id']}"
    with database.connection_context(), database.atomic():
        assert [each.name for each in Webhook.switch_off(Webhook.id == made["id"], GONE)] == ["Shop"]
        assert Webhook.switch_off(Webhook.id == made["id"], GONE) == []
    off = maker.get(path).json["data"]
    assert (off["active"], off["off_reason"], off["version"]) == (False, "gone", 2)
    assert maker.patch(path, json={"name": "Store"}).json["data"]["off_reason"] == "gone"
    on = maker.patch(path, json={"active": True}).json["data"]
    assert (on["active"], on["off_reason"]) == (True, None)
    admin.patch(f"/users/{maker.id}", json={"password": "battery correct horse"})  # an attacker may have made it
    off = admin.get(path).json["data"]
    assert (off["active"], off["off_reason"]) == (False, "password_set")
    assert audited(admin, made)[-1] == ("webhook.switch_off", {"name": "Store", "reason": "password_set"})


def test_webhooks_follow_new_names_of_resources_and_lose_those_without_a_feed(admin, maker):
    admin.declare("posts", TITLE, feed=True, access={"list": ["editor"]})
    made = make_webhook(maker, resources=["posts", "notes"])
    path = f"/webhooks/{made['id']}"
    assert made["resources"] == ["notes", "posts"]
    form = {"fields": TITLE, "feed": True, "access": {"list": ["editor"]}}
    assert admin.put("/resources/posts", json=form | {"name": "articles", "renamed_from": "posts"}).status_code == 200
    assert maker.get(path).json["data"]["resources"] == ["notes", "articles"]
    assert admin.delete("/resources/articles").status_code == 200
    shown = maker.get(path).json["data"]
    assert (shown["resources"], shown["off_reason"], shown["version"]) == (["notes"], None, 3)
    assert admin.put("/resources/notes", json=form | {"feed": False}).status_code == 200
    shown = maker.get(path).json["data"]
    assert (shown["resources"], shown["off_reason"]) == ([], "no_resources")
    assert maker.post(f"{path}/replay", json={"after": "x"}).status_code == 409
    admin.put("/resources/notes", json=form)
    admin.make("notes", title="of no interest")
    assert maker.patch(path, json={"resources": ["notes"]}).json["data"]["off_reason"] is None
    with database.connection_context():
        webhook = Webhook.get_by_id(made["id"])
    assert maker.get("/changes?resource=notes").json["data"] == []
    assert (webhook.transaction_id, webhook.sequence) > (0, 0)


def test_a_role_of_a_webhook_is_not_deleted(admin, maker):
    admin.post("/roles", json={"name": "reader"})
    admin.declare("posts", TITLE, feed=True, access={"list": ["public"]})
    made = make_webhook(admin, resources=["posts"], roles=["reader"])
    assert admin.delete("/roles/reader").status_code == 409
    admin.delete(f"/webhooks/{made['id']}")
    assert admin.delete("/roles/reader").status_code == 200


@ON_SQLITE
def test_there_are_no_more_than_some(admin, maker, monkeypatch):
    monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 2)
    make_webhook(maker)
    make_webhook(admin)
    refused = maker.post("/webhooks", json=declared())
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "CONFLICT")
    assert "delete one first" in refused.json["error"]["message"]


@ON_SQLITE
def test_an_api_key_makes_no_webhook_and_sees_no_secret(admin, maker):
    made = make_webhook(admin)
    key = admin.post("/api-keys", json={"name": "K", "roles": ["admin"]}).json["data"]["secret"]

    def ask(method, path, **options):
        headers = {"Authorization": f"Bearer {key}"}
        return admin.client.open(f"/api/v1/webhooks{path}", method=method, headers=headers, **options).status_code

    path = f"/{made['id']}"
    assert ask("POST", "", json=declared()) == 403
    assert ask("PATCH", path, json={"url": "https://evil.example.com"}) == 403
    assert ask("POST", f"{path}/secret") == 403
    assert (ask("GET", path), ask("POST", f"{path}/test"), ask("DELETE", path)) == (200, 202, 200)


def test_shows_what_waits_and_what_has_ended_last(maker):
    made, other = make_webhook(maker), make_webhook(maker)
    with database.connection_context():
        for webhook in (made, other):
            Delivery.create(webhook_id=webhook["id"], state=DELIVERED, attempts=1, status=200, ended_at=utcnow())
            last = Delivery.create(webhook_id=webhook["id"], state=DELIVERED, attempts=2, status=204, ended_at=utcnow())
        Delivery.create(webhook_id=made["id"], next_attempt_at=utcnow())
        Delivery.create(webhook_id=made["id"], next_attempt_at=utcnow())
    shown = maker.get("/webhooks").json["data"]
    assert [(each["id"], each["waiting"]) for each in shown] == [(other["id"], 0), (made["id"], 2)]
    assert shown[0]["last_delivery"]["id"] == last.id
    assert [each["last_delivery"]["status"] for each in shown] == [204, 204]
