from typing import IO, Any

class HTTPRequestParser:
    completed: bool
    empty: bool
    expect_continue: bool
    headers_finished: bool
    header_plus: bytes
    chunked: bool
    content_length: int
    body_bytes_received: int
    connection_close: bool
    headers: dict[str, str]
    body_rcv: Any
    error: Any
    adj: Any
    def __init__(self, adj: Any) -> None: ...
    def received(self, data: bytes) -> int: ...
    def parse_header(self, header_plus: bytes) -> None: ...
    def get_body_stream(self) -> IO[bytes]: ...
    def close(self) -> None: ...
