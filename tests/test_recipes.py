"""The recipes: their blocks run against a server, and their files are what they say."""

import json

import yaml

from tests.parts.pages import check_blocks, checkout_of, read_blocks
from tests.parts.server import ROOT, running_server

RECIPES, EXAMPLES = ROOT / "docs" / "recipes.md", ROOT / "examples"
ADMIN_PASSWORD = "plant forty tulips"


def test_every_block_of_the_recipes_works(tmp_path):
    checkout, data = checkout_of(tmp_path), tmp_path / "data"
    data.mkdir()
    with running_server(data, admin_password=ADMIN_PASSWORD) as address:
        log, variables = data / "server0.log", {"LARDER_DATA_DIR": str(data)}
        check_blocks(RECIPES.name, read_blocks(RECIPES), address, ADMIN_PASSWORD, checkout, log, **variables)


def test_the_files_of_the_recipes_are_those_of_the_page():
    (config,) = [text for kind, _, text in read_blocks(RECIPES) if kind == "js"]
    assert (EXAMPLES / "vite" / "vite.config.js").read_text().endswith(config)
    workflow = json.loads((EXAMPLES / "n8n" / "read-books.json").read_text())
    (request,) = [node for node in workflow["nodes"] if node["type"].endswith(".httpRequest")]
    query = "&".join(
        f"{each['name']}={each['value']}" for each in request["parameters"]["queryParameters"]["parameters"]
    )
    assert f"$API/books?{query}" in RECIPES.read_text()
    sources = yaml.safe_load((EXAMPLES / "grafana" / "larder.yml").read_text())["datasources"]
    assert [each["type"] for each in sources] == ["yesoreyeram-infinity-datasource", "prometheus"]
