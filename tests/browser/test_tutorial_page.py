"""The page of the tutorial, in a browser, after all its blocks were typed."""

from playwright.sync_api import expect

from tests.parts.pages import checkout_of, read_blocks, run_blocks
from tests.parts.server import ROOT, running_server
from tests.parts.static_pages import served


def test_the_page_of_the_tutorial_shows_and_adds_notes(page, tmp_path):
    checkout, data = checkout_of(tmp_path), tmp_path / "data"
    data.mkdir()
    with running_server(data) as address:
        blocks = [block for block in read_blocks(ROOT / "docs" / "tutorial.md") if block[0] == "sh"]
        run_blocks(blocks, address, "", checkout, data / "server0.log", LARDER_DATA_DIR=str(data))
        with served(checkout / "app") as origin:
            page.goto(origin)
            page.get_by_label("E-mail").fill("ada@example.com")
            page.get_by_label("Password").fill("water the garden")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("listitem")).to_have_text(["Build the greenhouse (Garden)", "Order seeds"])
            page.get_by_label("New note").fill("<b>Water</b>")
            page.get_by_role("button", name="Add").click()
            page.get_by_text("<b>Water</b>").wait_for()
            page.screenshot(path=tmp_path / "tutorial.png")
