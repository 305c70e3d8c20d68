# SPDX-License-Identifier: MIT
"""The web client as the plugin static serves it: types, tags, and nothing outside its root."""
import os

import pytest
import requests
from raw_ws import CALM, Raw
from server import run_chatd, wait_until

SECRET_TEXT = "not for the web"


@pytest.fixture
def web(chatd, tmp_path):
    """A web root at web.root, beside which lies what must not be served."""
    root = tmp_path / "outer" / "root"
    (root / "css").mkdir(parents=True)
    (root / "..data").mkdir()
    for name in ("secret.txt", "root/.hidden", "root/..data/x.txt", "root/css/.env"):
        (root.parent / name).write_text(SECRET_TEXT)
    (root / "index.html").write_text("<!doctype html><title>index</title>")
    (root / "css" / "a.css").write_text("a{}")
    (root / "sp ace.txt").write_text("space")
    (root / "\u00e9.txt").write_text("accent")
    os.symlink(root.parent / "secret.txt", root / "leak.txt")
    os.symlink(root.parent, root / "up")
    os.symlink("index.html", root / "inside.html")
    os.mkfifo(root / "pipe")
    server = chatd(core=CALM, only={"static": "on"}, sections={"static": {"root": str(root)}})
    server.root = root
    return server


def raw_get(server, path, headers=""):
    """A path as it is: client libraries would tidy it up."""
    with Raw(server) as raw:
        return raw.ask(f"GET {path} HTTP/1.1\nHost: test\n{headers}\n")


@pytest.mark.parametrize("name, content_type", [
    ("a.html", "text/html; charset=utf-8"),
    ("a.css", "text/css; charset=utf-8"),
    ("a.js", "text/javascript; charset=utf-8"),
    ("a.mjs", "text/javascript; charset=utf-8"),
    ("a.json", "application/json"),
    ("a.svg", "image/svg+xml; charset=utf-8"),
    ("a.PNG", "image/png"),
    ("a.ico", "image/vnd.microsoft.icon"),
    ("a.woff2", "font/woff2"),
    ("a.txt", "text/plain; charset=utf-8"),
    ("a.webmanifest", "application/manifest+json"),
    ("a.unknown", "application/octet-stream"),
    ("html", "application/octet-stream"),
    ("a.html.gz", "application/octet-stream"),
])
def test_types_follow_the_name(web, name, content_type):
    (web.root / name).write_bytes(b"content")
    reply = requests.get(f"{web.http}/{name}")
    assert (reply.status_code, reply.content) == (200, b"content")
    assert reply.headers["content-type"] == content_type
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_the_root_is_the_index(web):
    assert requests.get(web.http + "/").content == (web.root / "index.html").read_bytes()
    assert requests.get(web.http + "/?a=b").status_code == 200


def test_all_files_are_asked_for_each_time(web):
    """After an upgrade a browser must not run new modules beside old ones."""
    for path in ("/", "/css/a.css", "/sp%20ace.txt"):
        assert requests.get(web.http + path).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("max_age, control", [("1h", "public, max-age=3600"), ("0", "no-cache"),
                                              ("500ms", "no-cache"), ("1s", "public, max-age=1")])
def test_max_age_is_for_all_but_html(chatd, tmp_path, max_age, control):
    (tmp_path / "index.html").write_text("x")
    (tmp_path / "a.css").write_text("a{}")
    server = chatd(core=CALM, only={"static": "on"},
                   sections={"static": {"root": str(tmp_path), "max_age": max_age}})
    assert requests.get(server.http + "/").headers["cache-control"] == "no-cache"
    for headers in ({}, {"If-None-Match": "*"}):
        reply = requests.get(server.http + "/a.css", headers=headers)
        assert reply.headers["cache-control"] == control


def test_html_has_a_policy_that_lets_only_the_own_origin_in(web):
    policy = requests.get(web.http + "/").headers["content-security-policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    none, own = "'none'", "'self'"
    for name in ("default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types"):
        assert rules.pop(name) == none, name
    for name in ("script-src", "style-src", "img-src", "font-src", "connect-src", "manifest-src"):
        assert rules.pop(name) == own, name
    assert rules == {"require-trusted-types-for": "'script'"}


@pytest.mark.parametrize("known", [False, True])
def test_html_is_alone_and_sees_and_hears_nothing(web, known):
    reply = requests.get(web.http + "/", headers={"If-None-Match": "*"} if known else {})
    assert reply.status_code == (304 if known else 200)
    assert reply.headers["cross-origin-opener-policy"] == "same-origin"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert set(reply.headers["permissions-policy"].split(", ")) == {
        "camera=()", "microphone=()", "geolocation=()"}
    # Other files have none of it but what all answers have.
    other = requests.get(web.http + "/css/a.css").headers
    assert "cross-origin-opener-policy" not in other and "permissions-policy" not in other
    assert (other["referrer-policy"], other["x-content-type-options"]) == ("no-referrer", "nosniff")


def test_the_shipped_client_is_served_by_default(chatd):
    server = chatd(core=CALM, only={"static": "on"})
    reply = requests.get(server.http + "/")
    assert reply.status_code == 200 and "<html" in reply.text
    assert requests.get(server.http + "/js/main.js").headers["content-type"].startswith("text/java")


# --- tags --------------------------------------------------------------------------------------


def test_a_known_tag_gets_304_without_a_body(web):
    tag = requests.get(web.http + "/css/a.css").headers["etag"]
    assert tag.startswith('"') and tag.endswith('"')
    with Raw(web) as raw:
        for value in (tag, f'"other", {tag}', "*", "W/" + tag):
            reply = raw.ask(f"GET /css/a.css HTTP/1.1\nHost: test\nIf-None-Match: {value}\n\n")
            assert (reply.status, reply.headers["etag"]) == (304, tag)
            assert reply.headers["cache-control"] == "no-cache"
        # Had a 304 a body, it would stand here.
        assert raw.ask("GET /css/a.css HTTP/1.1\nHost: test\n\n").body == b"a{}"


@pytest.mark.parametrize("value", ['"other"', "other", '"', "", 'W/"other"'])
def test_another_tag_gets_the_file(web, value):
    assert raw_get(web, "/css/a.css", f"If-None-Match: {value}\n").body == b"a{}"


def test_the_tag_comes_from_the_content(web):
    (web.root / "b.css").write_text("a{}")
    (web.root / "c.css").write_text("b{}")
    tags = [requests.get(f"{web.http}/{p}").headers["etag"] for p in ("css/a.css", "b.css", "c.css")]
    assert tags[0] == tags[1] != tags[2]


def test_a_changed_file_is_seen(web):
    tag = requests.get(web.http + "/css/a.css").headers["etag"]
    (web.root / "new.css").write_text("b{}")
    os.replace(web.root / "new.css", web.root / "css" / "a.css")
    wait_until(lambda: requests.get(web.http + "/css/a.css").text == "b{}", what="the new file")
    reply = requests.get(web.http + "/css/a.css", headers={"If-None-Match": tag})
    assert (reply.status_code, reply.text) == (200, "b{}")


def test_a_removed_file_is_404_soon(web):
    assert requests.get(web.http + "/css/a.css").status_code == 200
    (web.root / "css" / "a.css").unlink()
    wait_until(lambda: requests.get(web.http + "/css/a.css").status_code == 404, what="a 404")


# --- nothing outside ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/css/../../secret.txt", "/css/../index.html", "/./index.html",
    "/%2e%2e/secret.txt", "/%2E%2E%2Fsecret.txt", "/..%2fsecret.txt", "/css%2f..%2f..%2fsecret.txt",
    "/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt", "/..%255csecret.txt",
    "/..\\secret.txt", "/..%5csecret.txt", "/css\\a.css", "/css%5ca.css", "/css/..%5c..%5csecret.txt",
    "/%c0%ae%c0%ae/secret.txt", "/%e0%80%ae%e0%80%ae/secret.txt", "/..%c0%afsecret.txt",
    "/.hidden", "/%2ehidden", "/css/.env", "/..data/x.txt", "/...", "/.",
    "//secret.txt", "///etc/passwd", "//etc/passwd", "/css//a.css", "/css/", "/css", "/%2fetc/passwd",
    "/leak.txt", "/up/secret.txt", "/up", "/pipe",
    "/index.html%00.css", "/%00", "/index.html%0a", "/index.html/", "/index.html/x",
    "/secret.txt", "/" + "a" * 300, "/" + "a/" * 500, "/css/%2e%2e%2f%2e%2e%2fsecret.txt",
    "http://test/../secret.txt", "/;/../secret.txt", "/css/..;/secret.txt", "/%zz", "/%", "/%2",
])
def test_nothing_outside_or_hidden_is_served(web, path):
    reply = raw_get(web, path)
    assert reply.status in (400, 404), reply
    assert SECRET_TEXT.encode() not in reply.body
    assert raw_get(web, "/css/a.css").status == 200


def test_names_with_blanks_and_accents_are_served(web):
    assert raw_get(web, "/sp%20ace.txt").body == b"space"
    assert raw_get(web, "/%C3%A9.txt").body == b"accent"


def test_a_link_that_stays_inside_is_served_or_not_there_at_all(web):
    """Symbolic links that lead out of the root are refused; on kernels without openat2, all."""
    assert raw_get(web, "/inside.html").status in (200, 404)


def test_a_file_over_file_max_is_404_with_a_warning(chatd, tmp_path):
    (tmp_path / "index.html").write_text("x")
    (tmp_path / "large.bin").write_bytes(b"x" * 2000)
    server = chatd(core=CALM, only={"static": "on"},
                   sections={"static": {"root": str(tmp_path), "file_max": "1k"}})
    server.expect("large.bin is larger than file_max")
    assert requests.get(server.http + "/large.bin").status_code == 404
    server.wait_log("large.bin is larger than file_max")


@pytest.mark.parametrize("what", ["no folder", "no index"])
def test_a_root_that_cannot_be_served_stops_the_start(tmp_path, what):
    root = tmp_path / "web"
    if what == "no index":
        root.mkdir()
    ini = tmp_path / "chatd.ini"
    ini.write_text(f"[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nstatic = on\n[static]\nroot = {root}\n")
    ended = run_chatd("-c", ini)
    assert ended.returncode == 1
    assert str(root) in ended.stderr
