"""The protocol between this process and a service manager such as systemd: sd_listen_fds(3), sd_notify(3)."""

import os
import socket

FIRST_PASSED = 3  # the first descriptor after standard input, output and error


def passed_socket() -> socket.socket | None:
    """Return the listening socket that the manager passed to this process; None if it passed none."""
    return socket.socket(fileno=FIRST_PASSED) if has_passed_socket() else None


def has_passed_socket() -> bool:
    """Return whether the manager passed a listening socket to this process."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", 0)) > 0


def notify(state: str) -> None:
    """Send a state, `READY=1` or `STOPPING=1`, to the manager, if it listens."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
