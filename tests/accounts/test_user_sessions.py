"""`/users/<id>/sessions`: the sessions of other users, for those who manage users."""

from tests.conftest import PASSWORD
from tests.helpers import assert_failure, bearer


def sign_in(person):
    """Return the header of a new session."""
    data = {"email": person.email, "password": PASSWORD}
    answer = person.client.post("/api/v1/auth/login", json=data, headers={"User-Agent": "curl/8.5.0"})
    return bearer(answer.json["data"]["access_token"])


def is_valid(person, headers):
    return person.client.get("/api/v1/auth/me", headers=headers).status_code == 200


def test_an_admin_lists_and_ends_the_sessions_of_a_user(admin, alice, bob):
    user_id = alice.id
    path = f"/users/{user_id}/sessions"
    first, second, others = sign_in(alice), sign_in(alice), sign_in(bob)
    found = admin.get(path).json["data"]
    assert [each["device"] for each in found][:2] == ["curl", "curl"]
    assert found[0]["created_at"] >= found[1]["created_at"]
    assert found[0].keys() == {*("id", "device", "user_agent", "address", "created_at", "last_used_at", "expires_at")}
    assert admin.delete(f"{path}/{found[0]['id']}").status_code == 200
    assert (is_valid(alice, first), is_valid(alice, second)) == (True, False)
    assert_failure(admin.delete(f"{path}/{found[0]['id']}"), 404, "NOT_FOUND")  # it has ended
    theirs = admin.get(f"/users/{bob.id}/sessions").json["data"][0]["id"]
    assert admin.delete(f"{path}/{theirs}").status_code == 404  # not a session of alice
    assert admin.delete(path).status_code == 200
    assert admin.get(path).json["data"] == []
    assert (is_valid(alice, first), is_valid(bob, others)) == (False, True)
    assert admin.get(f"/users/{user_id[:-4]}ffff/sessions").status_code == 404
    entries = admin.get("/audit?action__startswith=session.end").json["data"]
    assert [(each["action"], each["target_id"]) for each in entries] == [
        ("session.end_all", user_id),
        ("session.end", found[0]["id"]),
    ]
    assert (entries[0]["details"]["sessions"], entries[1]["details"]["user"]) == (len(found) - 1, user_id)


def test_sessions_of_users_with_more_roles_are_out_of_reach(admin, alice, bob, edith):
    admin.post("/roles", json={"name": "helper", "permissions": ["users:read", "users:write"]})
    admin.patch(f"/users/{bob.id}", json={"roles": ["member", "helper"]})
    hers = sign_in(edith)
    session = admin.get(f"/users/{edith.id}/sessions").json["data"][0]["id"]
    for user_id in (edith.id, admin.id):
        path = f"/users/{user_id}/sessions"
        for answer in (bob.get(path), bob.delete(path), bob.delete(f"{path}/{session}")):
            assert_failure(answer, 403, "FORBIDDEN")
    assert is_valid(edith, hers)
    sign_in(alice)
    assert len(bob.get(f"/users/{alice.id}/sessions").json["data"]) >= 1
    assert alice.get(f"/users/{bob.id}/sessions").status_code == 403
