"""What a service manager such as systemd and a process tell each other: sd_listen_fds(3), sd_notify(3)."""

import os
import socket

FIRST_PASSED = 3  # the descriptor after those of standard input, output and error


def passed_socket() -> socket.socket | None:
    """Return the listening socket that was passed to this process, None if there is none."""
    return socket.socket(fileno=FIRST_PASSED) if has_passed_socket() else None


def has_passed_socket() -> bool:
    """Tell whether a listening socket was passed to this process."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", 0)) > 0


def notify(state: str) -> None:
    """Tell the manager that this process is `READY=1` or `STOPPING=1`, if it wants to know."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
