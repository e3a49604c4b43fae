"""The client in JavaScript of docs/api/streams.md."""

import shutil

from tests.clients.node import PATH
from tests.conftest import ON_SQLITE, PASSWORD, SECRET_KEY
from tests.parts.server import Caller, running_server
from tests.parts.streams import check_client, read_client

PROGRAM = """
const [host, token, cursor] = process.argv.slice(2)
const print = ({ data }) => {
  console.log(data.title)
  if (data.title === 'end') process.exit()
}
await follow(`http://${host}/api/v1/changes/stream?resource=parcels&data=true`, token, print, cursor)
"""


@ON_SQLITE
def test_the_client_of_the_page_receives_each_change(database_url, tmp_path):
    (tmp_path / "client.mjs").write_text(read_client("js") + PROGRAM)
    settings = {"database_url": database_url, "secret_key": SECRET_KEY, "streams": 2}
    with running_server(tmp_path, **settings) as address, Caller(address) as admin:
        admin.sign_in("admin@example.com", PASSWORD)
        body = {"name": "parcels", "fields": {"title": {"type": "string"}}, "feed": True}
        assert admin.call("POST", "/resources", body)[0] == 201
        check_client([shutil.which("node", path=PATH), tmp_path / "client.mjs"], address, admin)
