"""Prints what happens to the tasks of your teams, as it happens: `python follow.py ada@example.com PASSWORD [URL]`."""

import json
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SILENT_SECONDS = 30  # without any sign of life, which comes every 15 seconds
RETRY_SECONDS = 3
TOO_MANY, SERVER_ERROR = 429, 500  # later, the same request may be answered

Event = dict[str, str]


def send(url: str, token: str | None = None, body: Any = None, headers: Event | None = None) -> Any:
    """Return the open response to a GET, or with a body to a POST. Raises HTTPError and OSError."""
    sent = {"Content-Type": "application/json"} | (headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    return urlopen(Request(url, data, sent), timeout=SILENT_SECONDS)


def sign_in(url: str, email: str, password: str) -> str:
    """Return an access token. Raises HTTPError if the password is wrong."""
    with send(f"{url}/auth/login", body={"email": email, "password": password}) as response:
        token: str = json.load(response)["data"]["access_token"]
        return token


def events(url: str, token: str, after: str) -> Iterator[Event]:
    """Yield the events of a stream, from now on or after a cursor, as long as it lasts."""
    headers = {"Last-Event-ID": after} if after else {}
    with send(f"{url}/changes/stream?resource=tasks&data=true", token, headers=headers) as response:
        event: Event = {}
        for line in response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name or value:
                event[name] = value
            else:
                yield event
                event = {}


def line_of(change: dict[str, Any]) -> str:
    """Return a line about a change of a task."""
    task = change["data"]
    if task is None:
        return f"{change['id']} was deleted"
    return f"{task['title']}: {change['action']} {', '.join(change['fields'])} ({task['state']})"


def follow(url: str, email: str, password: str) -> None:
    """Print a line for each change, forever. Nothing is missed while the connection is lost."""
    after = ""
    while True:
        try:
            for event in events(url, sign_in(url, email, password), after):
                after = event.get("id", after)
                if event.get("event") == "change":
                    print(line_of(json.loads(event["data"])), flush=True)
                elif "id" not in event and "event" in event:
                    raise ValueError(event["data"])
        except HTTPError as error:  # such as 503 if all streams are in use, 502 of a proxy while the server starts
            if error.code == 410:
                after = ""  # too long away; a program that keeps the tasks would list them again
            elif error.code != TOO_MANY and error.code < SERVER_ERROR:
                sys.exit(error.read().decode())
        except ValueError as error:  # the stream has ended: the cursor has expired, or the session has ended
            after = "" if "CURSOR_EXPIRED" in str(error) else after
        except (OSError, HTTPException):
            pass
        time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    follow(*[f"{(sys.argv[3:] or ['http://127.0.0.1:8000'])[0]}/api/v1", *sys.argv[1:3]])
