"""Is there a network? An answer within seconds, because a student without one waits for it.

Everything that may leave this machine asks here first, also whether `COURSE_OFFLINE` forbids it.
"""

import os
import queue
import socket
import threading
from urllib.parse import urlsplit

import requests

PROBE_SECONDS = 4.0  # a host that has not answered by then counts as unreachable

_probed: dict[tuple[str, int], str] = {}
_probe_lock = threading.Lock()


def offline_requested() -> bool:
    """Tell whether `COURSE_OFFLINE` forbids the use of the network."""
    return os.environ.get("COURSE_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def network_available(url: str) -> bool:
    """Tell whether the host of `url` (or the proxy that leads there) accepts connections.

    The answer takes at most about four seconds and is remembered for the process and host.
    """
    return not unreachable_because(url)


def unreachable_because(url: str) -> str:
    """Return why the host of `url` cannot be reached, or an empty string if it can."""
    if offline_requested():
        return "COURSE_OFFLINE is set, so the network is not used"
    try:
        host, port = _first_hop(url)
    except ValueError as problem:
        return f"not an http(s) address ({problem})"
    with _probe_lock:
        if (host, port) not in _probed:
            _probed[host, port] = _probe(host, port)
        return _probed[host, port]


def _first_hop(url: str) -> tuple[str, int]:
    """Return host and port that a request for `url` connects to: the proxy's, if there is one."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if proxy:
        url = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(url)
    default_port = {"http": 80, "https": 443}.get(parts.scheme, 1080 if proxy else None)
    port = parts.port or default_port
    if not parts.hostname or not port:
        raise ValueError(url)
    return parts.hostname, port


def _probe(host: str, port: int) -> str:
    """Try to connect; return why it did not work, or an empty string."""
    answers = queue.SimpleQueue()

    def connect() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            answers.put(f"{host} cannot be reached ({getattr(problem, 'strerror', problem)})")
            return
        # One address per family, so that a dead IPv6 route does not use up the time of IPv4.
        reason = f"{host} cannot be reached (it has no address)"
        for address in {family: where for family, *_, where in reversed(found)}.values():
            try:
                socket.create_connection(address[:2], timeout=PROBE_SECONDS / 2.1).close()
                answers.put("")
                return
            except OSError as problem:
                reason = f"{host} cannot be reached ({problem.strerror or problem})"
        answers.put(reason)

    # getaddrinfo has no timeout and can hang for 20 s with a dead name server. A daemon thread
    # can be left behind.
    threading.Thread(target=connect, daemon=True).start()
    try:
        return answers.get(timeout=PROBE_SECONDS)
    except queue.Empty:
        return f"{host} cannot be reached (no answer within {PROBE_SECONDS:.0f} s)"
