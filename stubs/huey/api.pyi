from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from huey.consumer import Consumer

_F = TypeVar("_F", bound=Callable[..., Any])

class Task:
    id: str
    name: str

class TaskWrapper:
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def schedule(self, *, delay: float | None = None) -> Any: ...

class SqliteHuey:
    def __init__(self, name: str = ..., *, filename: str, results: bool = True) -> None: ...
    def pending(self) -> list[Task]: ...
    def task(self, *, name: str | None = None) -> Callable[[Callable[..., Any]], TaskWrapper]: ...
    def periodic_task(
        self, validate_datetime: Callable[[datetime], bool], *, name: str | None = None
    ) -> Callable[[Callable[..., Any]], TaskWrapper]: ...
    def signal(self, *signals: str) -> Callable[[_F], _F]: ...
    def create_consumer(
        self, *, workers: int = 1, max_delay: float = 10.0, graceful_signal: str = "INT"
    ) -> Consumer: ...
