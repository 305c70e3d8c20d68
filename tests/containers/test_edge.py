# SPDX-License-Identifier: MIT
"""What NGINX lets through, what it refuses, and how: nginx.conf, tried from outside."""
import asyncio
import concurrent.futures
import gzip
import json
import re
import socket
import time

import pytest
import requests
from chat import PASSWORD
from server import DEADLINE, ROOT, wait_until

STATIC = ROOT / "static"
# They differ because who serves them differs.
OF_THE_SERVER = {"server", "date", "connection", "etag", "last-modified", "accept-ranges", "content-length",
                 "transfer-encoding"}


def raw(site, data, wait=DEADLINE):
    """What comes back, to its end."""
    with socket.create_connection((site.host, site.port), timeout=wait) as sock:
        sock.sendall(data)
        answer = b""
        while True:
            piece = sock.recv(65536)
            if not piece:
                return answer
            answer += piece


def upgrade(stack, **headers):
    """The status of an upgrade with these headers; of two with one name the second counts."""
    lines = {"Host": f"127.0.0.1:{stack.nodes[0].port}", "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
             "Cookie": f"token={stack.token('anna')}", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", stack.nodes[0].port), timeout=DEADLINE) as sock:
        sock.sendall(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
        return int(sock.recv(65536).split()[1])


# -- who may come in -------------------------------------------------------------------------------


def test_the_origin_with_its_port(stack):
    """A page's own address works on any port; on port 80 a browser names none."""
    port = stack.nodes[0].port
    assert upgrade(stack, Origin=f"http://127.0.0.1:{port}") == 101
    assert upgrade(stack, Host="chat.example", Origin="http://chat.example") == 101


@pytest.mark.parametrize("origin", ["http://127.0.0.1", "http://evil.example", "null"])
def test_a_wrong_origin(stack, origin):
    """Another name, another port, none: it is not let in, and the page is told nothing."""
    assert upgrade(stack, Origin=origin) == 403
    answer = requests.post(stack.http + "/login", headers={"Origin": origin}, json={}, timeout=DEADLINE)
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["Host: a b\r\n", "", "Host: one.example\r\nHost: two.example\r\n",
                                  "Host: a/b\r\n"])
def test_a_wrong_host(stack, host):
    answer = raw(stack.nodes[0], f"POST /login HTTP/1.1\r\n{host}Content-Length: 2\r\n"
                                 "Connection: close\r\n\r\n{}".encode())
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"]["code"] == "bad_request"


def test_a_host_that_is_not_the_origins(stack):
    """The page of another name asks for this one."""
    own = f"http://127.0.0.1:{stack.nodes[0].port}"
    assert upgrade(stack, Host="rebound.example", Origin=own) == 403


# -- what chatd is told ----------------------------------------------------------------------------


def test_the_clients_address_cannot_be_made_up(stack):
    """chatd's log has the address that NGINX saw, whatever a client says about itself."""
    name = "nobody-with-this-name"
    answer = requests.post(stack.http + "/login", json={"user": name, "password": PASSWORD}, timeout=DEADLINE,
                           headers={"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7",
                                    "Forwarded": "for=203.0.113.7"})
    assert answer.status_code == 401
    line = wait_until(lambda: re.search(f"login of `{name}` from (.*) failed", stack.logs("chat")),
                      what="the line about the login")
    nginx = stack.containers("nginx")[0]
    seen = stack.docker("logs", "--tail", "50", nginx)
    client = re.findall(r'^(\S+) \[.*"POST /login ', seen, re.MULTILINE)[-1]
    assert line[1] == client
    assert line[1] not in (stack.address(nginx), "203.0.113.7")


def test_https_of_a_client_is_not_believed(stack):
    """The cookie is for https only where NGINX itself saw TLS."""
    stack.token("anna")
    answer = requests.post(stack.http + "/login", json={"user": "anna", "password": PASSWORD}, timeout=DEADLINE,
                           headers={"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200 and "secure" not in answer.headers["Set-Cookie"].lower()
    site = stack.sites()[0]
    direct = requests.post(site.http + "/login", json={"user": "anna", "password": PASSWORD}, timeout=DEADLINE,
                           headers={"X-Forwarded-Proto": "https"})
    assert "; secure" in direct.headers["Set-Cookie"].lower(), "a private address may say so: trusted_proxies"


def test_only_websocket_is_upgraded(stack):
    assert upgrade(stack, Upgrade="h2c") != 101
    assert upgrade(stack, Upgrade="WebSocket") == 101


def test_the_access_log_holds_no_secret(stack):
    token = stack.token("anna")
    requests.get(stack.http + "/api/v1/me?token=" + token, timeout=DEADLINE, cookies={"token": token},
                 headers={"Authorization": "Bearer " + token, "Referer": "http://x/?" + token})
    wait_until(lambda: '"GET /api/v1/me HTTP/1.1" 200' in stack.logs("nginx"), what="the line about it")
    assert token[-40:] not in stack.logs("nginx")
    assert token[-40:] not in stack.logs("chat")


def test_metrics_are_not_for_the_outside(stack):
    assert requests.get(stack.http + "/metrics", timeout=DEADLINE).status_code == 404
    assert requests.get(stack.http + "//metrics", timeout=DEADLINE).status_code == 404
    assert requests.get(stack.http + "/x/../metrics", timeout=DEADLINE).status_code == 404


async def test_bodies_that_wait_do_not_end_nginx(stack):
    """Each is kept in memory until it is whole: beyond a bound they are refused, and everybody else chats on."""
    nginx = stack.containers("nginx")
    slow, data = [], b"x" * (1000 * 1000)
    async with stack.v1("anna", room="slow-bodies") as anna:
        for _ in range(100):
            sock = socket.create_connection(("127.0.0.1", stack.nodes[0].port), timeout=DEADLINE)
            slow.append(sock)
            try:
                sock.sendall(b"POST /logout HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n" + data)
            except OSError:
                pass  # it is refused while it sends
        await anna.say("still here")
        assert anna.connections == 1
    for sock in slow:
        sock.close()
    assert stack.containers("nginx") == nginx
    assert not stack.inspect(nginx[0])["State"]["OOMKilled"] and stack.inspect(nginx[0])["RestartCount"] == 0


@pytest.fixture
def refuser(stack, tmp_path):
    """One more "chat" for NGINX, which answers everything with 503."""
    name = f"{stack.name}-refuser"
    (tmp_path / "nginx.conf").write_text("events {}\nhttp { server { listen 8080; location / {\n"
                                         "    add_header X-Refuser yes always; return 503; } } }\n")
    image = stack.inspect(stack.containers("nginx")[0])["Config"]["Image"]
    stack.docker("run", "-d", "--name", name, "--network", f"{stack.name}_front", "--network-alias", "chat",
                 "-v", f"{tmp_path}/nginx.conf:/etc/nginx/nginx.conf:ro", image)
    yield name
    stack.docker("rm", "-f", name)


def test_only_what_may_be_repeated_is(stack, refuser):
    """A GET that an instance refuses goes to another one; a POST may have been carried out, and does not."""
    def reached(method):
        return stack.docker("logs", refuser).count(f'"{method} /')

    def ask(method, path):
        return requests.request(method, stack.http + path, timeout=DEADLINE)

    wait_until(lambda: [ask("GET", "/livez").status_code, reached("GET") > 5][1], what="GETs there")
    assert {ask("GET", "/livez").status_code for _ in range(30)} == {200}
    refused = sum(ask("POST", "/logout").headers.get("X-Refuser") == "yes" for _ in range(40))
    assert 0 < refused < 40 and reached("POST") == refused


# -- files -----------------------------------------------------------------------------------------


def test_files_have_the_headers_of_static(stack):
    """Each file of the page, from NGINX and from chatd: the same bytes, type and headers."""
    site = stack.sites()[0]
    files = ["/"] + ["/" + str(path.relative_to(STATIC)) for path in sorted(STATIC.rglob("*"))
                     if path.is_file() and path.name != "package.json"]
    assert len(files) > 20
    for path in files:
        mine, its = (requests.get(server.http + path, timeout=DEADLINE) for server in (stack.nodes[0], site))
        assert mine.status_code == its.status_code == 200, path
        assert mine.content == its.content, path
        assert kept(mine) == kept(its), path


def kept(answer):
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OF_THE_SERVER}


@pytest.mark.parametrize("path", ["/nothing", "/js/", "/.env", "/js/.hidden"])
def test_no_file(stack, path):
    """What is not there looks the same, whoever says so."""
    mine, its = (requests.get(server.http + path, timeout=DEADLINE) for server in (stack.nodes[0], stack.sites()[0]))
    assert mine.status_code == its.status_code == 404
    assert mine.json() == its.json() and kept(mine) == kept(its)


@pytest.mark.parametrize("path", ["/", "/js/main.js"])
def test_a_file_that_is_known_is_not_sent_again(stack, path):
    """What the browser is told then takes the place of what it knows, and must be the same."""
    first = requests.get(stack.http + path, timeout=DEADLINE)
    again = requests.get(stack.http + path, timeout=DEADLINE, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    assert kept(again).items() <= kept(first).items() and "content-security-policy" in kept(again)


def test_text_is_compressed_and_answers_of_chatd_are_not(stack):
    head = b"GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    answer = raw(stack.nodes[0], head % b"/index.html").partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in answer[0] and b"Vary: Accept-Encoding" in answer[0]
    body = b"".join(piece for piece in chunks(answer[2]))
    assert gzip.decompress(body) == (STATIC / "index.html").read_bytes()
    assert b"Content-Encoding" not in raw(stack.nodes[0], head % b"/readyz")


def chunks(body):
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[:int(size, 16)]
        body = body[int(size, 16) + 2:]


# -- sizes and speeds ------------------------------------------------------------------------------


def test_a_body_over_the_limit(stack):
    answer = requests.post(stack.http + "/register", data=b"x" * (1024 * 1024 + 1), timeout=DEADLINE)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_head_over_the_limit(stack):
    answer = requests.get(stack.http + "/", headers={"X-Long": "x" * 20000}, timeout=DEADLINE)
    assert answer.status_code == 431 and answer.json()["error"]["code"] == "too_large"


def test_another_method_for_a_file(stack):
    answer = requests.post(stack.http + "/index.html", timeout=DEADLINE)
    assert answer.status_code == 405 and answer.json()["error"]["code"] == "bad_request"
    assert answer.headers["Content-Type"] == "application/json"


async def test_a_client_that_sends_slowly(stack):
    """A head that never ends is cut off after client_header_timeout; meanwhile the others are served."""
    slow = [socket.create_connection(("127.0.0.1", stack.nodes[0].port)) for _ in range(50)]
    for sock in slow:
        sock.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-A: ")
        sock.setblocking(False)
    async with stack.v1("anna", room="slow-heads") as anna:
        gone, end = set(), time.monotonic() + DEADLINE
        while len(gone) < len(slow):
            assert time.monotonic() < end, f"{len(gone)} of {len(slow)} were cut off"
            await anna.say(f"{len(gone)} are gone, {time.monotonic()}")
            for sock in set(slow) - gone:
                if is_over(sock):
                    gone.add(sock)
            await asyncio.sleep(0.2)
    for sock in slow:
        sock.close()


def is_over(sock):
    try:
        return sock.recv(1000) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


async def test_a_reader_that_stands_still(stack):
    """It holds nobody up, and reads all in the end: live, or told of a gap that it fetches."""
    speakers = [stack.v1(f"flood{i}", room="flood") for i in range(8)]
    each, size = 450, 4000
    slow = stack.v1("slow", room="flood", narrow=True, fetches=True)
    async with stack.v1("quick", room="flood") as quick, slow:
        slow.pause()
        for speaker in speakers:
            await speaker.open()
        await asyncio.gather(*(talk(speaker, each, size) for speaker in speakers))
        top = 0
        heard = []
        while len(heard) < each * len(speakers):
            heard.append(await quick.next())
            top = max(top, heard[-1]["seq"])
        assert [frame["seq"] for frame in heard] == list(range(1, top + 1))
        slow.resume()
        seen = set()
        while top not in seen:
            frame = await slow.next()
            if frame["type"] == "message":
                seen.add(frame["seq"])
            elif frame["type"] == "gap":
                seen.update(row["seq"] for row in await slow.fetch(frame))
        assert seen == set(range(1, top + 1))
    for speaker in speakers:
        await speaker.close()


async def talk(speaker, n, size):
    """As fast as it may: verb_rate has it wait now and then."""
    for i in range(n):
        await speaker.say_surely(f"{speaker.name} {i} ".ljust(size, "x"))


def test_too_many_from_one_address(stack):
    """Passwords are dear: beyond a burst NGINX refuses, says when to come again, and lets the rest through."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: requests.post(stack.http + "/login", data=b"{", timeout=DEADLINE), range(80)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and refused[0].json()["error"]["code"] == "rate_limited"
    assert refused[0].headers["Retry-After"] == "1"
    assert requests.get(stack.http + "/readyz", timeout=DEADLINE).status_code == 200
    wait_until(lambda: requests.post(stack.http + "/login", data=b"{", timeout=DEADLINE).status_code == 400,
               what="an end of the refusals")
    # So that the next test finds nothing used up.
    stack.compose("restart", "-t", "1", "nginx")
    stack.wait_ready()
