# SPDX-License-Identifier: MIT
"""Plugins built with the headers of every minor of the ABI, old ones included, do all that they did, in today's chatd.

tests/sdk/minors has one probe for all minors; each is built with the headers of its own minor alone (sdk/abi). What they
do in rooms is in test_minors_chat.py.
"""
import re

import minors
import pytest
import requests
import sdk_abi
import websockets
from chat import ALL_OFF, Client, refused, v1
from minors import Probe
from server import DEADLINE, ROOT, wait_until

SDK = ROOT / "sdk"
NAMES = minors.names()
SOURCES = "".join(file.read_text() for file in sorted((ROOT / "tests/sdk/minors").glob("*.[ch]")))


def include(name):
    version = name.removeprefix("probe-").replace("-", ".")
    return sdk_abi.frozen(SDK).get(version, SDK / "include")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def probe(chatd, name):
    """A probe in a server without any other plugin."""
    return Probe(chatd(only={**ALL_OFF, **minors.line(name)}), name)


# -- is everything there? -------------------------------------------------------------------------


def test_there_is_a_probe_for_every_minor():
    present = sdk_abi.Headers(SDK / "include").version
    assert [name.removeprefix("probe-").replace("-", ".") for name in NAMES] == [*sdk_abi.frozen(SDK), present]


def wrappers(folder):
    """{member of the core's table or of a service: the calls in the headers that use it}"""
    found = {}
    text = "".join(sdk_abi.words(re.sub(r"/\*.*?\*/", " ", file.read_text(), flags=re.S))
                   for file in sdk_abi.headers(folder))
    for call, body in re.findall(r"static inline [^;{]*?\b(chatd_\w+)\([^{;]*\{(.*?)(?=static inline|typedef|#|$)", text):
        for member in re.findall(r"(?:->core->|->api\)->|API\(\w+\)->)(\w+)\(", body):
            found.setdefault(member, set()).add(call)
    found["log"] = {"chatd_log", "chatd_log_conn"}  # macros
    # Those that the list of events makes.
    found.setdefault("on", set()).add("chatd_on_message")
    return found


def test_the_probe_calls_every_function_that_its_minor_has(name):
    """What is added to the SDK, and not to the probe, is found here."""
    headers = sdk_abi.Headers(include(name))
    calls = wrappers(include(name))
    tables = [tag for tag in headers.structs if tag == "chatd_core" or tag.endswith("_api")]
    assert len(tables) == 6
    for table in tables:
        for member, text in headers.structs[table]:
            if "(*" in text:
                assert any(re.search(rf"\b{call}\(", SOURCES) for call in calls[member]), f"{table}.{member}"
    for event in headers.events:
        assert f"chatd_on_{event}(" in SOURCES, event


# -- the core's own -------------------------------------------------------------------------------


def test_options_of_every_type(chatd, name):
    given = {"word": "other", "number": "-3", "is_on": "yes", "bytes": "3m", "span": "90s", "colour": "blue",
             "list": "x y, z", "path": "/tmp", "secret": "s3cret"}
    one = chatd(only={**ALL_OFF, **minors.line(name)}, sections={name: given},
                env={f"PROBE_FROM_ENV_{minors.minor(name)}": "seen"})
    told = Probe(one, name).ask("options")
    assert told.pop("from_env", None) == ("seen" if minors.minor(name) >= 2 else None)
    assert told == {"word": "other", "number": -3, "is_on": 1, "bytes": 3 << 20, "span": 90000, "colour": "blue",
                    "list": ["x", "y", "z"], "path": "/tmp", "secret": "s3cret"}
    assert "s3cret" not in one.log
    told = Probe(chatd(only={**ALL_OFF, **minors.line(name)}), name).ask("options")
    assert told.pop("from_env", None) == ("not set" if minors.minor(name) >= 2 else None)
    assert told == {"word": "first", "number": 7, "is_on": 0, "bytes": 2048, "span": 3000, "colour": "green",
                    "list": ["a", "b"], "path": "/nowhere", "secret": "hidden"}


def test_a_reload(probe):
    server = probe.server.expect("refused its new options")
    server.sections[probe.name] = {"word": "second"}
    server.write_ini()
    server.hang_up()
    server.wait_log(f"{probe.name}: reload: first becomes second")
    wait_until(lambda: probe.ask("options")["word"] == "second", what="the new word")
    server.sections[probe.name] = {"word": "bad"}
    server.write_ini()
    server.hang_up()
    server.wait_log(f"reload: {probe.name} refused its new options .-1. and keeps the old ones")
    assert probe.ask("options")["word"] == "second"


def test_life_from_start_to_stop(probe):
    probe.server.stop()
    steps = re.findall(rf"info  {probe.name}: (start|drain|cancel|stop)\n", probe.server.log)
    assert steps == (["start", "drain", "stop"] if probe.minor == 1 else ["start", "drain", "cancel", "stop"])


def test_memory_time_chance_and_versions(probe):
    told = probe.ask("core")
    present = sdk_abi.Headers(SDK / "include").version
    assert (told["abi"], told["differ"]) == (present, 1)
    assert told["wall"] > 1.7e12 and told["mono"] > 0
    assert f"instance {told['instance']})" in probe.server.log
    assert (told["hooked"], told["unknown"]) == (1, 0)
    assert told.get("limit") == (0 if probe.minor >= 2 else None)
    assert told.get("pid") == (probe.server.process.pid if probe.minor >= 3 else None)
    probe.wait_seen("tick")


def test_ready_feature_limit_and_metrics(probe):
    server = probe.server.expect(f"{probe.name}: (degraded|away)")
    with v1(server) as client:
        assert probe.name in client.hello["features"]
        assert client.hello["limits"].get(f"{probe.name}.max") == (42 if probe.minor >= 2 else None)
    probe.ask("ready", state="1")
    assert server.ready()[0] == 200
    probe.ask("ready", state="2")
    status, body = server.ready()
    assert status == 503 and f"{probe.name} was told so" in str(body)
    probe.ask("ready", state="0")
    assert server.ready()[0] == 200
    probe.ask("count")
    probe.ask("count")
    metrics = server.metrics()
    prefix = f"chatd_{probe.name.replace('-', '_')}"
    assert metrics[f'{prefix}_things_total{{kind="two"}}'] == 6
    assert metrics[f'{prefix}_things_total{{kind="one"}}'] == 0
    assert metrics[f"{prefix}_level"] == 5
    assert (metrics[f"{prefix}_seconds_count"], metrics[f"{prefix}_seconds_sum"]) == (2, 0.5)


def test_what_a_request_says_and_a_reply_of_every_kind(probe):
    answer = probe.get("request/one%20two/a/b?q=c%26d", cookies={"crumb": "sweet"},
                       headers={"X-Probe": "yes", "X-Probe-User": "ann"})
    assert answer.status_code == 203
    assert answer.headers["Content-Type"] == "application/vnd.probe+json"
    assert (answer.headers["X-Probe"], answer.headers["Cache-Control"]) == (probe.name, "max-age=1")
    told = answer.json()
    pattern = f"/{probe.name}/request/{{name}}/{{rest...}}"
    assert told == {"rc": 0, "secure": 0, "expires": 1790000000000, "method": "GET",
                    "path": f"/{probe.name}/request/one%20two/a/b", "address": "127.0.0.1", "user": "ann",
                    "name": "one two", "rest": "a/b", "q": "c&d", "none": -3, "header": "yes", "crumb": "sweet",
                    "slot": len(pattern)}
    assert (probe.seen("replied"), probe.seen("reply gone"), probe.seen("replied twice")) == (1, 1, 0)
    probe.wait_seen("http")
    assert probe.seen("request slot") > 0


def test_a_body_an_error_and_a_login(probe):
    def post(**options):
        return requests.post(probe.url("body"), timeout=DEADLINE, **options)

    json = {"Content-Type": "application/json"}
    answer = post(data='{"a": 1}', headers={**json, "Origin": "http://elsewhere.example"})
    assert (answer.status_code, answer.json()) == (201, {"a": 1})
    assert post(data="x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert post(data="[" + "1," * 60 + "1]", headers=json).status_code == 413
    answer = probe.get("error")
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "2")
    assert answer.json() == {"error": {"code": f"{probe.name}.teapot", "message": "This is no coffee pot."}}
    assert probe.get("login").json() == {"in": True}  # nobody offers chatd.auth
    assert probe.get("body").status_code == 405


def test_a_request_is_denied_and_waits(probe):
    answer = probe.get("seen", headers={"X-Probe-Deny": "not_found"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (404, "3")
    assert answer.json() == {"error": {"code": "not_found", "message": "The probe refuses."}}
    assert probe.get("seen", headers={"X-Probe-Wait": "on"}).status_code == 200
    assert probe.seen("resumed") == 1
    answer = probe.get("seen", headers={"X-Probe-Wait": "deny"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "Denied after a while.")
    assert (probe.seen("resumed"), probe.seen("resumed twice"), probe.seen("wait failed")) == (2, 0, 0)


def test_timers_posts_jobs_and_watches(probe):
    assert probe.ask("tasks") == {
        "timer": 0, "timer_gone": -4, "no_queue": -1, "job": 7, "posted": 1, "late": -8, "read": 7, "set": 0,
        "rest": 0, "watch": 0, "watch_gone": -4, "watched": 3}
    assert (probe.seen("released"), probe.seen("released late")) == (1, 1)


def test_an_event_of_its_own(probe):
    assert probe.ask("event") == {"verdict": 0, "code": "", "rc": 0, "handlers": 2}
    assert probe.ask("event", word="deny") == {"verdict": 2, "code": f"{probe.name}.own", "handlers": 1}
    assert probe.ask("event", word="wait") == {"verdict": 2, "code": "unavailable", "handlers": 1}
    assert probe.ask("event", word="drop") == {"verdict": 0, "code": "", "handlers": 1}
    assert probe.seen("raise failed") == 0


# -- WebSockets -----------------------------------------------------------------------------------


def test_a_socket_of_its_own(probe):
    with Client(probe.ws()) as client:
        client.send(b"\x00\xff")
        assert client.recv() == b"\x00\xff"
        client.send("info")
        told = client.recv()
        assert told.pop("connected") > 1.7e12
        assert re.fullmatch("guest-[0-9a-f]{12}", told.pop("user"))
        assert told == {"rc": 0, "open": 1, "address": "127.0.0.1", "path": f"/{probe.name}/ws", "subprotocol": "",
                        "expires": 0, "frames": 2, "last": "upgraded"}
        client.send("frame hello")
        assert client._run(client.ws.recv()) == "hello"
        told = client.recv()
        assert told.pop("bytes") > 5
        assert told == {"new": 0, "ref": 0, "bytes_rc": 0, "send": 0, "held": 0, "gone": -4, "cleared": 1}
        client.send("drained")
        assert client.recv() == {"rc": 0, "bytes": 0, "first": 0, "second": -2}
        assert client.recv() == {"drained": "as asked"}
        if probe.minor >= 2:
            client.send("skip nothing")
            assert client._run(client.ws.recv()) == "nothing"
        client.send("close so long")
        assert client.close_code() == 4321
        assert client.ws.close_reason == "so long"
    probe.wait_seen("closed")
    assert (probe.seen("close"), probe.seen("close is gone"), probe.seen("connection slot")) == (1, 1, 1)
    assert (probe.seen("upgrade"), probe.seen("connected"), probe.seen("resumed")) == (1, 1, 2)
    assert probe.seen("frame") > 3
    assert probe.server.wait_log(rf"{probe.name}: .*closed 4321 \(closed by the server\) of guest-[0-9a-f]+ after \d frames")


def connect_as(probe, user, subprotocol=None):
    """A client whose upgrade has the header by which the probe names it."""
    class Named(Client):
        def __init__(self):
            connect = websockets.connect

            def with_header(url, extra_headers, **options):
                return connect(url, extra_headers={**extra_headers, "X-Probe-User": user}, **options)

            websockets.connect = with_header
            try:
                super().__init__(probe.ws(), subprotocol=subprotocol)
            finally:
                websockets.connect = connect
    return Named()


def test_a_name_a_subprotocol_and_a_refusal(probe):
    with connect_as(probe, "ann", "probe") as client:
        client.send("info")
        told = client.recv()
        assert (told["user"], told["subprotocol"], told["last"]) == ("ann", "probe", "")
        assert told["expires"] > 1.7e12
        client.send("extend")
        assert client.recv() == {"rc": 0, "other": -2}
        client.send(f"{probe.name} refuse")
        assert client.close_code() == 4503
    assert refused(probe.server, f"/{probe.name}/ws?deny=1") == 409


def test_channels(probe):
    with Client(probe.ws()) as one, Client(probe.ws()) as two:
        one.send("all good morning")
        assert one.recv() == {"rc": 0, "count": 2, "each": 2, "each_rc": 0}
        assert two._run(two.ws.recv()) == "good morning"
        two.send("leave")
        assert two.recv() == {"join": -2, "first": 0, "second": -3}
        one.send("all still there")
        assert one.recv() == {"rc": 0, "count": 1, "each": 1, "each_rc": 0}
        one.send("channel")
        assert one.recv() == {"open": 0, "twice": -2, "same": 1, "join": 0, "slot": 1, "close": 0, "gone": -4,
                              "slot_gone": 1}
    assert probe.seen("channel slot") == 1


@pytest.mark.parametrize("name", [name for name in NAMES if minors.minor(name) >= 2])
def test_a_member_falls_behind_and_stays(chatd, name):
    server = chatd(core={"queue_hard": "64k", "deflate": "off"}, only={**ALL_OFF, **minors.line(name)})
    probe = Probe(server, name)
    with Client(probe.ws()) as client:
        client.send("behind")
        frames = 0
        while True:
            text = client._run(client.ws.recv())
            if text != "." * 32768:
                break
            frames += 1
        assert text == '{"drained":"after behind"}' and 0 < frames < 400
        assert probe.seen("behind") == 1
        client.send("frame still here")
        assert client._run(client.ws.recv()) == "still here"


def test_a_verb(probe):
    with v1(probe.server) as client:
        verb = f"{probe.name}.echo"
        assert client.ask(type=verb, id="1") == {"type": "ack", "id": "1", "minor": probe.minor, "kind": verb}
        answer = client.ask(type=verb, id="2", fail=True)
        assert answer == {"type": "error", "id": "2", "code": f"{probe.name}.failed", "message": "Failed as asked.",
                          "temporary": True, "retry_ms": 250}
        assert client.ask(type=verb, long="x" * 200)["code"] == "too_large"
