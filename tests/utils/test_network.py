"""`utils.data.fetching.network`: what stands in the way is found out quickly, once, and named."""

import socket
import threading
import time

import pytest
import requests
from faulty_server import Fault, FaultyServer, stay_on_this_machine

from utils.data.fetching import network

HOST = "http://data.invalid/file.bin"  # only a proxy could resolve it


@pytest.fixture(autouse=True)
def on_this_machine_only(monkeypatch):
    stay_on_this_machine(monkeypatch)


@pytest.fixture
def server():
    with FaultyServer() as running:
        running.add("/file.bin", b"content")
        yield running


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "data.invalid cannot be reached"), (60, "no answer within")]
)
def test_a_missing_network_is_noticed_quickly_and_once(monkeypatch, seconds, words):
    asked, over = [], threading.Event()

    def fail(host, *arguments, **options):
        asked.append(host)
        over.wait(seconds)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    start = time.monotonic()
    assert words in network.obstacle(HOST).text
    assert not network.network_available("https://data.invalid:80/other")
    over.set()
    assert time.monotonic() - start < 30 and asked == ["data.invalid"]


def test_a_host_that_answers_and_one_that_refuses(server):
    assert network.network_available(f"{server.address}/file.bin")
    refusing = network.obstacle(f"http://127.0.0.1:{closed_port()}/file.bin")
    assert refusing.short == network.UNREACHABLE and "127.0.0.1 cannot be reached" in refusing.text


@pytest.mark.parametrize(("value", "allowed"), [("1", False), ("yes", False), ("0", True)])
def test_course_offline_forbids_even_loopback(server, monkeypatch, value, allowed):
    monkeypatch.setenv("COURSE_OFFLINE", value)
    assert network.network_available(server.address) == allowed
    assert server.seen == []


@pytest.mark.parametrize("login", ["", "user:pa%23ss@", "user:p@ss@", "user:p%2Fs@"])
def test_a_proxy_is_probed_and_used(server, monkeypatch, login):
    monkeypatch.setenv("http_proxy", f" http://{login}{server.address.removeprefix('http://')} ")
    assert network.network_available(HOST)
    assert requests.get(HOST, timeout=30).content == b"content"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_dead_proxy_is_named(monkeypatch, variable):
    port = closed_port()
    monkeypatch.setenv(variable, f"127.0.0.1:{port}")
    reason = network.obstacle(HOST)
    assert reason.short == "the proxy cannot be reached"
    assert f"the proxy 127.0.0.1:{port} in {variable} cannot be reached" in reason.text


PASSWORDS = ["qj#xz", "71#98", "qj/xz", "71/98", "qj?xz", "71?98", "qj\\xz", "@#xz", "qj x#z"]


@pytest.mark.parametrize("scheme", ["http://", "socks5://", ""])
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_proxy_that_is_not_understood_is_named_and_not_quoted(monkeypatch, scheme, password):
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}zaphod:{password}@127.0.0.1:3128")
    reason = network.obstacle("https://data.invalid/file.bin")
    assert reason.short == "the proxy is not understood"
    assert "the proxy in HTTPS_PROXY" in reason.text and "# as %23" in reason.text
    assert not any(part in reason.text for part in ("zaphod", "71", "98", "qj", "xz"))


@pytest.mark.parametrize(
    "proxy", ["http://", "http://:3128", "http://127.0.0.1:99999", "http://a b"]
)
def test_a_proxy_that_is_not_an_address_is_named(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    reason = network.obstacle("https://data.invalid/file.bin")
    assert "the proxy in https_proxy is not understood" in reason.text


@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY", "NO_PROXY"])
def test_a_blank_proxy_is_none(server, monkeypatch, variable):
    """It also switches another off, as an empty one does: the name in small letters counts."""
    monkeypatch.setenv(variable, " ")
    if variable == "http_proxy":
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{closed_port()}")
    moved = Fault(status=302, headers={"Location": "/file.bin"})
    url = server.add("/moved", b"", [moved])
    assert network.network_available(url)
    assert requests.get(url, timeout=30).content == b"content"


@pytest.mark.parametrize("password", [*PASSWORDS, "p[s"])
def test_an_address_that_is_not_understood_is_not_quoted(password):
    reason = network.obstacle(f"http://zaphod:{password}@127.0.0.1:1/file.bin")
    assert "not an http" in reason.text and "# as %23" in reason.text
    assert "zaphod" not in reason.text and password not in reason.text
    assert "not an http" in network.obstacle("data.bin").text
