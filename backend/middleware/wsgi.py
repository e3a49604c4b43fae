"""Types of WSGI (PEP 3333) that wsgiref.types lacks."""

from types import TracebackType
from typing import TypeAlias

Headers: TypeAlias = list[tuple[str, str]]
ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
