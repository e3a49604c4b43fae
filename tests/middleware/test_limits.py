"""Limits: strict ones on the calls of signing in, a wide one on everything."""

from dataclasses import replace

import pytest

from backend import create_app
from backend.middleware.limits import limits
from backend.models.database import database
from tests.conftest import PASSWORD, Person
from tests.helpers import assert_failure, refresh

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def limited(settings):
    """A function that returns an app with these limits; its counts are kept in the test's own folder."""

    def make(**limits):
        return create_app(replace(settings, **limits))

    yield make
    database.close_all()


@pytest.fixture
def strict(limited):
    """An app that takes three sign-in calls an hour."""
    return limited(rate_limit_auth="3/hour")


class Visitor(Person):
    """Somebody who is not signed in, calling from an address of their own."""

    def __init__(self, app, address):
        super().__init__(app)
        self.client.environ_base["REMOTE_ADDR"] = address


def login(person, email="alice@example.com", password="wrong horse", **options):
    return person.post("/auth/login", json={"email": email, "password": password}, **options)


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_too_many_guesses_are_refused_with_retry_after(strict):
    visitor = Person(strict)
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 401]
    refused = login(visitor)
    assert_failure(refused, 429, "RATE_LIMITED")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600


def test_beyond_the_limit_the_right_password_is_refused_too(strict):
    visitor = Person(strict)
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 401]
    assert login(visitor, password=PASSWORD).status_code == 429


def test_only_refusals_have_retry_after(strict):
    assert "Retry-After" not in login(Person(strict), password=PASSWORD).headers


def test_every_limit_of_the_setting_holds(limited):
    visitor = Person(limited(rate_limit_auth="100/second; 2/hour"))
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 429]
    assert int(login(visitor).headers["Retry-After"]) > 60


def test_flask_has_no_hooks_that_each_request_would_pass(strict):
    assert not strict.before_request_funcs
    assert not strict.after_request_funcs
    assert not strict.teardown_request_funcs


def test_the_setting_off_removes_the_limit(limited):
    visitor = Person(limited(rate_limit="off", rate_limit_auth="off"))
    assert statuses(login(visitor) for _ in range(30)) == [401] * 30


def test_one_address_does_not_guess_at_many_accounts(strict):
    visitor = Visitor(strict, "203.0.113.9")
    assert statuses(login(visitor, f"person{number}@example.com") for number in range(4)) == [401, 401, 401, 429]
    assert login(Visitor(strict, "203.0.113.10"), "person@example.com").status_code == 401


def test_many_addresses_do_not_guess_at_one_account(strict):
    visitors = [Visitor(strict, f"203.0.113.{number}") for number in range(4)]
    assert statuses(login(visitor) for visitor in visitors) == [401, 401, 401, 429]
    assert login(visitors[0], "bob@example.com").status_code == 401


def test_one_ipv6_line_does_not_get_a_fresh_count_for_each_of_its_addresses(strict):
    visitors = [Visitor(strict, f"2001:db8::{number}:1") for number in range(4)]
    calls = [login(visitor, f"person{number}@example.com") for number, visitor in enumerate(visitors)]
    assert statuses(calls) == [401, 401, 401, 429]
    assert login(Visitor(strict, "2001:db8:0:1::1"), "bob@example.com").status_code == 401


def test_a_forged_forwarded_header_does_not_get_a_fresh_count(strict):
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP")
    calls = [login(Person(strict), f"a{n}@example.com", headers={name: f"1.2.3.{n}"}) for n, name in enumerate(names)]
    assert statuses(calls) == [401, 401, 401, 429]


def test_a_forged_hop_before_the_proxy_does_not_get_a_fresh_count(limited):
    app = limited(rate_limit_auth="3/hour", trusted_proxies="10.0.0.1")
    proxy = Visitor(app, "10.0.0.1")
    chains = [{"X-Forwarded-For": f"1.2.3.{number}, 203.0.113.9"} for number in range(4)]
    calls = [login(proxy, f"a{number}@example.com", headers=chain) for number, chain in enumerate(chains)]
    assert statuses(calls) == [401, 401, 401, 429]


def test_letter_case_of_the_address_does_not_get_a_fresh_count(strict):
    emails = ["alice@example.com", "ALICE@example.com", "Alice@Example.Com", "alicE@EXAMPLE.COM"]
    calls = [login(Visitor(strict, f"203.0.113.{number}"), email) for number, email in enumerate(emails)]
    assert statuses(calls) == [401, 401, 401, 429]


def test_another_form_of_the_same_address_does_not_get_a_fresh_count(strict):
    emails = ["zoë@bücher.example", "zoe\u0308@bücher.example", "zoë@xn--bcher-kva.example", "ZOË@BÜCHER.example"]
    calls = [login(Visitor(strict, f"203.0.113.{number}"), email) for number, email in enumerate(emails)]
    assert statuses(calls) == [401, 401, 401, 429]


def test_another_way_to_write_the_path_does_not_get_a_fresh_count(strict):
    visitor = Person(strict)
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 401]
    paths = ["/auth/login/", "/auth//login", "//auth/login", "/auth/./login", "/AUTH/login", "/auth/login?a=1"]
    body = {"email": "alice@example.com", "password": PASSWORD}
    answers = [visitor.post(path, json=body) for path in [*paths, "/auth/%6Cogin"]]
    assert statuses(answers) == [404, 404, 404, 404, 404, 422, 429]


def test_login_registration_and_failed_refreshes_share_the_count_of_an_address(strict):
    visitor = Person(strict)
    assert login(visitor).status_code == 401
    new = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
    assert visitor.post("/auth/register", json=new).status_code == 201
    assert refresh(visitor, "made.up.token").status_code == 401
    assert refresh(visitor, "made.up.token").status_code == 429
    assert login(visitor, "bob@example.com").status_code == 429
    assert visitor.post("/auth/register", json=new | {"email": "dora@example.com"}).status_code == 429


def test_a_refresh_token_used_twice_counts_as_a_failure(strict):
    visitor = Visitor(strict, "203.0.113.9")
    token = Person(strict, "alice").sign_in()["refresh_token"]
    for _ in range(2):
        following = refresh(visitor, token).json["data"]["refresh_token"]  # the second within seconds: a race
    assert refresh(visitor, following).status_code == 200
    for number in range(3):
        ended = Person(strict, "bob").client  # a session that is over
        ended.environ_base["REMOTE_ADDR"] = f"203.0.113.{number + 20}"
        tokens = ended.post("/api/v1/auth/login", json={"email": "bob@example.com", "password": PASSWORD}).json["data"]
        ended.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert refresh(visitor, tokens["refresh_token"]).status_code == 401
    assert login(visitor, "carol@example.com").status_code == 429


def test_a_call_without_a_token_uses_nothing_up(strict):
    """A page asks for a refresh when it is opened, also by people who are not signed in."""
    visitor = Person(strict)
    assert statuses(visitor.post("/auth/refresh") for _ in range(5)) == [401] * 5
    assert login(visitor).status_code == 401


def test_a_refusal_says_what_there_were_too_many_of(strict):
    def refusal_of(answer):
        message = answer.json["error"]["message"]
        seconds = answer.headers["Retry-After"]
        assert (answer.status_code, f" {seconds} second" in message) == (429, True), message
        return message.partition(";")[0]

    visitor, alice = Visitor(strict, "203.0.113.9"), Visitor(strict, "203.0.113.8")
    token = login(alice, password=PASSWORD).json["data"]["refresh_token"]
    for number in range(3):
        login(visitor, f"person{number}@example.com")
        login(Visitor(strict, f"203.0.113.{number + 20}"))
        token = refresh(alice, token).json["data"]["refresh_token"]
    assert refusal_of(login(visitor, "person@example.com")) == "Too many sign-ins from this address"
    assert refusal_of(refresh(visitor, "made.up.token")) == "Too many sign-ins from this address"
    assert refusal_of(login(Visitor(strict, "203.0.113.30"))) == "Too many sign-ins for this account"
    assert refusal_of(refresh(alice, token)) == "Too many calls in this session"


def test_a_refused_registration_makes_no_account(strict):
    visitor = Person(strict)
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 401]
    new = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
    assert visitor.post("/auth/register", json=new).status_code == 429
    assert login(Visitor(strict, "203.0.113.9"), "carol@example.com", PASSWORD).status_code == 401


def test_a_refused_refresh_leaves_the_token_valid(strict):
    visitor = Person(strict)
    token = login(visitor, password=PASSWORD).json["data"]["refresh_token"]
    for _ in range(3):
        token = refresh(visitor, token).json["data"]["refresh_token"]
    assert refresh(visitor, token).status_code == 429
    limits._refused_until.clear()
    limits._limiter.reset()
    assert refresh(visitor, token).status_code == 200


def test_one_session_is_not_refreshed_without_end(strict):
    token = Person(strict, "alice").sign_in()["refresh_token"]
    answers = []
    for number in range(4):
        answers.append(refresh(Visitor(strict, f"203.0.113.{number}"), token))
        token = answers[-1].json.get("data", {}).get("refresh_token")
    assert statuses(answers) == [200, 200, 200, 429]


def test_guesses_at_an_account_do_not_end_its_sessions(strict):
    alice, visitor = Person(strict, "alice"), Person(strict)
    token = login(visitor, password=PASSWORD).json["data"]["refresh_token"]
    assert alice.get("/auth/me").status_code == 200
    assert statuses(login(Visitor(strict, f"203.0.113.{number}")) for number in range(4)) == [401, 401, 401, 429]
    assert alice.get("/auth/me").status_code == 200
    assert refresh(visitor, token).status_code == 200


def test_a_change_of_definitions_does_not_give_a_fresh_count(strict):
    visitor, admin = Visitor(strict, "203.0.113.9"), Person(strict, "admin")
    assert statuses(login(visitor) for _ in range(3)) == [401, 401, 401]
    admin.declare("notes", {"title": {"type": "string"}})
    assert login(visitor).status_code == 429


def test_a_restart_does_not_give_a_fresh_count(limited):
    assert statuses(login(Person(limited(rate_limit_auth="3/hour"))) for _ in range(4)) == [401, 401, 401, 429]


def test_a_signed_in_user_has_one_count_wherever_they_are(limited):
    app = limited(rate_limit="5/minute")
    alice, elsewhere = Person(app, "alice"), Visitor(app, "203.0.113.9")
    token = {"Authorization": f"Bearer {alice.token}"}
    answers = [each.get("/auth/me", headers=token) for each in (alice, elsewhere, alice, elsewhere, alice, elsewhere)]
    assert statuses(answers) == [200] * 5 + [429]
    assert_failure(answers[-1], 429, "RATE_LIMITED")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600


def test_another_token_does_not_get_a_fresh_count(limited):
    app = limited(rate_limit="5/minute")
    tokens = [Visitor(app, f"203.0.113.{number}") for number in range(6)]
    answers = []
    for visitor in tokens:
        token = login(visitor, password=PASSWORD).json["data"]["access_token"]
        answers.append(visitor.get("/auth/me", headers={"Authorization": f"Bearer {token}"}))
    assert statuses(answers) == [200] * 5 + [429]


def test_api_keys_share_the_count_of_their_user(limited):
    app = limited(rate_limit="8/minute")
    admin = Person(app, "admin")
    keys = [admin.post("/api-keys", json={"name": "N", "roles": ["admin"]}).json["data"]["secret"] for _ in range(3)]
    visitor = Visitor(app, "203.0.113.9")
    answers = [visitor.get("/users", headers={"Authorization": f"Bearer {keys[n % 3]}"}) for n in range(6)]
    assert statuses(answers) == [200] * 5 + [429]
    assert answers[-1].json["error"]["message"].startswith("Too many requests; try again in ")
    assert admin.get("/users").status_code == 429
    assert Person(app, "alice").get("/auth/me").status_code == 200


def test_users_at_one_address_have_a_count_each(limited):
    app = limited(rate_limit="5/minute")
    alice, bob = Person(app, "alice"), Person(app, "bob")
    assert statuses(alice.get("/auth/me") for _ in range(6)) == [200] * 5 + [429]
    assert bob.get("/auth/me").status_code == 200


def test_an_invalid_token_does_not_get_a_fresh_count(limited):
    visitor = Person(limited(rate_limit="3/hour"))
    answers = [visitor.get("/auth/me", headers={"Authorization": f"Bearer made.up.{n}"}) for n in range(4)]
    assert statuses(answers) == [401, 401, 401, 429]


def test_unknown_paths_count_too(limited):
    visitor = Person(limited(rate_limit="3/hour"))
    assert statuses(visitor.get(f"/nope/{number}") for number in range(4)) == [404, 404, 404, 429]


def test_health_checks_are_not_limited_and_options_requests_are(limited):
    visitor = Person(limited(rate_limit="1/minute"))
    for path in ("/health/live", "//health/live"):
        path_info = {"environ_overrides": {"PATH_INFO": path}}
        assert statuses(visitor.get("http://localhost", **path_info) for _ in range(5)) == [200] * 5
    assert statuses(visitor.send("OPTIONS", "/auth/login") for _ in range(2)) == [200, 429]
    assert visitor.get("http://localhost/").status_code == 429


def test_files_of_the_admin_page_count_for_the_address(limited):
    app = limited(rate_limit="4/minute")  # also counts the sign-ins
    visitors = [Person(app, "alice"), Person(app, "bob"), Person(app)]
    assert statuses(each.get("http://localhost/assets/any/none.js") for each in visitors) == [404, 404, 429]
    assert visitors[0].get("/auth/me").status_code == 200


def test_a_wide_limit_counted_in_batches_holds_within_a_hundredth(limited):
    visitor = Person(limited(rate_limit="500/minute"))
    passed = statuses(visitor.get("http://localhost/") for _ in range(520)).count(200)
    assert 500 <= passed <= 505


def test_the_document_says_which_calls_are_limited(limited):
    paths = Person(limited()).get("http://localhost/openapi.json").json["paths"]
    for call in ("register", "login", "refresh"):
        assert "429" in paths[f"/api/v1/auth/{call}"]["post"]["responses"]
