"""`flask resources plan` shows what `flask resources apply` does."""

import pytest
import yaml

from tests.conftest import ON_SQLITE
from tests.helpers import stored_state

NOTES = {"fields": {"title": {"type": "string"}, "price": {"type": "integer"}}}
TEAMS = {"fields": {"team": {"type": "string"}}}
OF_TEAM = NOTES | {"access": {"list": [{"role": "member", "where": {"title": "$user.team"}}]}}
# What is applied to a database in use.
DOCUMENTS = {
    "nothing": {"resources": {}},
    "the same": {"roles": {"buyer": {}}, "users": TEAMS, "resources": {"notes": NOTES}},
    "a role that a grant needs": {
        "roles": {"cook": {}},
        "resources": {"notes": NOTES | {"access": {"list": ["cook"]}}},
    },
    "an unknown role": {"resources": {"notes": NOTES | {"access": {"list": ["cook"]}}}},
    "a wrong role": {"roles": {"cook": {"permissions": ["fly"]}}},
    "a role that is built in": {"roles": {"admin": {}}},
    "fields of users that a grant needs": {
        "users": {"fields": TEAMS["fields"] | {"size": {"type": "integer"}}},
        "resources": {"notes": NOTES | {"access": {"list": [{"role": "member", "where": {"price": "$user.size"}}]}}},
    },
    "a grant that needs a field of users": {"resources": {"notes": OF_TEAM}},
    "no fields of users": {"users": {"fields": {}}},
    "a field of users that is wrong": {"users": {"fields": {"id": {"type": "string"}}}},
    "an unknown setting of users": {"users": {"size": 7}},
    "a type that users do not fit": {"users": {"fields": {"team": {"type": "integer"}}}},
    "a field more": {"resources": {"notes": {"fields": NOTES["fields"] | {"body": {"type": "text"}}}}},
    "a field less": {"resources": {"notes": {"fields": {"title": {"type": "string"}}}}},
    "a resource dropped": {"resources": {"notes": None}},
    "a resource that was never there": {"resources": {"nothing": None}},
    "values that do not fit": {"resources": {"notes": {"fields": {"title": {"type": "string", "max_length": 1}}}}},
    "a reference to nothing": {"resources": {"marks": {"fields": {"note": {"type": "reference", "to": "x"}}}}},
    "a rename of nothing": {"resources": {"notes": {"fields": {"title": {"type": "string", "renamed_from": "x"}}}}},
    "another part": {"ressources": {}},
}


@pytest.fixture
def in_use(run, written, admin, bob):
    """A database with a role, a field of users, and values in it."""
    document = {"roles": {"buyer": {}}, "users": TEAMS, "resources": {"notes": NOTES}}
    assert run("resources", "apply", written(yaml.safe_dump(document)))[0] == 0
    admin.make("notes", title="Milk", price=1)
    assert admin.patch(f"/users/{bob.id}", json={"profile": {"team": "blue"}}).status_code == 200


@pytest.mark.parametrize("what", DOCUMENTS)
@ON_SQLITE
def test_a_plan_says_what_apply_does(run, written, in_use, what):
    path = written(yaml.safe_dump(DOCUMENTS[what]))
    before = run("resources", "export"), stored_state()
    planned, text = run("resources", "plan", path)
    assert (run("resources", "export"), stored_state()) == before
    confirm = ["--confirm", text.split()[-1]] if "--confirm" in text else []
    if confirm:
        assert run("resources", "apply", path)[0] == 1
    applied, outcome = run("resources", "apply", path, *confirm)
    assert applied == planned, (text, outcome)
    if planned:
        if "impossible" not in text:
            assert outcome == text
        assert (run("resources", "export"), stored_state()) == before
    else:
        changed = any(not line.startswith("unchanged") for line in outcome.splitlines())
        assert changed == (text != "There is nothing to do.\n"), (text, outcome)
        assert run("resources", "plan", path) == (0, "There is nothing to do.\n")
