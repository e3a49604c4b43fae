"""Reads changes in every way there is: what the feed gives, streams and webhooks give, too."""

from collections import defaultdict
from contextlib import contextmanager

from tests.conftest import PEOPLE
from tests.parts.receiver import receiver
from tests.parts.streams import open_stream
from tests.parts.webhooks import Sending, make_webhook


@contextmanager
def webhooks_of(app, settings, people, resources):
    """Yield a function that sends the changes made in the block, and returns the data of the messages by name.

    The webhooks belong to the people, given by name, and have all their roles.
    """
    with receiver() as inbox:
        for name, person in people.items():
            url, roles = f"{inbox.url}/{name}", PEOPLE.get(name, ["member"])
            make_webhook(person.id, url, resources.split(","), roles, with_data=True)

        def send():
            Sending(app, settings).run()
            sent = defaultdict(list)
            for message in inbox.take():
                sent[message.path.rpartition("/")[2]].append(message.json["data"])
            return sent

        yield send


def assert_streamed(person, follower, changes):
    """Assert that a stream from the start of a Follower, which has read these changes, has the same and no others."""
    with open_stream(person, **follower.query, after=follower.start) as (_, events):
        streamed = events.take(len(changes))
        assert without_cursors(streamed) == without_cursors(changes)
        assert events.next()[0] == "beat"


def assert_sent(sent, changes):
    """Assert that the data of messages is that of these changes, those of a record in order."""
    expected = [{"record": each["data"], **without_data(each)} for each in changes]
    assert sorted(sent, key=_place) == sorted(expected, key=_place)
    versions = defaultdict(list)
    for each in sent:
        versions[each["id"]].append(each["version"])
    assert [*versions.values()] == [sorted(each) for each in versions.values()]


def without_data(change):
    """Return a change without its data and cursor."""
    return {name: value for name, value in change.items() if name not in ("data", "cursor")}


def without_cursors(changes):
    """Return changes without their cursors, which differ each time."""
    return [{name: value for name, value in change.items() if name != "cursor"} for change in changes]


def _place(each):
    return each["id"], each["version"]
