"""The result of one health check, as `/health/ready` returns it and `flask doctor` prints it."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

State = Literal["ok", "warning", "failure"]

OK: State = "ok"
WARNING: State = "warning"
FAILURE: State = "failure"  # something does not work


class Check(NamedTuple):
    """The result of the check `name`: its state, a message, and advice unless it is OK."""

    name: str
    state: State
    message: str
    advice: str = ""


def any_failed(checks: Iterable[Check]) -> bool:
    """Return whether one of the checks has failed."""
    return any(check.state == FAILURE for check in checks)
