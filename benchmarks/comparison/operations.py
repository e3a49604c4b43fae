"""What is measured: operations, each with the proof that a response is what was asked for."""

from dataclasses import dataclass

# Of the mixed load: how many of 100 requests are of which operation.
MIX = {"one": 55, "list20_uncounted": 25, "filter20_uncounted": 5, "anonymous20": 5, "update": 5, "create": 5}


@dataclass(frozen=True)
class Operation:
    """One kind of request. A response must contain the text `proof`, if there is one, `times` times."""

    name: str
    title: str
    proof: str | None = '"title"'
    times: int = 1
    connections: int = 8
    longer: int = 1  # this many times as long as other measurements, because few requests are answered in that time


OPERATIONS = [
    Operation("one", "get one"),
    Operation("list20", "list 20, with count", times=20),
    Operation("list20_uncounted", "list 20, no count", times=20),
    Operation("list100", "list 100, with count", times=100),
    Operation("list100_uncounted", "list 100, no count", times=100),
    Operation("filter20", "filter + sort 20, with count", times=20),
    Operation("filter20_uncounted", "filter + sort 20, no count", times=20),
    Operation("update", "update"),
    Operation("create", "create"),
    Operation("anonymous20", "list 20, anonymous", times=20),
    Operation("cursor20", "list 20 by cursor, at row 9,000", times=20),
    Operation("expand20", "list 20, each with its category", proof='"category ', times=20),
    Operation("search20", "full-text search, 20 of some 300", times=20),
    Operation("aggregate", "aggregate: ten groups, count and sum", proof='"sum', times=10),
    Operation("batch", "batch: create 20", times=20, connections=4, longer=3),
    Operation("export", "export 10,000 as CSV", proof="of a member", times=10_000, connections=2, longer=3),
    Operation("import", "import 1,000 from CSV", proof=None, connections=2, longer=3),
    Operation("login", "login", proof=None, connections=4, longer=3),
    Operation("mixed", "mixed: 90 % reads, 32 connections", proof=None, connections=32),
]
BY_NAME = {operation.name: operation for operation in OPERATIONS}
