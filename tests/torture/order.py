"""What must be true of a feed of changes that was read from its beginning to its end, after all writers have ended."""

from collections import Counter, defaultdict
from functools import partial

from tests.torture.ledger import Change, read_page, read_pages


def change_of(data):
    """Return a Change as the feed lists it."""
    return Change(data["id"], data["version"], data["action"])


def read_feed(caller, cursor):
    """Return all changes after a cursor, in the order of the feed."""
    found, more = [], True
    while more:
        page = read_page(caller, f"/changes?resource=entries&after={cursor}&limit=1000")
        found += map(change_of, page["data"])
        cursor, more = page["meta"]["next_cursor"], page["meta"]["more"]
    return found


def read_records(caller):
    """Return ({id: version}, {id: code}) of all records."""
    path = "/entries?per_page=200&sort=id&count=false&fields=id,version,code"
    records = [each for page in read_pages(partial(read_page, caller), path) for each in page["data"]]
    return {each["id"]: each["version"] for each in records}, {each["id"]: each["code"] for each in records}


def apply(changes, records=()):
    """Return {id: version} of the records after changes. A list may know later versions than a change after it."""
    records = dict(records)
    for record_id, version, action in changes:
        if action == "delete":
            records.pop(record_id, None)
        else:
            records[record_id] = max(version, records.get(record_id, 0))
    return records


def feed_problems(feed, ledger, codes):
    """Yield what is wrong with a feed, in words; `codes` are those of the records at the end, by id."""
    times = Counter(feed)
    if doubled := [change for change, count in times.items() if count > 1]:
        yield f"{len(doubled)} changes are in the feed more than once: {doubled[:3]}"
    if missing := ledger.changes.keys() - times.keys():
        yield f"{len(missing)} acknowledged changes are not in the feed: {[*missing][:3]}"
    if made_up := [change for change in times if not _may_be(change, ledger, codes)]:
        yield f"{len(made_up)} changes in the feed were never made: {made_up[:3]}"
    yield from _wrong_versions(feed)
    yield from _wrong_times(feed, ledger.changes)


def _may_be(change, ledger, codes):
    """Return whether somebody has made a change. A record of which nobody knows was created, and then left alone."""
    if change in ledger.changes or change in ledger.possible:
        return True
    return change[1:] == (1, "create") and codes.get(change.id) in ledger.possible_keys


def _wrong_versions(feed):
    """Yield that the changes of a record are not its creation, updates and perhaps its deletion, in this order."""
    changes = defaultdict(list)
    for change in feed:
        changes[change.id].append(change)
    for record_id, found in changes.items():
        versions = [change.version for change in found]
        if versions != [*range(1, len(found) + 1)]:
            yield f"versions {versions} of {record_id}"
        actions = [change.action for change in found]
        if actions[0] != "create" or {*actions[1:-1]} - {"update"} or "create" in actions[1:]:
            yield f"actions {actions} of {record_id}"


def _wrong_times(feed, acknowledged):
    """Yield that a change comes after one whose request began only when the first had been answered."""
    latest, after = 0.0, None
    for change in feed:
        began, answered = acknowledged.get(change, (0.0, None))
        if answered is not None and answered < latest:
            yield f"{change} comes after {after}, which was sent {latest - answered:.3f} s after its answer"
        if began > latest:
            latest, after = began, change
