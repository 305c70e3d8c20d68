# SPDX-License-Identifier: MIT
"""The web client compressed: who gets which form, under which tag, and that both are the file."""
import gzip
import os
import signal

import pytest
import requests
from raw_ws import CALM, Raw
from server import ROOT, wait_until

SCRIPT = b"export function greet(name) { return 'Hello, ' + name; }\n" * 40
PAGE = b"<!doctype html><title>index</title>" + b"<p>text and more text</p>" * 40


@pytest.fixture
def start(chatd, tmp_path):
    """start(**options of [static]): a chatd with a root of its own at .root."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_bytes(PAGE)
    (root / "a.js").write_bytes(SCRIPT)
    (root / "a.bin").write_bytes(SCRIPT)
    (root / "small.js").write_bytes(SCRIPT[:255])
    (root / "noise.txt").write_bytes(os.urandom(5000))

    def start(**options):
        server = chatd(core=CALM, only={"static": "on"},
                       sections={"static": {"root": str(root), **options}})
        server.root = root
        return server
    return start


@pytest.fixture
def web(start):
    return start()


def ask(server, path, accept="gzip", method="GET", **headers):
    """As it comes from the wire: client libraries would unpack it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    if accept is not None:
        lines.append(f"Accept-Encoding: {accept}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with Raw(server) as raw:
        return raw.ask("\n".join(lines) + "\n\n", no_body=method == "HEAD")


def is_gzip(reply):
    return reply.headers.get("content-encoding") == "gzip"


def test_who_takes_gzip_gets_it(web):
    for path, whole, content_type in (("/a.js", SCRIPT, "text/javascript; charset=utf-8"),
                                      ("/", PAGE, "text/html; charset=utf-8")):
        reply = ask(web, path)
        assert (reply.status, is_gzip(reply)) == (200, True)
        assert gzip.decompress(reply.body) == whole
        assert len(reply.body) == int(reply.headers["content-length"]) < len(whole) / 4
        assert reply.headers["content-type"] == content_type
        assert reply.headers["vary"] == "Accept-Encoding"
    # And a client that nobody here wrote unpacks it.
    reply = requests.get(web.http + "/a.js")
    assert (reply.headers["content-encoding"], reply.content) == ("gzip", SCRIPT)


@pytest.mark.parametrize("accept, wants", [
    (None, False), ("", False), ("identity", False), ("br", False), ("gzip;q=0", False),
    ("*;q=0", False), ("gzip;q=0, *", False), ("identity, gzip;q=0.5", False), ("gzip;q=9", False),
    ("gzip, deflate, br, zstd", True), ("*", True), ("GZIP;q=0.1", True), ("*;q=0, gzip", True),
])
def test_the_header_is_followed(web, accept, wants):
    reply = ask(web, "/a.js", accept)
    assert (reply.status, is_gzip(reply)) == (200, wants)
    assert (gzip.decompress(reply.body) if wants else reply.body) == SCRIPT
    assert reply.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["a.bin", "small.js", "noise.txt"])
def test_what_compression_does_not_help_has_one_form(web, name):
    reply = ask(web, "/" + name)
    assert (reply.status, is_gzip(reply)) == (200, False)
    assert "vary" not in reply.headers
    assert reply.body == (web.root / name).read_bytes()


def test_each_form_has_a_tag_of_its_own(web):
    packed, plain = ask(web, "/a.js"), ask(web, "/a.js", None)
    tags = [reply.headers["etag"] for reply in (packed, plain)]
    assert tags[0] != tags[1]
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    for accept, mine, other in (("gzip", *tags), (None, *reversed(tags))):
        for named in (mine, "W/" + mine, f"{other}, {mine}", "*"):
            reply = ask(web, "/a.js", accept, If_None_Match=named)
            assert (reply.status, reply.headers["etag"]) == (304, mine)
            assert reply.headers["vary"] == "Accept-Encoding"
        reply = ask(web, "/a.js", accept, If_None_Match=other)
        assert (reply.status, reply.headers["etag"]) == (200, mine)
        assert is_gzip(reply) == (accept == "gzip")


def test_a_304_has_no_body(web):
    tag = ask(web, "/a.js").headers["etag"]
    with Raw(web) as raw:
        request = "GET /a.js HTTP/1.1\nHost: test\nAccept-Encoding: gzip\n"
        assert raw.ask(f"{request}If-None-Match: {tag}\n\n").status == 304
        assert gzip.decompress(raw.ask(request + "\n").body) == SCRIPT  # it would stand here


@pytest.mark.parametrize("accept", ["gzip", None])
@pytest.mark.parametrize("path", ["/a.js", "/", "/small.js"])
def test_head_agrees_with_get(web, path, accept):
    get, head = ask(web, path, accept), ask(web, path, accept, "HEAD")
    for reply in (get, head):
        reply.headers.pop("date", None)
    assert (head.status, head.headers) == (200, get.headers)


def test_both_forms_follow_the_file(web):
    ask(web, "/a.js")
    fresh = SCRIPT.replace(b"Hello", b"Moin!")
    (web.root / "new.js").write_bytes(fresh)
    os.replace(web.root / "new.js", web.root / "a.js")
    wait_until(lambda: gzip.decompress(ask(web, "/a.js").body) == fresh, what="the new file")
    assert ask(web, "/a.js", None).body == fresh


def test_off_means_one_form(start):
    reply = ask(start(compress="off"), "/a.js")
    assert (reply.body, is_gzip(reply)) == (SCRIPT, False)
    assert "vary" not in reply.headers


def test_a_reload_turns_it_on_and_off(start):
    server = start(compress="off")
    assert not is_gzip(ask(server, "/a.js"))
    for value in ("on", "off", "on"):
        server.sections["static"]["compress"] = value
        server.write_ini()
        server.process.send_signal(signal.SIGHUP)
        # The file that is in memory has not changed: it is read again for its other form.
        wait_until(lambda: is_gzip(ask(server, "/a.js")) == (value == "on"), what=f"compress = {value}")
        assert ("vary" in ask(server, "/a.js").headers) == (value == "on")


def test_without_a_cache_it_is_compressed_too(start):
    assert gzip.decompress(ask(start(cache_max="0"), "/a.js").body) == SCRIPT


def test_errors_are_not_compressed(web):
    reply = ask(web, "/none.js")
    assert (reply.status, is_gzip(reply)) == (404, False)


def test_the_shipped_client_is_small_at_the_first_visit(chatd):
    server = chatd(core=CALM, only={"static": "on"})
    files = [file for file in (ROOT / "static").rglob("*")
             if file.suffix in (".html", ".css", ".js", ".svg")]
    plain = sent = 0
    for file in files:
        reply = ask(server, f"/{file.relative_to(ROOT / 'static')}", "gzip, deflate, br")
        whole = gzip.decompress(reply.body) if is_gzip(reply) else reply.body
        assert whole == file.read_bytes(), file
        plain, sent = plain + len(whole), sent + len(reply.body)
    assert 0 < sent < plain / 2
