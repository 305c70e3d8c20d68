# SPDX-License-Identifier: MIT
"""Keys of tokens: algorithms, which key a token names, rotation by configuration and HUP."""
import base64
import hashlib
import hmac
import json
import os
import time

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from raw_ws import CALM, SECRET, RawWs, account, login, register, signed
from server import run_chatd

OTHER = "another key of the tests, also longer than 32 bytes"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
PAIRS = {"RS256": RSA, "ES256": P256}


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def kid_of(key):
    """As the plugin names it: a digest of the public half, or one that only its owner can make."""
    if isinstance(key, str):
        return hmac.new(key.encode(), b"chatd kid", hashlib.sha256).hexdigest()[:16]
    der = key.public_key().public_bytes(serialization.Encoding.DER,
                                        serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:16]


@pytest.fixture
def folder(tmp_path):
    """Relative paths of the INI begin here."""
    return tmp_path


def write_key(folder, name, data, mode=0o600):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


def auth(**options):
    return {"auth": options}


def me(server, token):
    return requests.get(server.http + "/api/v1/me", headers={"Authorization": "Bearer " + token})


def token_of(key, algorithm, kid=None, **claims):
    now = int(time.time())
    all_claims = {"sub": "alice", "jti": "j", "iat": now, "exp": now + 600, **claims}
    return jwt.encode(all_claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def by_hand(header, key, digest=hashlib.sha256):
    """A token with an HMAC, whatever its header says and whatever the key is."""
    claims = {"sub": "alice", "jti": "j", "exp": int(time.time()) + 600}
    text = part(header) + b"." + part(claims)
    return (text + b"." + part(hmac.new(key, text, digest).digest())).decode()


@pytest.mark.parametrize("algorithm", PAIRS)
def test_tokens_are_signed_with_a_private_key(chatd, folder, algorithm):
    pair = PAIRS[algorithm]
    path = write_key(folder, "sign.pem", private_pem(pair))
    server = chatd(core=CALM, sections=auth(jwt_key_file=path))
    token = account(server, "alice")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "JWT", "kid": kid_of(pair)}
    assert jwt.decode(token, public_pem(pair), algorithms=[algorithm])["sub"] == "alice"
    assert me(server, token).json()["user"] == "alice"
    # Somebody else with the private half.
    assert me(server, token_of(private_pem(pair), algorithm, kid_of(pair))).status_code == 200
    server.wait_log(rf"tokens are signed with the key {kid_of(pair)} \({algorithm}\)")


BAD = {
    "alg none": lambda pem: (part({"alg": "none", "kid": kid_of(RSA)}) + b"." +
                             part({"sub": "alice", "jti": "j", "exp": 9999999999}) + b".").decode(),
    "HS256 with the public key": lambda pem: by_hand({"alg": "HS256", "kid": kid_of(RSA)}, pem),
    "the same without a kid": lambda pem: by_hand({"alg": "HS256"}, pem),
    "the same with a kid of a secret": lambda pem: by_hand({"alg": "HS256", "kid": kid_of(SECRET)}, pem),
    "HS384 with a kid": lambda pem: token_of(SECRET, "HS384", kid_of(SECRET)),
    "RS384": lambda pem: token_of(private_pem(RSA), "RS384", kid_of(RSA)),
    "PS256": lambda pem: token_of(private_pem(RSA), "PS256", kid_of(RSA)),
    "RS256 without a kid": lambda pem: token_of(private_pem(RSA), "RS256"),
    "another pair": lambda pem: token_of(private_pem(P256), "ES256", kid_of(RSA)),
    "an unknown pair": lambda pem: token_of(private_pem(P256), "ES256", kid_of(P256)),
    "an unknown kid": lambda pem: token_of(SECRET, "HS256", "0123456789abcdef"),
    "a kid of another key": lambda pem: token_of(SECRET, "HS256", kid_of(RSA)),
    "an empty kid": lambda pem: by_hand({"alg": "HS256", "kid": ""}, SECRET.encode()),
    "a kid as a number": lambda pem: by_hand({"alg": "HS256", "kid": 7}, SECRET.encode()),
    "a kid that is a path": lambda pem: by_hand({"alg": "HS256", "kid": "../../dev/null"}, b""),
}


@pytest.fixture
def mixed(chatd, folder):
    """Signs with RSA and still takes what SECRET signed."""
    path = write_key(folder, "sign.pem", private_pem(RSA))
    return chatd(core=CALM, sections=auth(jwt_key_file=path, jwt_old_secret=SECRET))


@pytest.mark.parametrize("kind", BAD)
def test_a_token_of_another_key_or_algorithm_is_refused(mixed, kind):
    assert me(mixed, BAD[kind](public_pem(RSA))).status_code == 401


def test_what_these_would_be_is_good(mixed):
    """Else the test above could not fail."""
    assert me(mixed, token_of(private_pem(RSA), "RS256", kid_of(RSA))).status_code == 200
    assert me(mixed, token_of(SECRET, "HS256", kid_of(SECRET))).status_code == 200
    assert me(mixed, token_of(SECRET, "HS256")).status_code == 200
    assert me(mixed, by_hand({"alg": "HS256"}, SECRET.encode())).status_code == 200


def rotate(server, **options):
    """Writes other keys and has them read."""
    before = server.log.count("reload: done")
    for key, value in options.items():
        if value is None:
            server.sections["auth"].pop(key, None)
        else:
            server.sections["auth"][key] = value
    server.write_ini()
    server.hang_up()
    server.wait_log("(?s)" + ".*".join(["reload: done"] * (before + 1)))


def test_a_rotation_ends_no_session(chatd, folder):
    """Secret, then P-256, then RSA: what the last one signed is good until it is taken out."""
    server = chatd(core=CALM, sections=auth(jwt_secret=SECRET))
    first = account(server, "alice")
    with RawWs(server, headers={"Cookie": "token=" + first}) as ws:
        rotate(server, jwt_secret=None, jwt_old_secret=SECRET,
               jwt_key_file=write_key(folder, "2.pem", private_pem(P256)))
        assert me(server, first).status_code == 200
        assert me(server, signed("bob")).status_code == 200
        second = login(server, "alice").json()["token"]
        assert jwt.get_unverified_header(second)["kid"] == kid_of(P256)
        rotate(server, jwt_key_file=write_key(folder, "3.pem", private_pem(RSA)),
               jwt_old_key_file=write_key(folder, "old.pem", public_pem(P256)))
        assert me(server, first).status_code == 200
        assert me(server, second).status_code == 200
        rotate(server, jwt_old_secret=None)
        assert me(server, first).status_code == 401
        assert me(server, second).status_code == 200
        rotate(server, jwt_old_key_file=None)
        assert me(server, second).status_code == 401
        assert me(server, login(server, "alice").json()["token"]).status_code == 200
        # A socket that is open stays so: its token was looked at when it came.
        ws.send(b"\x89\x80abcd")
        assert ws.frame()[0] == 10


def test_without_old_the_sessions_end(chatd):
    server = chatd(core=CALM, sections=auth(jwt_secret=SECRET))
    token = account(server, "alice")
    rotate(server, jwt_secret=OTHER)
    assert me(server, token).status_code == 401
    assert me(server, login(server, "alice").json()["token"]).status_code == 200


def test_from_the_drawn_key_to_a_configured_one_and_back(chatd):
    server = chatd(core=CALM)
    drawn = account(server, "alice")
    server.expect("chatd.kv has not answered yet")  # for a moment, on the way back
    kid = jwt.get_unverified_header(drawn)["kid"]
    rotate(server, jwt_secret=SECRET)
    assert me(server, drawn).status_code == 401
    token = login(server, "alice").json()["token"]
    rotate(server, jwt_secret=None, jwt_old_secret=SECRET)
    server.wait_log(rf"(?s)tokens are signed with the key {kid}.*tokens are signed with the key {kid}")
    assert me(server, drawn).status_code == 200
    assert me(server, token).status_code == 200
    assert jwt.get_unverified_header(login(server, "alice").json()["token"])["kid"] == kid
    # Another option beside it: the key of the store stays.
    rotate(server, jwt_old_secret=OTHER)
    assert me(server, drawn).status_code == 200
    assert me(server, token).status_code == 401


def test_all_workers_take_the_new_key(chatd):
    server = chatd(workers=3, core=CALM, sections=auth(jwt_secret=SECRET))
    first = account(server, "alice")
    rotate(server, jwt_secret=OTHER, jwt_old_secret=SECRET)
    second = login(server, "alice").json()["token"]
    for _ in range(20):  # new connections: any worker
        assert me(server, first).status_code == 200
        assert me(server, second).status_code == 200


def test_a_reload_with_a_bad_key_changes_nothing(chatd, folder):
    server = chatd(core=CALM, sections=auth(jwt_secret=SECRET))
    server.expect("jwt_key_file", "refused its new options")
    token = account(server, "alice")
    rotate(server, jwt_secret=None, jwt_key_file=str(folder / "nowhere.pem"))
    server.wait_log(r"error .*jwt_key_file: .*nowhere\.pem cannot be read: No such file")
    assert me(server, token).status_code == 200
    assert me(server, signed("alice")).status_code == 200


REFUSED = {
    "a weak RSA key": (lambda: private_pem(rsa.generate_private_key(65537, 1024)),
                       "has an RSA key of 1024 bits; it needs 2048 to 4096"),
    "another curve": (lambda: private_pem(ec.generate_private_key(ec.SECP384R1())),
                      "has a key whose curve is secp384r1; ES256 is made with P-256"),
    "the public half": (lambda: public_pem(P256), "has only the public half of a key"),
    "no key": (lambda: b"0123456789abcdef0123456789abcdef\n", "is no PEM file"),
    "nothing": (lambda: b"", "is no PEM file"),
    "64 KiB": (lambda: b"x" * 65536, "has more than 65535 bytes"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_key_that_will_not_do_is_named(tmp_path, kind):
    """With --check too, which starts nothing."""
    make, sentence = REFUSED[kind]
    write_key(tmp_path, "key.pem", make())
    (tmp_path / "chatd.ini").write_text(
        "[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nauth = on\nhistory-sqlite = on\n"
        "[auth]\njwt_key_file = key.pem\n")
    done = run_chatd("--check", "-c", tmp_path / "chatd.ini", cwd="/")
    assert done.returncode != 0
    assert f"jwt_key_file: {tmp_path}/key.pem {sentence}" in done.stdout + done.stderr


def test_two_keys_that_sign_are_refused(tmp_path):
    write_key(tmp_path, "key.pem", private_pem(P256))
    (tmp_path / "chatd.ini").write_text(
        "[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nauth = on\nhistory-sqlite = on\n"
        f"[auth]\njwt_key_file = key.pem\njwt_secret = {SECRET}\n")
    done = run_chatd("--check", "-c", tmp_path / "chatd.ini")
    assert done.returncode != 0
    assert "jwt_secret and jwt_key_file are both set" in done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads any file")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    write_key(tmp_path, "key.pem", private_pem(P256), mode=0)
    (tmp_path / "chatd.ini").write_text(
        "[chatd]\nlisten = 127.0.0.1:0\n[plugins]\nauth = on\n[auth]\njwt_key_file = key.pem\n")
    done = run_chatd("--check", "-c", tmp_path / "chatd.ini")
    assert "cannot be read: Permission denied" in done.stdout + done.stderr


def test_a_file_that_everybody_may_read_is_warned_of(chatd, folder):
    sections = auth(jwt_key_file=write_key(folder, "all.pem", private_pem(P256), mode=0o644),
                    jwt_old_key_file=write_key(folder, "old.pem", public_pem(RSA), mode=0o644))
    server = chatd(core=CALM, sections=sections)
    server.expect("everybody on this machine may read")
    server.wait_log(r"jwt_key_file: everybody on this machine may read .*all\.pem \(mode 0644\): "
                    r"`chmod o= ")
    assert "jwt_old_key_file: everybody" not in server.log  # nothing to hide
    assert register(server, "alice").status_code == 201
