"""Watches the sockets of the server for events."""

import select
import selectors
import threading

from waitress import wasyncore

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class WatchedSockets(dict[int, wasyncore.dispatcher]):
    """The map of waitress from descriptors to sockets, and what each of them is watched for.

    waitress asks every socket before each wait. Here a socket is asked when something has changed for it (`watch`), so
    a turn costs as much as it has events, however many connections are open. A socket stays watched until an event
    comes that it does not want: a connection that sends one request after the other is never changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector, self._lock = selectors.DefaultSelector(), threading.Lock()
        self._added: list[wasyncore.dispatcher] = []  # incomplete when they are added, so watched later
        self._events: dict[int, int] = {}

    def __setitem__(self, descriptor: int, sock: wasyncore.dispatcher) -> None:
        super().__setitem__(descriptor, sock)
        self._added.append(sock)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        with self._lock:
            self._set(descriptor, 0)

    def wait(self, seconds: float) -> None:
        """Wait for events, and have their sockets handle them."""
        while self._added:
            self.watch(self._added.pop())
        for key, events in self._selector.select(seconds):
            sock = self.get(key.fd)
            # An event before this one may have closed it, and another connection may have its number already.
            if sock is not None and sock not in self._added:
                flags = _flags(sock, events)
                if flags:
                    wasyncore.readwrite(sock, flags)
                self.watch(sock, is_unwanted=not flags)

    def watch(self, sock: wasyncore.dispatcher, *, is_unwanted: bool = False) -> None:
        """Watch a socket for what it wants now; if the last event was unwanted, for nothing else. Any thread may."""
        with self._lock:
            descriptor = sock._fileno
            if self.get(descriptor) is sock:
                wanted = (READ if sock.readable() else 0) | (WRITE if sock.writable() else 0)
                self._set(descriptor, wanted if is_unwanted else self._events.get(descriptor, 0) | wanted)

    def watch_all(self) -> None:
        """Watch each socket for what it wants now."""
        for sock in list(self.values()):
            self.watch(sock)

    def _set(self, descriptor: int, events: int) -> None:
        before = self._events.get(descriptor, 0)
        if events == before:
            return
        if not events:
            self._selector.unregister(descriptor)
            del self._events[descriptor]
            return
        change = self._selector.modify if before else self._selector.register
        change(descriptor, events)
        self._events[descriptor] = events


def _flags(sock: wasyncore.dispatcher, events: int) -> int:
    """Return the events that a socket wants, as flags of poll."""
    return (select.POLLIN if events & READ and sock.readable() else 0) | (
        select.POLLOUT if events & WRITE and sock.writable() else 0
    )
