"""The receiver in JavaScript of docs/webhooks.md."""

import shutil

from tests.clients.node import PATH
from tests.conftest import ON_SQLITE
from tests.parts.guides import check_receiver
from tests.parts.webhooks import resending_webhook


@ON_SQLITE
def test_the_receiver_in_javascript_prints_each_change_once(admin, alice, app, settings, tmp_path):
    webhook = resending_webhook(admin, alice, app, settings)
    check_receiver("js", [shutil.which("node", path=PATH)], ".mjs", tmp_path, webhook)
