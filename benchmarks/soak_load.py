"""The requests of the soak: reads and writes of a client, and changes of definitions."""

import random
from collections import deque

from benchmarks.processes import ADMIN, PASSWORD
from tests.parts.server import Caller

TRY_AGAIN = 503  # after a change of the definition, or when a lock was not free in time
RECORDS, CATEGORIES = 2_000, 20
MEMBER = "member@example.com"
# The name of each method of a Client, and its weight: nine of ten requests read.
OPERATIONS = {
    "read_one": 200,
    "list_page": 120,
    "list_sorted": 100,
    "list_by_cursor": 60,
    "list_where": 60,
    "list_expanded": 60,
    "search": 60,
    "aggregate": 40,
    "anonymous": 60,
    "me": 30,
    "history": 20,
    "document": 10,
    "client_code": 3,
    "metrics": 3,
    "export": 4,
    "create_and_delete": 25,
    "update": 40,
    "upsert": 10,
    "batch": 6,
    "import_rows": 3,
    "sign_in": 3,
    "refresh": 3,
}
ACCESS = {"list": ["member"], "read": ["member"], "create": ["member"], "update": ["member"], "delete": ["member"]}
PUBLIC = {"list": ["public"], "read": ["public"]}
NOTES = {
    "fields": {
        "title": {"type": "string", "required": True},
        "body": {"type": "text"},
        "code": {"type": "string", "unique": True},
        "priority": {"type": "integer"},
        "price": {"type": "decimal"},
        "due": {"type": "date"},
        "open": {"type": "boolean"},
        "category": {"type": "reference", "to": "categories"},
    },
    "indexes": [["priority"]],
    "search": ["title", "body"],
    "history": True,
    "access": ACCESS,
}
OTHER_TYPES = ("string", "string", "string", "integer", "integer", "number", "decimal", "date", "datetime", "boolean")
OTHER_FIELDS = {f"f{i}": {"type": kind} for i, kind in enumerate(OTHER_TYPES)}
OTHER = {"fields": OTHER_FIELDS, "access": PUBLIC}
WORDS = ["storm", "harbour", "lantern", "copper", "meadow", "signal", "orchard", "winter", "ledger", "canal"]


def declare(caller, name, definition):
    """Create a resource."""
    expect(caller, "POST", "/resources", {"name": name, **definition}, status=201)


def expect(caller, method, path, data=None, *, status=200, also=()):
    """Send a request, and return its status and response. Raises RuntimeError for another status."""
    try:
        found, answer = caller.call(method, path, data)
    except ConnectionResetError:  # the connection was idle for too long; the next call opens a new one
        found, answer = caller.call(method, path, data)
    if found not in (status, TRY_AGAIN, *also):
        raise RuntimeError(f"{method} {path}: {found} {answer.get('error', {}).get('message')}")
    return found, answer


def sign_in(caller, email):
    """Sign in, again while the server asks for that, and send the token with all later calls. Return the response."""
    status = TRY_AGAIN
    while status == TRY_AGAIN:
        status, answer = expect(caller, "POST", "/auth/login", {"email": email, "password": PASSWORD})
    caller.token = answer["data"]["access_token"]
    return answer


def prepare(server, others):
    """Declare the resources, and create a member and the records."""
    caller = server.caller()
    declare(caller, "categories", {"fields": {"name": {"type": "string"}}, "access": ACCESS | PUBLIC})
    declare(caller, "notes", NOTES)
    for number in range(others):
        fields = OTHER_FIELDS | ({"before": {"type": "reference", "to": f"r{number - 1}"}} if number % 3 else {})
        declare(caller, f"r{number}", {"fields": fields, "access": PUBLIC})
    expect(caller, "POST", "/users", {"email": MEMBER, "password": PASSWORD, "name": "Member"}, status=201)
    made = [{"op": "create", "resource": "categories", "data": {"name": name}} for name in WORDS]
    _, answer = expect(caller, "POST", "/batch", {"operations": made})
    categories = [each["id"] for each in answer["data"]]
    for start in range(0, RECORDS, 100):
        made = [{"op": "create", "resource": "notes", "data": note(start + i, categories)} for i in range(100)]
        expect(caller, "POST", "/batch", {"operations": made})


def note(number, categories):
    """Return the data of a note."""
    dice = random.Random(number)
    return {
        "title": " ".join(dice.choices(WORDS, k=3)),
        "body": " ".join(dice.choices(WORDS, k=30)),
        "code": f"c{number}",
        "priority": dice.randrange(10),
        "price": f"{dice.randrange(10_000)}.50",
        "due": f"2030-{dice.randrange(1, 13):02}-01",
        "open": dice.random() < 0.5,
        "category": dice.choice(categories),
    }


class Client:
    """A member with one connection; each method sends one request, or a few that undo each other."""

    def __init__(self, server, number):
        self._server, self._number, self._dice = server, number, random.Random(number)
        self._caller, self._public = Caller(server.address), Caller(server.address)
        self._refresh_token = sign_in(self._caller, MEMBER)["data"]["refresh_token"]
        self._categories = [row["id"] for row in self._get("/categories?per_page=200")[1]["data"]]
        self._ids = deque((row["id"] for row in self._get("/notes?per_page=200")[1]["data"]), 200)
        self._cursor = None

    def _get(self, path, caller=None):
        return expect(caller or self._caller, "GET", path)

    def _one(self):
        return self._dice.choice(self._ids)

    def _bytes(self, path, caller=None):
        """Read a response that may be no JSON."""
        chosen = caller or self._caller
        chosen.connection.request("GET", path, headers={"Authorization": f"Bearer {chosen.token}"})
        response = chosen.connection.getresponse()
        response.read()
        if response.status not in (200, TRY_AGAIN):
            raise RuntimeError(f"GET {path}: {response.status}")
        return response.status

    def read_one(self):
        return self._get(f"/notes/{self._one()}")[0]

    def list_page(self):
        return self._get(f"/notes?page={self._dice.randrange(1, 50)}")[0]

    def list_sorted(self):
        sort = self._dice.choice(("-priority", "title", "-created_at", "due,-price", "price"))
        return self._get(f"/notes?open=true&priority__gte={self._dice.randrange(10)}&sort={sort}&count=false")[0]

    def list_by_cursor(self):
        path = "/notes?sort=-priority&count=false" + (f"&cursor={self._cursor}" if self._cursor else "")
        status, answer = self._get(path)
        self._cursor = answer["meta"]["next_cursor"] if status == 200 else None
        return status

    def list_where(self):
        condition = f'{{"any":[{{"open":true}},{{"priority":{{"gte":{self._dice.randrange(10)}}}}}]}}'
        return self._get(f"/notes?where={condition}")[0]

    def list_expanded(self):
        return self._get("/notes?expand=category&fields=title,category&count=false")[0]

    def search(self):
        return self._get(f"/notes?q={self._dice.choice(WORDS)}&per_page=10")[0]

    def aggregate(self):
        return self._get("/notes/aggregate?group_by=category,due:month&sum=price&max=priority&sort=-count")[0]

    def anonymous(self):
        return self._get(self._dice.choice(("/categories", "/r0", "/r1?sort=-f3", "/r2?f0=a")), self._public)[0]

    def me(self):
        return self._get("/auth/me")[0]

    def history(self):
        return self._get(f"/notes/{self._one()}/history")[0]

    def document(self):
        return self._bytes("/openapi.json")

    def client_code(self):
        return self._bytes("/api/v1/client.ts")

    def metrics(self):
        with Caller(self._server.address) as caller:
            return self._bytes("/metrics", caller)

    def export(self):
        return self._bytes(f"/api/v1/notes/export?format={self._dice.choice(('csv', 'ndjson'))}")

    def create_and_delete(self):
        data = note(self._dice.randrange(10**6), self._categories) | {"code": None}
        status, answer = expect(self._caller, "POST", "/notes", data, status=201)
        if status == TRY_AGAIN:
            return status
        while True:  # so that the number of records stays the same
            status, _ = expect(self._caller, "DELETE", f"/notes/{answer['data']['id']}")
            if status != TRY_AGAIN:
                return status

    def update(self):
        return expect(self._caller, "PATCH", f"/notes/{self._one()}", {"priority": self._dice.randrange(10)})[0]

    def upsert(self):
        data = note(self._dice.randrange(RECORDS), self._categories)
        return expect(self._caller, "POST", "/notes?upsert=code", data, also=(201,))[0]

    def batch(self):
        some = self._dice.sample(self._ids, 20)
        changes = [{"op": "update", "resource": "notes", "id": each, "data": {"price": "1.25"}} for each in some]
        return expect(self._caller, "POST", "/batch", {"operations": changes})[0]

    def import_rows(self):
        rows = "".join(f"c{number},imported {self._number},{number % 10}\n" for number in range(100))
        path = "/api/v1/notes/import?mode=upsert&key=code"
        headers = {"Authorization": f"Bearer {self._caller.token}", "Content-Type": "text/csv"}
        self._caller.connection.request("POST", path, "code,title,priority\n" + rows, headers)
        response = self._caller.connection.getresponse()
        text = response.read()
        if response.status not in (200, TRY_AGAIN):
            raise RuntimeError(f"import: {response.status} {text[:200]}")
        return response.status

    def sign_in(self):
        with Caller(self._server.address) as caller:
            sign_in(caller, MEMBER)
            return expect(caller, "POST", "/auth/logout")[0]

    def refresh(self):
        old, self._caller.token = self._caller.token, self._refresh_token
        status, answer = expect(self._caller, "POST", "/auth/refresh")
        if status == TRY_AGAIN:
            self._caller.token = old
        else:
            tokens = answer["data"]
            self._caller.token, self._refresh_token = tokens["access_token"], tokens["refresh_token"]
        return status


class Changer:
    """An admin who changes definitions, step by step, so that they come back to where they began."""

    def __init__(self, server):
        self._server, self._steps = server, self._all_steps()

    def step(self):
        """Make the next change. Return its status."""
        return next(self._steps)

    def _all_steps(self):
        number = 0
        while True:
            number += 1
            extra, field = f"extra{number % 5}", f"more{number % 5}"
            yield self._put("notes", NOTES, {field: {"type": "string"}})
            yield self._put("notes", NOTES, {f"{field}_new": {"type": "string", "renamed_from": field}})
            yield self._put("notes", NOTES, {})
            yield self._put("r3", OTHER, {field: {"type": "integer"}})
            yield self._put("r3", OTHER, {})
            yield self._send("POST", "/resources", {"name": extra, **OTHER}, status=201)
            yield self._send("GET", f"/{extra}")
            yield self._send("DELETE", f"/resources/{extra}?confirm=true")

    def _signed_in(self):
        caller = Caller(self._server.address)
        sign_in(caller, ADMIN)
        return caller

    def _send(self, *request, **options):
        for _ in range(20):
            with self._signed_in() as caller:
                status, answer = expect(caller, *request, **options)
            if status != TRY_AGAIN:
                return status
        raise RuntimeError(f"{request[:2]}: {answer}")

    def _put(self, name, definition, more):
        body = definition | {"name": name, "fields": definition["fields"] | more}
        for _ in range(20):
            with self._signed_in() as caller:
                _, plan = expect(caller, "POST", f"/resources/{name}/plan", body)
                fingerprint = plan.get("data", {}).get("fingerprint")
                query = f"?confirm={fingerprint}" if fingerprint else ""
                status, answer = expect(caller, "PUT", f"/resources/{name}{query}", body, also=(409,))
            if status == 200:
                return status
        raise RuntimeError(f"PUT {name}: {answer}")
