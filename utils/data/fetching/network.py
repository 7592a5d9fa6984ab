"""Find out within seconds whether there is a network, because a student without one waits.

Everything that may go beyond this machine asks here first, not least about `COURSE_OFFLINE`.
"""

import os
import queue
import re
import socket
import threading

import requests
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from utils.common.arguments import is_switched_on
from utils.data.fetching.errors import Reason

PROBE_SECONDS = 4.0  # a host that has not answered by then counts as unreachable
UNREACHABLE = "its source cannot be reached"  # short reasons, see `Reason`
PROXY_UNREACHABLE = "the proxy cannot be reached"
PROXY_NOT_UNDERSTOOD = "the proxy is not understood"
ADDRESS_NOT_UNDERSTOOD = "the address is not understood"
OFFLINE = "COURSE_OFFLINE is set"
FAULTS_OF_THIS_MACHINE = {PROXY_UNREACHABLE, PROXY_NOT_UNDERSTOOD, OFFLINE}
OBSTACLES = {UNREACHABLE, ADDRESS_NOT_UNDERSTOOD, *FAULTS_OF_THIS_MACHINE}
HOW_TO_WRITE = (
    "in a user name or password, write any character that is neither a letter nor a digit as % "
    r"and its code: # as %23, / as %2F, ? as %3F, @ as %40, \ as %5C"
)

_probed: dict[tuple[str, int], str] = {}
_probe_lock = threading.Lock()


def offline_requested() -> bool:
    """Return whether `COURSE_OFFLINE` forbids the use of the network."""
    return is_switched_on("COURSE_OFFLINE")


def network_available(url: str) -> bool:
    """Return whether the host of `url` (or the proxy that leads there) accepts connections.

    The answer takes about four seconds at most and is remembered for the process and host.
    """
    return obstacle(url) is None


def obstacle(url: str) -> Reason | None:
    """Return why the host of `url` cannot be reached, or None if it can.

    A wrong setting on this machine, such as its proxy, is not blamed on the host. An address that
    was not understood is never quoted: it may contain a password.
    """
    if offline_requested():
        return Reason(OFFLINE, f"{OFFLINE}, so the network is not used")
    _strip_proxy_variables()
    try:
        target = _host_and_port(url)
        proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    except ValueError:
        text = f"not an http(s) address that is understood; {HOW_TO_WRITE}"
        return Reason(ADDRESS_NOT_UNDERSTOOD, text)
    short, name = UNREACHABLE, target[0]
    if proxy:
        variable = _variable_of(proxy)
        try:
            target = _host_and_port(proxy if "://" in proxy else f"http://{proxy}", 1080)
        except ValueError:
            text = f"the proxy in {variable} is not understood; {HOW_TO_WRITE}"
            return Reason(PROXY_NOT_UNDERSTOOD, text)
        short, name = PROXY_UNREACHABLE, f"the proxy {target[0]}:{target[1]} in {variable}"
    with _probe_lock:
        if target not in _probed:
            _probed[target] = _probe(*target)
        problem = _probed[target]
    return Reason(short, f"{name} cannot be reached ({problem})") if problem else None


def without_password(address: str) -> str:
    """Return an address that may be shown: without user name and password."""
    return re.sub(r"^([\w+.-]+:/*|//).*@", r"\1", address)


def _strip_proxy_variables() -> None:
    """Strip spaces from the proxy variables, so that a blank one counts as not set."""
    for name, value in list(os.environ.items()):
        if name.lower().endswith("_proxy") and value != value.strip():
            os.environ[name] = value.strip()


def _variable_of(proxy: str) -> str:
    for name, value in os.environ.items():
        if value == proxy and name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            return name
    return "the settings of this system"


def _host_and_port(url: str, default_port: int | None = None) -> tuple[str, int]:
    """Return the host and port of an address, as `requests` takes it. Raise ValueError."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise ValueError("malformed") from None
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, default_port)
    # A # or / in a password seems to end the host; then what follows holds the @.
    misread = "@" in f"{parts.request_uri}{parts.fragment}"
    if not parts.host or not port or misread:
        raise ValueError("no host")
    return parts.host.strip("[]"), port


def _probe(host: str, port: int) -> str:
    """Try to connect; return why it did not work, or an empty string."""
    answers = queue.SimpleQueue()

    def connect() -> None:
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            answers.put(str(getattr(problem, "strerror", None) or problem))
            return
        # One address per family, so that a dead IPv6 route does not use up the time of IPv4.
        reason = "it has no address"
        for address in {family: where for family, *_, where in reversed(addresses)}.values():
            try:
                socket.create_connection(address[:2], timeout=PROBE_SECONDS / 2.1).close()
                answers.put("")
                return
            except OSError as problem:
                reason = problem.strerror or str(problem)
        answers.put(reason)

    # getaddrinfo has no timeout and can hang for 20 s with a dead name server. A daemon thread
    # can be left behind.
    threading.Thread(target=connect, daemon=True).start()
    try:
        return answers.get(timeout=PROBE_SECONDS)
    except queue.Empty:
        return f"no answer within {PROBE_SECONDS:.0f} s"
