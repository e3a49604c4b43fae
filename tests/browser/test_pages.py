"""The pages of Larder load in a browser, and their console stays empty."""

import pytest

from tests.conftest import ON_SQLITE

pytestmark = ON_SQLITE


@pytest.mark.parametrize(
    ("path", "text"),
    [("/", "Documentation"), ("/docs", "Registration"), ("/account/reset#token=abc", "Set a new password")],
)
def test_a_page_loads(address, page, path, text):
    page.goto(f"http://{address}{path}")
    page.get_by_text(text).first.wait_for()
