import socket
import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore

class ClientDisconnected(Exception): ...

class HTTPChannel(wasyncore.dispatcher):
    server: Any
    adj: Any
    request: Any
    requests: list[Any]
    outbufs: list[Any]
    will_close: bool
    close_when_flushed: bool
    sent_continue: bool
    total_outbufs_len: int
    requests_lock: threading.Lock
    outbuf_lock: threading.Condition
    def __init__(
        self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: dict[int, Any] | None = None
    ) -> None: ...
    def received(self, data: bytes) -> bool: ...
    def send_continue(self) -> None: ...
    def service(self) -> None: ...
    def write_soon(self, data: Any) -> int: ...
    def _flush_some(self, do_close: bool = True) -> bool: ...
    def _flush_exception(self, flush: Callable[..., bool], do_close: bool = True) -> tuple[bool, bool]: ...
