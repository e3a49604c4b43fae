"""The tutorial, typed as it is: every block runs against a server in a copy of the checkout."""

from tests.parts.pages import check_blocks, checkout_of, read_blocks
from tests.parts.server import ROOT, running_server

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_every_block_of_the_tutorial_works(tmp_path):
    checkout, data = checkout_of(tmp_path), tmp_path / "data"
    data.mkdir()
    with running_server(data) as address:
        blocks = read_blocks(TUTORIAL)
        check_blocks(TUTORIAL.name, blocks, address, "", checkout, data / "server0.log", LARDER_DATA_DIR=str(data))
    assert sum(kind == "sh" for kind, _, _ in blocks) > 8
