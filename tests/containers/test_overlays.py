# SPDX-License-Identifier: MIT
"""Secrets from files and https: the further compose files of docker/, one instance, from outside NGINX."""
import collections
import re
import socket
import ssl

import jwt
import pytest
import requests
import websockets
from chat import PASSWORD
from server import DEADLINE, ROOT, clean_env, wait_until
from stack import Stack, free_port

README = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")

Secured = collections.namedtuple("Secured", "stack https secrets")


@pytest.fixture(scope="module")
def secured(built, tmp_path_factory):
    """The secrets are made by the README's own lines."""
    folder = tmp_path_factory.mktemp("secured")
    secrets = folder / "docker" / "secrets"
    lines = re.search(r"^<!-- run: secrets -->\n```sh\n(.*?)^```", README, re.M | re.S)[1]
    (folder / "docker").mkdir()
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
           "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", "privkey.pem", "-out", "fullchain.pem"]
    port = free_port()
    stack = Stack(f"{built.name}s", image=built.image, overlays=["secrets", "tls"], env={
        "HTTPS_PORT": f"127.0.0.1:{port}",
        **{variable: str(secrets / name) for variable, name in {
            "JWT_SECRET_FILE": "jwt_secret", "REDIS_PASSWORD_FILE": "redis_password",
            "TLS_CERTIFICATE": "fullchain.pem", "TLS_KEY": "privkey.pem"}.items()}})
    stack.run("sh", "-euc", f"cd {folder}\n{lines}\ncd docker/secrets\n{' '.join(key)}\nchmod 444 *.pem")
    try:
        stack.compose("up", "-d", "--no-build")
        one = Secured(stack, f"https://127.0.0.1:{port}", secrets)
        wait_until(lambda: is_ready(one), deadline=60, what="https")
        yield one
    finally:
        problems = stack.close()
    assert not problems, "\n".join(problems)


def call(secured, method, path, **options):
    return requests.request(method, secured.https + path, verify=str(secured.secrets / "fullchain.pem"),
                            timeout=DEADLINE, **options)


def is_ready(secured):
    try:
        return call(secured, "GET", "/readyz").status_code == 200
    except requests.RequestException:
        return False


def log_in(secured):
    body = {"user": "anna", "password": PASSWORD}
    assert call(secured, "POST", "/register", json=body).status_code in (201, 409)
    return call(secured, "POST", "/login", json=body)


def test_http_leads_to_https(secured):
    answer = requests.get(secured.stack.http + "/some?where=1", timeout=DEADLINE, allow_redirects=False)
    assert answer.status_code == 308 and answer.headers["Location"] == secured.https + "/some?where=1"


def test_what_browsers_are_told_over_https(secured):
    page, none, answer = (call(secured, "GET", path) for path in ("/", "/nothing", "/api/v1/me"))
    assert [one.status_code for one in (page, none, answer)] == [200, 404, 401]
    for one in (page, none, answer):
        assert one.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "; secure" in log_in(secured).headers["Set-Cookie"].lower()


async def test_a_room_over_https(secured):
    """And a page that came by http is another origin."""
    context = ssl.create_default_context(cafile=str(secured.secrets / "fullchain.pem"))
    url = secured.https.replace("https:", "wss:") + "/ws?room=general"
    headers = {"Cookie": f"token={log_in(secured).json()['token']}"}
    async with websockets.connect(url, ssl=context, extra_headers=headers, origin=secured.https) as room:
        await room.send('{"text":"over https","typing":false}')
        assert '"over https"' in await room.recv()
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        await websockets.connect(url, ssl=context, extra_headers=headers,
                                 origin=secured.https.replace("https:", "http:"))
    assert refused.value.status_code == 403


@pytest.mark.filterwarnings("ignore:.*TLSv1_1")
def test_old_tls_is_refused(secured):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    port = int(secured.https.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock, \
            pytest.raises(ssl.SSLError, match="alert protocol version"):
        context.wrap_socket(sock)


def test_the_key_is_that_of_the_file(secured):
    token = log_in(secured).json()["token"]
    key = (secured.secrets / "jwt_secret").read_text(encoding="utf-8").strip()
    assert jwt.decode(token, key, algorithms=["HS256"])["sub"] == "anna"


def test_redis_asks_for_the_password(secured):
    redis = secured.stack.containers("redis")[0]
    refused = secured.stack.docker("exec", redis, "redis-cli", "keys", "*", check=False)
    assert "NOAUTH" in refused


def test_no_secret_is_shown(secured):
    """Neither by `docker inspect`, nor in a log or a command line."""
    words = [(secured.secrets / name).read_text(encoding="utf-8").strip() for name in ("jwt_secret", "redis_password")]
    for service in ("chat", "redis", "nginx"):
        container = secured.stack.containers(service)[0]
        shown = [secured.stack.docker("inspect", container), secured.stack.docker("logs", container),
                 secured.stack.docker("exec", container, "sh", "-c", "cat /proc/[0-9]*/cmdline", check=False)]
        assert not any(word in text for word in words for text in shown), service


def test_a_secret_that_is_missing(secured, tmp_path):
    """Compose says which file it is that is not there, and starts nothing with an empty secret."""
    env = clean_env({**secured.stack.env, "JWT_SECRET_FILE": str(tmp_path / "typo"),
                     "COMPOSE_PROJECT_NAME": f"{secured.stack.name}m"})
    other = Stack(f"{secured.stack.name}m", image=secured.stack.image, env=env)
    try:
        said = other.compose("run", "--rm", "--no-deps", "-T", "chat", "--check", check=False)
    finally:
        other.down("--volumes")
    assert "typo" in said and ": ok" not in said, said
