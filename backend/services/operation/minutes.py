"""The requests of each of the last minutes, which each process writes to a file beside its counters.

They are differences of the counters that the process keeps anyway, so they cost a request nothing.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from backend.services.operation.counts import Counts, RequestKind, Requests, answers_of, read_answers
from backend.utils import slow_statements
from backend.utils.slow_statements import SlowStatement

KEPT_MINUTES = 60
SECONDS_BETWEEN_WRITES = 10
MAX_KINDS = 100  # of requests in one minute; rarer ones are added up as OTHERS
OTHERS = "others"
MAX_FILE_BYTES = 16 << 20


class LastMinutes(NamedTuple):
    """The Requests of each minute since 1970 by RequestKind, and slow statements."""

    requests: dict[int, dict[RequestKind, Requests]]
    slow: list[SlowStatement]


class MinuteFile:
    """The file of one process with its last minutes. It continues those of an earlier process of the same number."""

    def __init__(self, path: Path, inherited: Counts) -> None:
        self._path, self._last, self._base = path, inherited, inherited
        earlier, self._earlier_slow = _read(path)
        # As JSON, because only the present minute changes: writing all of them again takes a hundred times as long.
        self._texts = {minute: _text(kinds) for minute, kinds in earlier.items()}
        self._minute = int(time.time() // 60)
        self._before = earlier.get(self._minute, {})  # what an earlier process counted of the present minute
        self._written_at = 0.0

    def note(self, sums: Counts, *, now: bool = False) -> None:
        """Add what was counted since the last call to the present minute; write the file if it is due, or `now`.

        Raises OSError if it cannot be written.
        """
        moment = time.time()
        if (minute := int(moment // 60)) != self._minute:
            self._add_up()
            self._minute, self._base, self._before = minute, self._last, {}
        self._last = sums
        if now or moment - self._written_at >= SECONDS_BETWEEN_WRITES:
            self._add_up()
            self._write(minute)
            self._written_at = moment

    def _add_up(self) -> None:
        self._texts[self._minute] = _text(_frequent(_since(self._last, self._base, self._before)))

    def _write(self, minute: int) -> None:
        self._texts = {each: text for each, text in self._texts.items() if each > minute - KEPT_MINUTES}
        oldest = (minute - KEPT_MINUTES) * 60
        slow = [each for each in (*self._earlier_slow, *slow_statements.latest.copy()) if each.ended_at > oldest]
        minutes = [[each, orjson.Fragment(text)] for each, text in self._texts.items()]
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(
            orjson.dumps({"minutes": minutes, "slow": [[*each] for each in slow[-slow_statements.MAX_KEPT :]]})
        )
        partial.rename(self._path)


def _text(kinds: dict[RequestKind, Requests]) -> bytes:
    return orjson.dumps(answers_of(kinds))


def read_minutes(folder: Path) -> LastMinutes:
    """Return the last minutes of all processes, also of those that have ended."""
    added, slow = dict[int, dict[RequestKind, Requests]](), list[SlowStatement]()
    oldest = time.time() // 60 - KEPT_MINUTES
    for path in folder.glob("minutes-*.json"):
        minutes = _read(path)
        slow += [each for each in minutes.slow if each.ended_at > oldest * 60]
        for minute, kinds in minutes.requests.items():
            for kind, requests in kinds.items() if minute > oldest else ():
                added.setdefault(minute, {}).setdefault(kind, Requests()).add(requests)
    return LastMinutes(added, slow)


def _since(sums: Counts, base: Counts, before: dict[RequestKind, Requests]) -> dict[RequestKind, Requests]:
    """Return the requests in `sums` that are not in `base`, added to those `before`."""
    added = {kind: Requests.from_list(requests.to_list()) for kind, requests in before.items()}
    for kind, requests in sums.requests.items():
        counted_before = base.requests.get(kind, Requests())
        if requests.number > counted_before.number:
            added.setdefault(kind, Requests()).add(requests.without(counted_before))
    return added


def _frequent(kinds: dict[RequestKind, Requests]) -> dict[RequestKind, Requests]:
    """Return the MAX_KINDS most frequent requests, and the others added up by status."""
    if len(kinds) <= MAX_KINDS:
        return kinds
    ordered = sorted(kinds.items(), key=lambda pair: -pair[1].number)
    kept = dict(ordered[:MAX_KINDS])
    for kind, requests in ordered[MAX_KINDS:]:
        kept.setdefault(RequestKind(OTHERS, OTHERS, kind.status), Requests()).add(requests)
    return kept


def _read(path: Path) -> LastMinutes:
    """Return the content of a file, or nothing if it is damaged or too large."""
    try:
        if path.stat().st_size <= MAX_FILE_BYTES:
            stored: dict[str, Any] = orjson.loads(path.read_bytes())
            minutes = {int(minute): read_answers(answers) for minute, answers in stored["minutes"]}
            return LastMinutes(minutes, [SlowStatement(*each) for each in stored["slow"]])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return LastMinutes({}, [])
