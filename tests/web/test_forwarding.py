"""Addresses, hosts and origins as peers, proxies and browsers write them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb.proxies import (
    client_of,
    is_among,
    is_declared,
    read_address,
    read_host,
    read_origin,
    read_site,
)

PROXIES = tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "::1", "2001:db8:ffff::/48")))
ADDRESSES = st.ip_addresses()
TEXT = st.text(max_size=40)


# Values seen elsewhere: goauthentik/authentik#25679, rack/rack#1227, traefik/traefik#11508,
# express-rate-limit/express-rate-limit#234, wso2/product-apim#8518, un33k/django-ipware#87.
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.60", "192.0.2.60"),
        (" 192.0.2.60 ", "192.0.2.60"),
        ("192.0.2.60:4711", "192.0.2.60"),
        ("192.0.2.60:", "192.0.2.60"),
        ("2001:db8:cafe::17", "2001:db8:cafe::17"),
        ("2001:DB8:CAFE:0:0:0:0:17", "2001:db8:cafe::17"),
        ("[2001:db8:cafe::17]", "2001:db8:cafe::17"),
        ("[2001:db8:cafe::17]:4711", "2001:db8:cafe::17"),
        ('"[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("2001:db8:0:0:0:0:0:17:4711", "2001:db8::17"),  # Azure writes a port without brackets
        ("fe80::abcd%eth0", "fe80::abcd"),
        ("[fe80::abcd%25eth0]:80", "fe80::abcd"),
        ("::ffff:192.0.2.60", "192.0.2.60"),
        ("[::ffff:192.0.2.60]:4711", "192.0.2.60"),
        ("::ffff:c000:23c", "192.0.2.60"),
        ("::1", "::1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("-", None),
        ("localhost", None),
        ("192.0.2", None),
        ("192.0.2.600", None),
        ("192.0.2.60.1", None),
        ("192.0.2.60:port", None),
        ("192.0.2.060", None),
        ("0x7f.0.0.1", None),
        ("2130706433", None),
        ("192.0.2.60/24", None),
        ("192.0.2.60 192.0.2.61", None),
        ("[192.0.2.60", None),
        ("[2001:db8::1", None),
        ("2001:db8::1]", None),
        ("[2001:db8::1]x", None),
        ("[]:80", None),
        (":::", None),
        ("for=192.0.2.60", None),
        ("\u0661\u0669\u0662.0.2.60", None),
        ("<script>", None),
    ],
)
def test_an_address_is_the_same_however_it_is_written(written: str, meant: str | None) -> None:
    assert read_address(written) == (ip_address(meant) if meant else None)


@given(address=ADDRESSES, port=st.integers(0, 65535), zone=st.sampled_from(["", "%eth0", "%3"]))
def test_a_port_brackets_and_a_zone_change_nothing(
    address: IPv4Address | IPv6Address, port: int, zone: str
) -> None:
    plain = getattr(address, "ipv4_mapped", None) or address
    assert read_address(str(address)) == plain
    if isinstance(address, IPv4Address):
        assert read_address(f"{address}:{port}") == address
        assert read_address(f"::ffff:{address}") == address
    else:
        for written in (f"[{address}]", f"[{address}{zone}]:{port}", f"{address}{zone}"):
            assert read_address(written) == plain


@given(text=TEXT)
@example("[")
@example("%")
@example("1.2.3.4%:5")
def test_nothing_that_is_written_raises(text: str) -> None:
    read_address(text), read_host(text), read_site(text), read_origin(text)
    asker = client_of(ip_address("127.0.0.1"), text, PROXIES)
    assert asker.proxies >= 1


@pytest.mark.parametrize(
    ("peer", "header", "asks"),
    [
        (
            "198.51.100.9",
            "203.0.113.7",
            "198.51.100.9",
        ),  # nobody declared it: its word counts nothing
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7:50123", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8::7]:50123", "2001:db8::7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "203.0.113.7, 10.0.0.3, 2001:db8:ffff::1", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first was the client's own
        ("127.0.0.1", "203.0.113.7,198.51.100.1,10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", " , 203.0.113.7 ,, ", "203.0.113.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", ",,", "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, garbage, 10.0.0.9", "10.0.0.9"),
        ("127.0.0.1", "10.0.0.8, 10.0.0.9", "10.0.0.8"),  # somebody inside
        ("127.0.0.1", "203.0.113.7;x=1", "127.0.0.1"),
    ],
)
def test_who_asks_is_the_nearest_that_is_no_declared_proxy(
    peer: str, header: str, asks: str
) -> None:
    found = read_address(peer)
    assert found is not None
    assert str(client_of(found, header, PROXIES).address) == asks


@given(
    client=ADDRESSES.filter(lambda each: not is_declared(each, PROXIES)),
    forged=st.lists(st.one_of(TEXT, ADDRESSES.map(str)), max_size=4),
    hops=st.lists(st.sampled_from(["10.0.0.1", "10.9.9.9:80", "[::1]:1", "127.0.0.1"]), max_size=4),
)
def test_nothing_that_a_client_writes_changes_who_it_is(
    client: IPv4Address | IPv6Address, forged: list[str], hops: list[str]
) -> None:
    told = ",".join([*forged, str(client), *hops])
    asker = client_of(ip_address("127.0.0.1"), told, PROXIES)
    assert asker.address == read_address(str(client)) or is_declared(asker.address, PROXIES)
    assert asker.proxies == len(hops) + 1 or is_declared(read_address(str(client)), PROXIES)


def test_each_proxy_may_append_to_the_other_headers_or_leave_them() -> None:
    asker = client_of(ip_address("127.0.0.1"), "203.0.113.7, 10.0.0.1", PROXIES)
    assert asker.proxies == 2
    assert asker.said("https") == "https"  # the outer one set it
    assert asker.said("https, http") == "https"  # the inner one appended
    assert asker.said("forged, https, http") == "https"
    assert asker.said("") == ""


# Kludex/starlette#3456, Kludex/starlette#3360, gethomepage/homepage#6998.
@pytest.mark.parametrize(
    ("written", "name", "port"),
    [
        ("example.org", "example.org", 0),
        ("Example.ORG.:8443", "example.org", 8443),
        ("[::1]", "[::1]", 0),
        ("[::1]:8000", "[::1]", 8000),
        ("[0:0:0:0:0:0:0:1]:8000", "[::1]", 8000),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("tier_zero:8000", "tier_zero", 8000),
        ("b\u00fccher.example", "xn--bcher-kva.example", 0),
    ],
)
def test_a_host_has_one_spelling(written: str, name: str, port: int) -> None:
    found = read_host(written)
    assert found is not None
    assert (found.name, found.port) == (name, port)


@pytest.mark.parametrize(
    "written",
    [
        "", ":80", "a:b", "a:0", "a:65536", "a:80:80", "::1", "[::1", "[::1]x", "[127.0.0.1]",
        "a/b", "user@host", "a b", "a..b", "-", "a\r\nb", "[:::]", "a" * 300,
        "\u2100.example", "%00",
    ],
)  # fmt: skip
def test_what_is_no_host_is_none(written: str) -> None:
    assert read_host(written) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://example.org", "https://example.org"),
        ("https://Example.org:443/", "https://example.org"),
        ("https://example.org:8443/kb/", "https://example.org:8443/kb"),
        ("http://[::1]:8000/a/b", "http://[::1]:8000/a/b"),
        ("ftp://example.org", None), ("example.org", None), ("https://", None), ("", None),
        ("https://a/?q", None), ("https://a/#f", None), ("https://u:p@a/", None), ("//a/b", None),
        ("https://a/../b", None), ("https://a//b", None), ("https://a/b c", None),
        ("https://[", None), ("https://a:port", None), ("https://a/%2e%2e", None),
        ("https://a/<x>", None),
    ],
)  # fmt: skip
def test_a_site_is_an_address_of_http_with_a_host(written: str, read: str | None) -> None:
    found = read_site(written)
    assert (str(found) if found else None) == read


@pytest.mark.parametrize(
    "written",
    ["null", "", "https://a/", "https://a?b", "https://u@a", "a", "file://", "https://a b"],
)
def test_an_origin_is_a_scheme_a_host_and_a_port_alone(written: str) -> None:
    assert read_origin(written) is None


def test_a_name_with_a_dot_in_front_stands_for_all_below() -> None:
    trusted = {".example.org", "[::1]", "localhost"}
    assert all(is_among(n, trusted) for n in ("example.org", "a.b.example.org", "[::1]"))
    assert not any(is_among(n, trusted) for n in ("badexample.org", "example.org.evil", "::1", ""))
