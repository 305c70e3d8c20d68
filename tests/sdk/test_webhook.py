# SPDX-License-Identifier: MIT
"""The example webhook: verdicts before a message is published."""
import contextlib
import http.server
import importlib.util
import io
import json
import subprocess
import threading

import pytest
import requests
from chat import ALL_OFF, EXAMPLES, Client, classic, example, v1
from hooks import Answer, Receiver
from server import DEADLINE, ROOT, ini_text, run_chatd, wait_until

pytestmark = pytest.mark.skipif(not (EXAMPLES / "webhook.so").exists(), reason="it was built without libcurl")

SECRET = "a secret of the tests"
spec = importlib.util.spec_from_file_location("receiver", ROOT / "sdk/examples/webhook/receiver.py")
shown = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shown)


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


@pytest.fixture
def asking(chatd, receiver):
    """asking(**options of the section) starts a chatd that asks the receiver."""
    def start(only=None, core=None, **options):
        only = {**ALL_OFF, "rooms": "on", **example("webhook"), **(only or {})}
        env = options.pop("env", None)
        section = {"verdict_url": receiver.url("/verdict"), "allow": "127.0.0.1", "secret": SECRET, **options}
        return chatd(only=only, core=core, env=env, sections={"webhook": section})
    return start


def verdicts(server, outcome):
    return server.metrics()[f'chatd_webhook_verdicts_total{{outcome="{outcome}"}}']


def reasons(server):
    return [reason["reason"] for reason in server.ready()[1]["reasons"] if reason["plugin"] == "webhook"]


def text_of(request):
    return request.json["text"]


# --- what an answer does -------------------------------------------------------------------------


def test_the_receiver_is_told_who_says_what_and_where(asking, receiver):
    server = asking()
    with v1(server) as client:
        client.ask(type="room.join", room="büro")
        client.ask(type="message.send", room="büro", text='say "☃"\n', cid="c1")
    request = receiver.wait(1)[0]
    question = request.json
    assert question.pop("id")
    assert question == {"event": "message", "room": "büro", "user": client.hello["user"], "cid": "c1",
                        "text": 'say "☃"\n'}
    assert request.path == "/verdict"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "chatd-webhook/1.0"
    assert shown.is_genuine(SECRET, request.headers["X-Chatd-Signature"], request.raw)


def test_a_text_replaces_the_message(asking, receiver):
    receiver.answer = lambda request: Answer(200, {"text": text_of(request).upper(), "more": [1, {}]})
    server = asking()
    with classic(server) as sender, classic(server) as reader:
        sender.say("grüße")
        assert sender.hears("GRÜSSE")
        assert reader.hears("GRÜSSE")
    assert verdicts(server, "rewritten") == 1


def test_no_content_drops_the_message(asking, receiver):
    receiver.answer = lambda request: Answer(204 if text_of(request) == "no" else 304)
    server = asking()
    with classic(server) as sender, classic(server) as reader:
        sender.say("no")
        assert sender.recv()["error"]["code"] == "webhook.dropped"
        sender.say("yes")
        assert reader.recv()["text"] == "yes"
    assert (verdicts(server, "dropped"), verdicts(server, "unchanged")) == (1, 1)


def test_not_modified_and_the_same_text_leave_it_as_it_is(asking, receiver):
    receiver.answer = lambda r: Answer(304) if text_of(r) == "one" else Answer(200, {"text": text_of(r)})
    server = asking()
    with classic(server) as client:
        for text in ("one", "two"):
            client.say(text)
            assert client.hears(text)
    assert verdicts(server, "unchanged") == 2


def test_what_the_server_would_not_take_is_not_taken_from_the_receiver(asking, receiver):
    receiver.answer = lambda request: Answer(200, {"text": "x" * 5000})
    server = asking()
    with classic(server) as client:
        client.say("short")
        assert client.recv()["error"]["code"] == "too_large"


def test_rooms_that_are_not_named_need_no_verdict(asking, receiver):
    receiver.answer = lambda request: Answer(200, {"text": "checked"})
    server = asking(verdict_rooms="kids school")
    with classic(server, room="general") as general, classic(server, room="school") as school:
        general.say("free")
        assert general.hears("free")
        school.say("x")
        assert school.hears("checked")
    assert [request.json["room"] for request in receiver.requests] == ["school"]


def test_connections_are_kept_for_the_next_question(asking, receiver):
    receiver.answer = lambda request: Answer(304)
    server = asking()
    with classic(server) as client:
        for i in range(20):
            client.say(f"m{i}")
            client.hears(f"m{i}")
    assert (len(receiver.requests), receiver.connections) == (20, 1)
    assert len({request.json["id"] for request in receiver.requests}) == 20


def test_a_connection_that_was_closed_meanwhile_is_made_anew(asking, receiver):
    receiver.answer = lambda request: Answer(304, leave=True)
    server = asking()
    with classic(server) as client:
        for i in range(10):
            client.say(f"m{i}")
            client.hears(f"m{i}")
    assert (verdicts(server, "unchanged"), len(receiver.requests)) == (10, 10)


# --- when there is none --------------------------------------------------------------------------

NO_VERDICTS = {
    "a fault": lambda request: Answer(500),
    "not found": lambda request: Answer(404, {"text": "x"}),
    "a redirect": lambda request: Answer(307, headers={"Location": "/elsewhere"}),
    "no JSON": lambda request: Answer(200, b"hello"),
    "an array": lambda request: Answer(200, ["text"]),
    "no text": lambda request: Answer(200, {"txt": "hello"}),
    "a text that is none": lambda request: Answer(200, {"text": 1}),
    "a NUL": lambda request: Answer(200, b'{"text":"\\u0000"}'),
    "half a character": lambda request: Answer(200, b'{"text":"\xc3"}'),
    "an empty body": lambda request: Answer(200),
    "too large": lambda request: Answer(200, {"text": "ok", "more": "x" * 70000}),
    "too large, in chunks": lambda request: Answer(200, {"text": "ok", "more": "x" * 70000}, chunked=True),
    "too large a head": lambda request: Answer(304, headers={f"X-{i}": "x" * 1000 for i in range(30)}),
    "a cut connection": lambda request: Answer(close=True),
}


@pytest.mark.parametrize("answer", NO_VERDICTS.values(), ids=NO_VERDICTS)
def test_without_a_verdict_closed_refuses_and_open_lets_through(asking, receiver, answer):
    receiver.answer = answer
    server = asking()
    with v1(server) as client:
        client.ask(type="room.join", room="general")
        refusal = client.ask(type="message.send", room="general", text="hello")
        assert (refusal["type"], refusal["code"], refusal["temporary"], refusal["retry_ms"]) == (
            "error", "webhook.unavailable", True, 2000)
        server.sections["webhook"]["fail"] = "open"
        server.write_ini()
        server.hang_up()
        server.wait_log("reload: done")
        assert client.ask(type="message.send", room="general", text="hello")["type"] == "ack"
    assert verdicts(server, "failed") == 2
    assert {request.path for request in receiver.requests} == {"/verdict"}


def test_nobody_listens(asking, receiver):
    server = asking()
    receiver.close()
    with classic(server) as client:
        client.say("hello")
        assert client.recv()["error"]["code"] == "webhook.unavailable"
    server.wait_log(r"verdict_url \(http://127.0.0.1:\d+\): .*connect")


def test_the_deadline_passes(asking, receiver):
    never = threading.Event()
    receiver.answer = lambda request: Answer(304) if request.hold(never) else Answer(close=True)
    server = asking(deadline="200ms")
    with classic(server) as client:
        client.say("hello")
        assert client.recv()["error"]["code"] == "webhook.unavailable"
        wait_until(lambda: receiver.requests[0].was_left, what="the end of the request")
    assert verdicts(server, "late") == 1
    server.wait_log(r"verdict_url \(http://127.0.0.1:\d+\): no answer within 200 ms")


def test_three_failures_in_a_row_are_told_and_so_is_their_end(asking, receiver):
    statuses = [500, 304, 500, 500, 500, 500]
    receiver.answer = lambda request: Answer(statuses[len(receiver.requests) - 1])
    server = asking(fail="open")
    server.expect("degraded: verdict_url")
    with classic(server) as client:
        for i in range(6):
            client.say(f"m{i}")
            client.hears(f"m{i}")
            degraded = [f"verdict_url (http://127.0.0.1:{receiver.port}): it answers 500: that is no verdict; "
                        "messages pass unseen (fail = open)"] if i > 3 else []
            assert reasons(server) == degraded, i
        receiver.answer = lambda request: Answer(304)
        client.say("good")
        client.hears("good")
    wait_until(lambda: server.ready() == (200, {"status": "ready", "reasons": []}), what="the end of the trouble")
    assert server.log.count("degraded: verdict_url") == server.log.count("webhook: ready") == 1


def test_a_receiver_that_fails_now_and_then_does_not_fill_the_log(asking, receiver):
    receiver.answer = lambda request: Answer(304 if len(receiver.requests) % 4 == 0 else 500)
    server = asking(fail="open")
    server.expect("degraded: verdict_url")
    with classic(server) as client:
        for i in range(80):
            client.say(f"m{i}")
            client.hears(f"m{i}")
    assert (verdicts(server, "failed"), verdicts(server, "unchanged")) == (60, 20)
    assert server.log.count("degraded: verdict_url") <= 2  # more only if this takes several times five seconds


# --- waiting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_takes_its_question_with_it(asking, receiver, reset):
    never = threading.Event()
    receiver.answer = lambda request: Answer(304) if request.hold(never) else Answer(close=True)
    server = asking(deadline="30s")
    with classic(server) as reader:
        client = classic(server)
        client.say("hello")
        request = receiver.wait(1)[0]
        assert server.metrics()["chatd_webhook_verdicts_waiting"] == 1
        client.drop(reset)
        wait_until(lambda: request.was_left, what="the end of the request")
        wait_until(lambda: verdicts(server, "gone") == 1, what="the count")
        assert server.metrics()["chatd_webhook_verdicts_waiting"] == 0
        receiver.answer = lambda request: Answer(304)
        reader.say("still here")
        assert reader.recv()["text"] == "still here"  # the other one was not published


def test_a_stop_ends_all_questions(asking, receiver):
    never = threading.Event()
    receiver.answer = lambda request: Answer(304) if request.hold(never) else Answer(close=True)
    server = asking(deadline="30s")
    with classic(server) as client:
        client.say("hello")
        request = receiver.wait(1)[0]
        assert server.stop() == 0
        wait_until(lambda: request.was_left, what="the end of the request")


def test_a_slow_verdict_holds_nobody_else_up(asking, receiver):
    """Everything else is through before the receiver answers the first question; else this would not end."""
    go = threading.Event()
    receiver.answer = lambda r: Answer(304) if text_of(r) != "slow" or r.hold(go) else Answer(close=True)
    server = asking(deadline="30s", only=example("echo"), core={"verb_rate": "0"})
    slow, other, pinger = classic(server), v1(server), v1(server)
    with slow, other, pinger, Client(server.ws("/echo")) as echo:
        slow.say("slow")
        receiver.wait(1)
        other.ask(type="room.join", room="general")
        for i in range(200):
            assert pinger.ask(type="ping")["type"] == "ack"
            echo.send(f"e{i}")
            assert echo._run(echo.ws.recv()) == f"e{i}"
        for i in range(50):  # other questions, to the same receiver
            assert other.ask(type="message.send", room="general", text=f"m{i}")["type"] == "ack"
        assert requests.get(server.http + "/livez", timeout=DEADLINE).status_code == 200
        assert server.metrics()["chatd_webhook_verdicts_waiting"] == 1
        go.set()
        slow.hears("slow")
    assert verdicts(server, "unchanged") == 51


def test_many_questions_wait_at_once(asking, receiver):
    """All are there before the first is answered."""
    go = threading.Event()
    receiver.answer = lambda request: Answer(304) if request.hold(go) else Answer(close=True)
    server = asking(deadline="30s", inflight="40")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(classic(server, room=f"r{i}")) for i in range(40)]
        for i, client in enumerate(clients):
            client.say(f"m{i}")
        receiver.wait(40)
        with classic(server) as one_more:
            one_more.say("too many")
            assert one_more.recv()["error"]["code"] == "webhook.unavailable"
        go.set()
        for i, client in enumerate(clients):
            client.hears(f"m{i}")
    assert (verdicts(server, "full"), verdicts(server, "unchanged")) == (1, 40)


def test_messages_of_one_connection_keep_their_order(asking, receiver):
    first = threading.Event()

    def answer(request):
        if text_of(request) == "m0":
            request.hold(first)
        return Answer(304)

    receiver.answer = answer
    server = asking(deadline="30s")
    with classic(server) as client:
        for i in range(5):
            client.say(f"m{i}")
        receiver.wait(1)
        first.set()
        assert [client.recv()["text"] for _ in range(5)] == [f"m{i}" for i in range(5)]


# --- where requests may go -----------------------------------------------------------------------

INSIDE = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"]


@pytest.mark.parametrize("host", INSIDE)
def test_private_addresses_are_not_reached_unless_they_are_named(asking, receiver, host):
    server = asking(verdict_url=receiver.url(host=host), allow="192.0.2.0/24")
    with classic(server) as client:
        client.say("hello")
        assert client.recv()["error"]["code"] == "webhook.unavailable"
    server.wait_log(r"is a private or local address; if it is meant, name it in `allow`")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.1"])
def test_a_name_is_looked_up(asking, receiver, host):
    receiver.answer = lambda request: Answer(304)
    server = asking(verdict_url=receiver.url(host=host))
    with classic(server) as client:
        client.say("hello")
        assert client.hears("hello")
    assert receiver.requests[0].headers["Host"].endswith(f":{receiver.port}")


def test_a_name_that_leads_nowhere_is_told(asking):
    """No resolver is asked for a label of more than 63 bytes."""
    server = asking(verdict_url=f"http://{'a' * 64}.example/", fail="open")
    server.expect("verdict_url .*: its name cannot be looked up")
    wait_until(lambda: reasons(server) and "cannot be looked up" in reasons(server)[0], what="the reason")
    with classic(server) as client:
        client.say("hello")
        assert client.hears("hello")
    assert verdicts(server, "failed") == 1


def test_no_proxy_of_the_environment_is_used(asking, receiver):
    receiver.answer = lambda request: Answer(304)
    with Receiver() as proxy:
        names = ("http_proxy", "all_proxy", "ALL_PROXY")
        server = asking(env=dict.fromkeys(names, f"http://127.0.0.1:{proxy.port}"))
        with classic(server) as client:
            client.say("hello")
            assert client.hears("hello")
        assert proxy.connections == 0


def test_https_is_checked_against_the_operators_own_authority(chatd, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=hooks", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    with Receiver(tls=(cert, key)) as receiver:
        receiver.answer = lambda request: Answer(200, {"text": "over TLS"})
        section = {"verdict_url": receiver.url(), "allow": "127.0.0.1", "secret": SECRET}
        only = {**ALL_OFF, "rooms": "on", **example("webhook")}
        stranger = chatd(only=only, sections={"webhook": section})
        with classic(stranger) as client:
            client.say("hello")
            assert client.recv()["error"]["code"] == "webhook.unavailable"
        stranger.wait_log("verdict_url .*certificate")
        assert receiver.requests == []
        friend = chatd(only=only, sections={"webhook": {**section, "ca_file": str(cert)}})
        with classic(friend) as client:
            client.say("hello")
            assert client.hears("over TLS")


# --- options -------------------------------------------------------------------------------------


def test_a_reload_changes_secret_and_deadline(asking, receiver):
    receiver.answer = lambda request: Answer(304)
    server = asking()
    with classic(server) as client:
        server.sections["webhook"]["secret"] = "another secret of the tests"
        server.write_ini()
        server.hang_up()
        server.wait_log("reload: done")
        client.say("hello")
        client.hears("hello")
    request = receiver.requests[0]
    assert not shown.is_genuine(SECRET, request.headers["X-Chatd-Signature"], request.raw)
    assert shown.is_genuine("another secret of the tests", request.headers["X-Chatd-Signature"], request.raw)


def test_without_a_secret_nothing_is_signed_and_that_is_told(asking, receiver):
    receiver.answer = lambda request: Answer(304)
    server = asking()
    server.stop()
    del server.sections["webhook"]["secret"]
    server.expect("no secret is set")
    server.start()
    server.wait_log("warn .*no secret is set")
    with classic(server) as client:
        client.say("hello")
        client.hears("hello")
    assert "X-Chatd-Signature" not in receiver.requests[0].headers


def test_with_nothing_to_do_it_says_so(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("webhook")})
    server.expect("neither verdict_url nor events_url is set")
    server.wait_log("warn .*neither verdict_url nor events_url is set")


MISTAKES = {
    "hooks.example/x": "verdict_url is not a URL",
    "ftp://hooks.example/x": "verdict_url must begin with http:// or https://",
    "file:///etc/passwd": "verdict_url must begin with http:// or https://",
    "http://me:word@hooks.example/": "verdict_url has a user in it",
    "http://hööks.example/": "verdict_url has a host that is not ASCII",
}


def check_section(tmp_path, **section):
    ini = tmp_path / "chatd.ini"
    ini.write_text(ini_text({"plugins": {"rooms": "on", **example("webhook")}, "webhook": section}))
    result = run_chatd("--check", "-c", ini)
    return result.returncode, result.stderr


@pytest.mark.parametrize("url", MISTAKES)
def test_mistakes_in_urls_are_found_by_the_check(tmp_path, url):
    code, text = check_section(tmp_path, verdict_url=url)
    assert code != 0 and f"[webhook] {MISTAKES[url]}" in text
    assert "me:word" not in text


@pytest.mark.parametrize("section, sentence", [
    ({"allow": "10.0.0.0/8 localhost"}, 'allow: "localhost" is neither an address nor a network'),
    ({"events_url": "http://hooks.example", "events": "message part"}, 'events: there is no "part"'),
    ({"retry_min": "2s", "retry_max": "1s"}, "retry_min is longer than retry_max"),
    ({"secret": "short"}, "secret"),
])
def test_other_mistakes_are_found_by_the_check(tmp_path, section, sentence):
    code, text = check_section(tmp_path, **section)
    assert code != 0 and sentence in text


def test_a_good_section_passes_the_check(tmp_path):
    assert check_section(tmp_path, verdict_url="https://hooks.example:8443/v?a=b", secret="s" * 16,
                         events_url="http://[2001:db8::1]/e", allow="10.0.0.0/8, 127.0.0.1") == (0, "")


# --- the receiver that is shown ------------------------------------------------------------------


def test_the_signature_is_checked_as_the_page_shows():
    body, at = b'{"a":1}', 1790000000
    good = "t=1790000000,v1=1537f3ffc7f94e434cc7b831a3fae9807051731464f9ee916641f473e4a4227f"
    key = "a secret of sixteen"
    assert shown.is_genuine(key, good, body, now=at + 299)
    assert not shown.is_genuine(key, good, body, now=at + 301)
    assert not shown.is_genuine(key, good, body + b" ", now=at)
    assert not shown.is_genuine(key + "!", good, body, now=at)
    assert not shown.is_genuine(key, good.replace("t=179", "t=178"), body, now=at)
    for bad in (None, "", "t=1", "v1=ab", "t=x,v1=ab", "nonsense", good[:-1], "t=1790000000,v1=ä"):
        assert not shown.is_genuine(key, bad, body, now=at)


def test_the_receiver_that_is_shown_works(chatd):
    class Handler(shown.Handler):
        secret, seen = SECRET, shown.Seen()

    out = io.StringIO()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{httpd.server_address[1]}"
    section = {"verdict_url": url + "/verdict", "events_url": url + "/events", "allow": "127.0.0.1",
               "secret": SECRET, "batch_time": "0", "events": "message"}
    with contextlib.redirect_stdout(out):
        server = chatd(only={**ALL_OFF, "rooms": "on", **example("webhook")}, sections={"webhook": section})
        with classic(server) as client:
            for text in ("buy spam", "damn it", "hello"):
                client.say(text)
            assert client.recv()["error"]["code"] == "webhook.dropped"
            assert [client.recv()["text"] for _ in range(2)] == ["d*** it", "hello"]
        wait_until(lambda: out.getvalue().count("\n") == 2, what="two events")
    assert [json.loads(line)["text"] for line in out.getvalue().splitlines()] == ["d*** it", "hello"]
    httpd.shutdown()
    httpd.server_close()
    thread.join()
