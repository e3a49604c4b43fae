"""The board of the example for teams, in the windows of two people, on an origin of its own."""

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import check_accessible
from tests.browser.admin.keyboard import expect_focus, go_to
from tests.conftest import ON_SQLITE
from tests.parts.teams_board import Stage

MARKUP = "\"'><img src=x onerror=ran(1)><script>ran(2)</script>"
LOST = ("Failed to load resource: net::", "net::ERR_")  # what browsers say of a connection that ends
WORK = "Garden work"


@pytest.fixture
def make_stage(browser, database_url, tmp_path):
    """A function that returns a Stage whose server is running; the consoles of its windows must be empty at the end."""
    stages = []

    def make(**settings):
        stages.append(Stage(browser, tmp_path, database_url, **settings))
        stages[-1].start()
        return stages[-1]

    yield make
    for stage in stages:
        errors = [error for window in stage.windows for error in window.errors]
        stage.close()
        assert errors == []


@pytest.fixture
def stage(make_stage):
    """A Stage with a running server."""
    return make_stage()


def news(window):
    return window.page.locator("#news")


def test_people_see_at_once_what_others_do(stage):
    alice, bob = stage.open("alice"), stage.open("bob")
    alice.add("Dig a pond")
    bob.expect_tasks(Open=["Dig a pond", WORK])
    expect(news(bob)).to_have_text("Alice added “Dig a pond”")
    bob.press("Dig a pond", "Doing")
    alice.expect_tasks(Open=[WORK], Doing=["Dig a pond"])
    expect(news(alice)).to_have_text("Bob moved “Dig a pond” to doing")
    alice.edit("Dig a pond", Title="Dig two ponds", Due="2026-05-04", Assignee="Bob")
    alice.page.get_by_role("button", name="Save").click()
    bob.expect_tasks(Doing=["Dig two ponds"])
    expect(bob.column("Doing").locator(".card p")).to_have_text("Due 4 May 2026 Bob")
    expect(news(alice)).to_have_text("Bob moved “Dig a pond” to doing")  # no news of what she did herself


def test_tasks_that_leave_go_from_the_boards_of_others(stage):
    alice, bob = stage.open("alice"), stage.open("bob")
    for title in ("Sow", "Mow", "Rake"):
        alice.add(title)
    bob.expect_tasks(Open=[WORK, "Mow", "Rake", "Sow"])
    alice.page.on("dialog", lambda dialog: dialog.accept())
    alice.edit("Sow").get_by_role("button", name="Delete").click()
    bob.expect_tasks(Open=[WORK, "Mow", "Rake"])
    alice.edit("Mow", Project="Library: Library plan").get_by_role("button", name="Save").click()  # bob is not in it
    bob.expect_tasks(Open=[WORK, "Rake"])
    alice.expect_tasks(Open=[WORK, "Rake"])
    alice.project.select_option("Library: Library plan")
    alice.expect_tasks(Open=["Library work", "Mow"])


def test_projects_and_teams_come_and_go(stage):
    alice, bob = stage.caller("alice"), stage.open("bob")
    _, made = alice.call("POST", "/projects", {"team": stage.garden["teams"], "name": "Pond"})
    choices = bob.project.locator("option")
    expect(choices).to_have_text(["Garden: Garden plan", "Garden: Pond"])
    bob.edit(WORK, Project="Garden: Pond").get_by_role("button", name="Save").click()
    bob.expect_tasks(Open=[])
    bob.project.select_option("Garden: Pond")
    bob.expect_tasks(Open=[WORK])
    user = stage.caller("bob").call("GET", "/auth/me")[1]["data"]["id"]
    assert alice.call("POST", "/memberships", {"team": stage.library["teams"], "user": user})[0] == 201
    expect(choices).to_have_text(["Garden: Garden plan", "Garden: Pond", "Library: Library plan"])
    assert alice.call("DELETE", f"/projects/{made['data']['id']}")[0] == 200
    expect(choices).to_have_text(["Garden: Garden plan", "Library: Library plan"])
    bob.expect_tasks(Open=[])


def test_nothing_is_missed_while_the_server_is_away(stage):
    alice, task = stage.open("alice"), f"/tasks/{stage.garden['tasks']}"
    with stage.other() as address:
        bob = stage.caller("bob", address)
        gone = bob.call("POST", "/tasks", {"project": stage.garden["projects"], "title": "Gone"})[1]["data"]["id"]
        alice.expect_tasks(Open=[WORK, "Gone"])
        stage.kill()
        alice.expect_state("Not live")
        alice.add("Lost")
        expect(alice.page.get_by_role("alert")).to_have_text("The server cannot be reached. Try again later.")
        expect(alice.page.get_by_label("New task")).to_have_value("Lost")  # to add it later
        assert bob.call("PATCH", task, {"title": "Weed", "state": "done"})[0] == 200
        assert bob.call("DELETE", f"/tasks/{gone}")[0] == 200
        for title in ("Plant", "Water"):
            assert bob.call("POST", "/tasks", {"project": stage.garden["projects"], "title": title})[0] == 201
        stage.start()
        alice.expect_state("Live")
        alice.expect_tasks(Open=["Plant", "Water"], Doing=[], Done=["Weed"])
        expect(news(alice)).to_have_text("Bob added “Water”")  # from the stream, not only from a list
        streams = [each for each in alice.requests if "/changes/stream" in each.url and each.method == "GET"]
        assert streams[-1].headers["last-event-id"]
        assert "after=" not in streams[-1].url
    alice.forget_errors(*LOST)


def test_lists_again_when_the_cursor_has_expired(stage):
    alice, admin = stage.open("alice"), stage.caller("admin")
    definition = admin.call("GET", "/resources/tasks")[1]["data"]
    definition = {name: definition[name] for name in ("fields", "access", "filters", "search", "history")}
    for feed in (False, True):  # it begins anew
        status, answer = admin.call("PUT", "/resources/tasks", definition | {"feed": feed})
        assert status == 200, answer
    assert stage.caller("bob").call("PATCH", f"/tasks/{stage.garden['tasks']}", {"title": "Weed"})[0] == 200
    alice.expect_tasks(Open=["Weed"])
    alice.expect_state("Live")
    alice.forget_errors("status of 410", "status of 422")


def test_a_conflict_is_shown_and_overwrites_nothing(stage):
    alice, bob, path = stage.open("alice"), stage.caller("bob"), f"/tasks/{stage.garden['tasks']}"
    dialog = alice.edit(WORK, Title="Mine")
    assert bob.call("PATCH", path, {"title": MARKUP, "due": "2026-05-04", "state": "doing"})[0] == 200
    dialog.get_by_role("button", name="Save").click()
    box = dialog.get_by_role("alert")
    expect(box.get_by_role("listitem")).to_have_text([f"Title: {MARKUP}", "Due: 4 May 2026", "State: doing"])
    expect(dialog.get_by_label("Title")).to_have_value("Mine")
    expect(dialog.get_by_label("Due")).to_have_value("2026-05-04")  # alice has not changed it
    assert bob.call("GET", path)[1]["data"]["title"] == MARKUP
    check_accessible(alice.page)
    dialog.get_by_role("button", name="Take theirs").click()
    expect(dialog.get_by_label("Title")).to_have_value(MARKUP)
    dialog.get_by_label("Title").fill("Ours")
    dialog.get_by_role("button", name="Save").click()
    alice.expect_tasks(Doing=["Ours"])
    assert [bob.call("GET", path)[1]["data"][name] for name in ("title", "due")] == ["Ours", "2026-05-04"]
    dialog = alice.edit("Ours", Title="Late")
    assert bob.call("DELETE", path)[0] == 200
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody has deleted this task")
    dialog.get_by_role("button", name="Cancel").click()
    alice.expect_tasks(Open=[], Doing=[], Done=[])
    alice.forget_errors("status of 412", "status of 404")


@ON_SQLITE
def test_a_slow_list_does_not_bring_back_what_was_before(stage):
    alice, bob = stage.open("alice"), stage.caller("bob")
    project = {"team": stage.garden["teams"], "name": "Pond"}
    pond = bob.call("POST", "/projects", project)[1]["data"]["id"]
    dig, sow = (bob.call("POST", "/tasks", {"project": pond, "title": title})[1]["data"]["id"] for title in ("D", "S"))
    held = []
    alice.page.route(f"**/tasks?*project={pond}*", lambda route: held.append((route, route.fetch())))
    alice.project.select_option("Garden: Pond")
    while not held:
        alice.page.wait_for_timeout(50)
    assert bob.call("PATCH", f"/tasks/{dig}", {"title": "Dig"})[0] == 200
    assert bob.call("PATCH", f"/tasks/{sow}", {"project": stage.garden["projects"]})[0] == 200
    bob.call("POST", "/tasks", {"project": pond, "title": "Later"})
    alice.expect_tasks(Open=["Dig", "Later"])
    route, response = held[0]
    with alice.page.expect_event("requestfinished", lambda request: f"project={pond}" in request.url):
        route.fulfill(response=response)
    bob.call("POST", "/tasks", {"project": pond, "title": "Last"})
    alice.expect_tasks(Open=["Dig", "Last", "Later"])  # no later list corrects it: none is answered


@ON_SQLITE
def test_a_card_that_somebody_has_just_changed_is_not_moved(stage):
    alice, bob, path = stage.open("alice"), stage.caller("bob"), f"/tasks/{stage.garden['tasks']}"
    alice.page.route("**/tasks/*", lambda route: (bob.call("PATCH", path, {"title": "Weed"}), route.continue_()))
    alice.press(WORK, "Done")
    expect(alice.page.get_by_role("alert")).to_contain_text("Somebody has just changed “Garden work”")
    alice.expect_tasks(Open=["Weed"], Done=[])
    alice.forget_errors("status of 412")


def test_script_is_shown_as_text(stage):
    alice, bob = stage.open("alice"), stage.open("bob")
    assert stage.caller("bob").call("PATCH", "/auth/me", {"name": f"{MARKUP} bob"})[0] == 200
    stage.caller("alice").call("PATCH", f"/projects/{stage.garden['projects']}", {"name": f"{MARKUP} plan"})
    expect(alice.project.locator("option:checked")).to_have_text(f"Garden: {MARKUP} plan")
    bob.add(f"{MARKUP} title")
    alice.expect_tasks(Open=[f"{MARKUP} title", WORK])
    expect(news(alice)).to_have_text(f"{MARKUP} bob added “{MARKUP} title”")
    alice.edit(f"{MARKUP} title", Assignee=f"{MARKUP} bob").get_by_role("button", name="Save").click()
    expect(bob.page.get_by_text(f"{MARKUP} bob")).to_be_visible()
    for window in (alice, bob):
        expect(window.page.locator("img, script:not([src='board.js']), [onerror]")).to_have_count(0)


def test_the_keyboard_alone_is_enough(stage):
    window = stage.open("alice", viewport={"width": 360, "height": 740}, color_scheme="dark")
    page, press = window.page, window.page.keyboard.press
    window.project.focus()
    go_to(page, page.get_by_label("New task"))
    page.keyboard.type("Dig")
    press("Enter")
    window.expect_tasks(Open=["Dig", WORK])
    expect(page.get_by_label("New task")).to_be_focused()
    states = page.get_by_role("group", name="State of Dig")
    go_to(page, states.get_by_role("button", name="Done"))
    press("Enter")
    window.expect_tasks(Open=[WORK], Done=["Dig"])
    expect(states.get_by_role("button", name="Done", pressed=True)).to_be_focused()
    press("Tab")
    press("Enter")
    dialog = page.get_by_role("dialog")
    go_to(page, dialog.get_by_label("Title"))
    press("Control+A")
    page.keyboard.type("Dig deep")
    press("Enter")
    window.expect_tasks(Done=["Dig deep"])
    expect(page.get_by_role("button", name="Edit Dig deep")).to_be_focused()
    assert stage.caller("bob").call("DELETE", f"/tasks/{stage.garden['tasks']}")[0] == 200
    window.expect_tasks(Open=[])
    expect(page.get_by_role("button", name="Edit Dig deep")).to_be_focused()
    press("Enter")
    go_to(page, dialog.get_by_role("button", name="Delete"))
    page.on("dialog", lambda question: question.accept())
    press("Enter")
    window.expect_tasks(Done=[])
    expect_focus(page)
    expect(page.get_by_role("heading", name="Done")).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (360, "light"), (1200, "light"), (1200, "dark")])
@ON_SQLITE
def test_the_page_is_accessible(stage, width, scheme):
    window = stage.open("alice", viewport={"width": width, "height": 740}, color_scheme=scheme)
    window.add("Dig " + "deep" * 40)
    expect(window.column("Open").locator(".card")).to_have_count(2)
    check_accessible(window.page)
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.edit(WORK)
    check_accessible(window.page)
    window.page.get_by_role("button", name="Cancel").click()
    window.page.get_by_role("button", name="Sign out").click()
    window.page.get_by_label("E-mail").wait_for()
    check_accessible(window.page)


@ON_SQLITE
def test_waits_for_a_free_stream_and_frees_its_own_while_nobody_looks(make_stage):
    stage = make_stage(streams=1)
    alice = stage.open("alice")
    bob = stage.open("bob", project=None)
    bob.expect_state("Not live: All streams of changes are in use; try again later.")
    bob.expect_tasks(Open=[WORK])
    alice.page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    alice.expect_state("Paused")
    bob.expect_state("Live")
    bob.add("Dig")
    bob.page.context.close()
    alice.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    alice.expect_state("Live")
    alice.expect_tasks(Open=["Dig", WORK])
    alice.forget_errors("status of 503")
    bob.forget_errors("status of 503")


def test_a_session_is_refreshed_until_it_ends(make_stage):
    stage = make_stage(access_token_seconds=3)
    alice, bob = stage.open("alice"), stage.caller("bob")
    with alice.page.expect_request("**/auth/refresh"):
        pass
    for title in ("Weed", "Mow"):
        bob.sign_in("bob@example.com", "correct horse battery")
        assert bob.call("PATCH", f"/tasks/{stage.garden['tasks']}", {"title": title})[0] == 200
        alice.expect_tasks(Open=[title])
        with alice.page.expect_request("**/auth/refresh"):
            pass
    assert [each.url for each in alice.requests if "token" in each.url] == []
    assert alice.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    own = stage.caller("alice")
    assert own.call("DELETE", "/auth/sessions")[0] == 200
    expect(alice.page.get_by_role("alert")).to_have_text("Your session has ended. Sign in again.")
    expect(alice.page.locator(".card")).to_have_count(0)
    alice.forget_errors("status of 401")
    alice.sign_in("alice")
    alice.expect_tasks(Open=["Mow"])
    alice.forget_errors("status of 401")


@ON_SQLITE
def test_says_what_is_wrong(stage):
    window = stage.open("alice")
    window.page.get_by_role("button", name="Sign out").click()
    alert = window.page.get_by_role("alert")
    window.page.get_by_label("E-mail").fill("alice@example.com")
    window.page.get_by_label("Password").fill("wrong")
    window.page.get_by_role("button", name="Sign in").click()
    expect(alert).not_to_be_empty()
    window.sign_in("edith")  # who is in no team
    expect(window.page.get_by_text("You are in no team with a project.")).to_be_visible()
    expect(alert).to_have_count(0)
    window.expect_state("Live")
    window.forget_errors("status of 401")
