"""Addresses of services: how they are written, and who may reach them."""

import pytest

from cozeproxy.testclient.address import is_public, service_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:3000/v1/", "http://localhost:3000"),
        ("localhost:3000/v1", "http://localhost:3000"),
        ("coze.example", "http://coze.example"),
        ("https://coze.example/", "https://coze.example"),
        ("https://coze.example/proxy/v1", "https://coze.example/proxy"),
        ("https://coze.example/v1/v1", "https://coze.example/v1"),
        ("[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_address_is_that_of_the_service_itself(given, url):
    assert service_url(given) == url


@pytest.mark.parametrize(
    "given",
    [
        "",
        "http://",
        "ftp://coze.example",
        "http://ann:key@coze.example",
        "http://a b",
        "//",
        "[::1",
    ],
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValueError, match="an address such as"):
        service_url(given)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("coze.example.com", True),
        ("app.herokuapp.com.", True),
        ("8.8.8.8", True),
        ("[2606:4700::1]:3000", True),
        ("localhost:3000", False),
        ("127.0.0.1", False),
        ("[::1]", False),
        ("192.168.1.2:3000", False),
        ("10.0.0.1", False),
        ("cozeproxy:3000", False),
        ("printer.local", False),
        ("coze.svc.internal", False),
        ("coze.home.arpa", False),
    ],
)
def test_what_the_whole_internet_may_reach_is_told_by_the_address(host, public):
    assert is_public(f"http://{host}") is public
