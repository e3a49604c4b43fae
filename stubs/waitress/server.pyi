import socket
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore

class BaseWSGIServer(wasyncore.dispatcher):
    adj: Any
    active_channels: dict[int, Any]
    _map: dict[int, Any]
    trigger: Any
    def __init__(
        self,
        application: WSGIApplication,
        map: dict[int, Any] | None = None,
        _start: bool = True,
        _sock: socket.socket | None = None,
        dispatcher: Any = None,
        adj: Any = None,
        sockinfo: tuple[int, int, int, Any] | None = None,
        bind_socket: bool = True,
    ) -> None: ...
    def add_task(self, task: Any) -> None: ...
    def pull_trigger(self) -> None: ...
    def set_socket_options(self, conn: socket.socket) -> None: ...
    def fix_addr(self, addr: Any) -> Any: ...
    def run(self) -> None: ...

class TcpWSGIServer(BaseWSGIServer): ...
class UnixWSGIServer(BaseWSGIServer): ...
