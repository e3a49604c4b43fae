"""A load generator on plain sockets, cheap enough to leave the server its core."""

import re
import socket
import threading
import time


def requests_per_second(port, path, *, token=None, seconds=2.0, connections=8):
    """Return how many GET requests a second the server on this port answers with 200 over keep-alive connections."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost"] + ([f"Authorization: Bearer {token}"] if token else [])
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    counts = [0] * connections
    deadline = time.perf_counter() + seconds

    def work(number):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.perf_counter() < deadline:
                status = exchange(connection, request)
                if status != 200:
                    raise RuntimeError(f"{path} is answered {status}")
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def exchange(connection, request):
    """Send the bytes of a request, read the whole answer and return its status."""
    connection.sendall(request)
    answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    missing = int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
    return int(head.split(None, 2)[1])
