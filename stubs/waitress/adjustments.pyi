class Adjustments:
    threads: int
    ident: str
    inbuf_overflow: int
    max_request_body_size: int
    asyncore_loop_timeout: float
    def __init__(
        self, *, threads: int, ident: str, max_request_body_size: int, clear_untrusted_proxy_headers: bool
    ) -> None: ...
