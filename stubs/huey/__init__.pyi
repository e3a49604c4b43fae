from collections.abc import Callable
from datetime import datetime

from huey.api import SqliteHuey as SqliteHuey

def crontab(
    minute: str = "*",
    hour: str = "*",
    day: str = "*",
    month: str = "*",
    day_of_week: str = "*",
) -> Callable[[datetime], bool]: ...
