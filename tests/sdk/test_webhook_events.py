# SPDX-License-Identifier: MIT
"""The example webhook: what is told after it has happened, and what becomes of it while nobody listens."""
import contextlib
import itertools
import signal
import sqlite3

import pytest
import requests
from chat import ALL_OFF, AUTH, EXAMPLES, PASSWORD, classic, example, sign_up, v1
from hooks import Answer, Receiver
from server import DEADLINE, wait_until
from test_webhook import SECRET, reasons, shown

pytestmark = pytest.mark.skipif(not (EXAMPLES / "webhook.so").exists(), reason="it was built without libcurl")

STORE = {"history-sqlite": "on"}
RETRIES = {"retry_min": "50ms", "retry_max": "200ms"}  # batches are sealed by their number of events
SOON = {**RETRIES, "batch_time": "20ms"}


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


@pytest.fixture
def telling(chatd, receiver):
    """telling(**options of the section) starts a chatd that tells the receiver of messages."""
    def start(only=None, core=None, workers=0, sections=None, **options):
        only = {**ALL_OFF, "rooms": "on", **example("webhook"), **(only or {})}
        section = {"events_url": receiver.url("/events"), "allow": "127.0.0.1", "secret": SECRET,
                   "events": "message", "batch_time": "60s", **options}
        return chatd(only=only, core=core, workers=workers, sections={"webhook": section, **(sections or {})})
    return start


def say(client, *texts):
    for text in texts:
        client.say(text)
        client.hears(text)


def count(server, what, outcome):
    return server.metrics()[f'chatd_webhook_{what}_total{{outcome="{outcome}"}}']


def texts(events):
    return [event["text"] for event in events]


def once(events):
    """As a receiver sees them that drops doubles."""
    seen = shown.Seen()
    return [event for event in events if seen.is_new(event)]


def away(status=503, **options):
    return lambda request: Answer(status, **options)


def here(request):
    return Answer(204)


# --- batches -------------------------------------------------------------------------------------


def test_events_come_in_batches_and_signed(telling, receiver):
    server = telling(only=STORE, batch_max="3")
    with classic(server) as client:
        say(client, *(f"m{i}" for i in range(7)))
        receiver.wait(2)
        assert server.metrics()["chatd_webhook_queue"] == 1
    server.stop()  # the seventh does not wait any longer
    assert [len(request.events) for request in receiver.requests] == [3, 3, 1]
    events = receiver.events()
    assert texts(events) == [f"m{i}" for i in range(7)]
    assert [event["seq"] for event in events] == list(range(1, 8))
    assert len({event["id"] for event in events}) == 7
    assert len({event["user"] for event in events}) == 1
    assert all((event["event"], event["room"]) == ("message", "general") for event in events)
    for request in receiver.requests:
        assert request.path == "/events"
        assert request.headers["X-Chatd-Delivery"] == request.json["delivery"]
        assert shown.is_genuine(SECRET, request.headers["X-Chatd-Signature"], request.raw)
    assert len({request.json["delivery"] for request in receiver.requests}) == 3


def test_a_batch_does_not_wait_for_ever(telling, receiver):
    server = telling(batch_time="100ms")
    with classic(server) as client:
        say(client, "one")
        assert texts(receiver.wait(1)[0].events) == ["one"]
        say(client, "two")
        assert texts(receiver.wait(2)[1].events) == ["two"]
    wait_until(lambda: count(server, "events", "sent") == 2, what="the count")
    assert server.metrics()["chatd_webhook_queue"] == 0


def test_all_kinds_of_events(telling, receiver):
    server = telling(only={**STORE, "auth": "on"}, sections={"auth": AUTH}, batch_time="0",
                     events="message join leave login register")
    token = sign_up(server, "alice")
    with v1(server, token) as client:
        client.ask(type="room.join", room="general")
        client.ask(type="message.send", room="general", text="hello", cid="c1")
        client.ask(type="room.leave", room="general")
    wait_until(lambda: len(receiver.events()) >= 5, what="five events")
    events = receiver.events()
    assert [event["event"] for event in events] == ["register", "login", "join", "message", "leave"]
    register, login, join, message, leave = [
        {key: value for key, value in event.items() if key not in ("id", "ts", "event")} for event in events]
    assert register == login == {"user": "alice", "address": "127.0.0.1"}
    assert join == leave == {"room": "general", "user": "alice"}
    assert message == {"room": "general", "user": "alice", "text": "hello", "cid": "c1", "seq": 1}
    assert all(event["ts"] > 1600000000000 for event in events)


def test_what_is_refused_did_not_happen(telling, receiver):
    server = telling(only={**STORE, "auth": "on", **example("wordfilter")}, events="message login register",
                     sections={"auth": AUTH, "wordfilter": {"word": "cake"}}, batch_time="0")
    token = sign_up(server, "alice")
    assert requests.post(server.http + "/login", json={"user": "alice", "password": PASSWORD + "x"},
                         timeout=DEADLINE).status_code == 401
    assert requests.post(server.http + "/register", json={"user": "alice", "password": PASSWORD},
                         timeout=DEADLINE).status_code == 409
    with classic(server, token) as client:
        client.say("cake")
        assert client.recv()["error"]["code"] == "wordfilter.refused"
        say(client, "bread")
    wait_until(lambda: len(receiver.events()) >= 3, what="three events")
    assert [event["event"] for event in receiver.events()] == ["register", "login", "message"]


def test_a_rewritten_message_is_told_as_it_was_published(telling, receiver):
    receiver.answer = lambda r: Answer(200, {"text": "new"}) if r.path == "/verdict" else Answer(204)
    server = telling(verdict_url=receiver.url("/verdict"), batch_time="0")
    with classic(server) as client:
        client.say("old")
        client.hears("new")
        assert texts(receiver.wait(2)[1].events) == ["new"]


# --- while the receiver fails --------------------------------------------------------------------

FAILURES = {
    "a fault": away(500),
    "unavailable": away(503),
    "not allowed": away(401),
    "not found": away(404),
    "a redirect": away(307, headers={"Location": "/elsewhere"}),
    "a cut connection": lambda request: Answer(close=True),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_what_fails_is_repeated_as_it_was_and_in_order(telling, receiver, answer):
    receiver.answer = lambda request: answer(request) if len(receiver.requests) <= 3 else Answer(204)
    server = telling(**RETRIES, batch_max="2")
    server.expect("degraded: events_url")
    with classic(server) as client:
        say(client, "m0", "m1", "m2", "m3")
        receiver.wait(5)
    wait_until(lambda: count(server, "events", "sent") == 4, what="the count")
    first = receiver.requests[0]
    assert [request.raw for request in receiver.requests[1:4]] == [first.raw] * 3
    assert {request.path for request in receiver.requests} == {"/events"}
    assert texts(once(receiver.events())) == ["m0", "m1", "m2", "m3"]
    assert (count(server, "deliveries", "failed"), count(server, "deliveries", "done")) == (3, 2)
    assert server.log.count("degraded: events_url") == 1


def test_pauses_grow(telling, receiver):
    """Each is at least half of what it may be. (Timers may be early by their clock's step.)"""
    receiver.answer = lambda request: Answer(500 if len(receiver.requests) <= 4 else 204)
    server = telling(retry_min="200ms", retry_max="800ms", batch_max="1")
    server.expect("degraded: events_url")
    with classic(server) as client:
        say(client, "hello")
        at = [request.at for request in receiver.wait(5)]
    assert all(after - before > 0.9 * least for before, after, least in zip(at, at[1:], (.1, .2, .4, .4)))


def test_the_receiver_may_ask_for_a_pause(telling, receiver):
    receiver.answer = lambda r: Answer(503 if len(receiver.requests) == 1 else 204, headers={"Retry-After": "1"})
    server = telling(retry_min="10ms", retry_max="5s", batch_max="1")
    server.expect("degraded: events_url")
    with classic(server) as client:
        say(client, "hello")
        first, second = receiver.wait(2)
    assert second.at - first.at > 0.9


def test_the_operator_sees_what_waits_and_why(telling, receiver):
    receiver.answer = away(500)
    server = telling(**SOON, batch_max="1")
    server.expect("degraded: events_url")
    with classic(server) as client:
        say(client, "m0", "m1")
        receiver.wait(2)
        wait_until(lambda: "2 events wait" in "".join(reasons(server)), what="the reason")
    assert reasons(server)[0].startswith(f"events_url (http://127.0.0.1:{receiver.port}): it answers 500; 2 events "
                                         "wait, in memory alone, the next try is in ")
    assert server.ready()[0] == 200
    receiver.answer = here
    wait_until(lambda: server.ready() == (200, {"status": "ready", "reasons": []}), what="the end of the trouble")
    assert server.log.count("degraded: events_url") == server.log.count("webhook: ready") == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_receiver_will_never_take_is_dropped(telling, receiver, status):
    receiver.answer = lambda r: Answer(status if "m0" in texts(r.events) or "m1" in texts(r.events) else 204)
    server = telling(**SOON, batch_max="1")
    server.expect(f"answers {status} to delivery", "degraded: events_url .* refuses deliveries")
    with classic(server) as client:
        say(client, "m0", "m1", "m2")
        receiver.wait(3)
    assert texts(receiver.events()) == ["m0", "m1", "m2"]
    wait_until(lambda: count(server, "events", "sent") == 1, what="the count")
    assert count(server, "events", "refused") == 2
    assert server.log.count("to delivery") == 1


def test_what_fails_for_too_long_is_given_up(telling, receiver):
    receiver.answer = lambda r: Answer(500 if texts(r.events) == ["m0"] else 204)
    server = telling(**SOON, batch_max="1", give_up="1s")
    server.expect("degraded: events_url", "has failed for too long")
    with classic(server) as client:
        say(client, "m0", "m1")
        wait_until(lambda: texts(receiver.events())[-1:] == ["m1"], what="the second event")
    server.wait_log(r"delivery \S+ has failed for too long \(give_up\): its 1 events are dropped")
    assert count(server, "events", "given_up") == 1


def test_a_receiver_that_does_not_answer_runs_out_of_time(telling, receiver):
    held = itertools.count()

    def answer(request):
        if next(held) == 0:
            request.hold(receiver._http.over)
        return Answer(204)

    receiver.answer = answer
    server = telling(**SOON, batch_max="1", timeout="200ms")
    server.expect("degraded: events_url .*no answer within 200 ms")
    with classic(server) as client:
        say(client, "hello")
        first, second = receiver.wait(2)
        wait_until(lambda: first.was_left, what="the end of the first request")
    assert first.raw == second.raw


def test_a_large_answer_to_a_delivery_does_no_harm(telling, receiver):
    receiver.answer = lambda request: Answer(200, b"x" * 1000000)
    server = telling(batch_max="1")
    with classic(server) as client:
        say(client, "m0", "m1")
        receiver.wait(2)
    wait_until(lambda: count(server, "events", "sent") == 2, what="the count")
    assert len(receiver.requests) == 2


def test_the_queue_is_bounded(telling, receiver):
    receiver.answer = away()
    server = telling(**SOON, queue_max="5", batch_max="2")
    server.expect("degraded: events_url", "further events are dropped")
    with classic(server) as client:
        say(client, *(f"m{i}" for i in range(12)))
        assert count(server, "events", "overflowed") == 7
        assert server.metrics()["chatd_webhook_queue"] == 5
        assert server.log.count("further events are dropped") == 1
        receiver.answer = here
        server.wait_log("there is room for events again; 7 were dropped meanwhile")
        wait_until(lambda: count(server, "events", "sent") == 5, what="the count")
        say(client, "later")
        wait_until(lambda: texts(receiver.events())[-1] == "later", what="the later one")
    assert texts(once(receiver.events())) == ["m0", "m1", "m2", "m3", "m4", "later"]


def test_a_failing_receiver_holds_no_message_up(telling, receiver):
    """All messages are published before the receiver answers once; else this would not end."""
    receiver.answer = lambda request: Answer(204) if request.hold(receiver._http.over) else Answer(close=True)
    server = telling(batch_max="1", timeout="60s", stop_wait="0")
    server.expect("could not be delivered")
    with classic(server) as client:
        say(client, *(f"m{i}" for i in range(200)))
        assert len(receiver.requests) == 1
        assert server.metrics()["chatd_webhook_queue"] == 200
    server.stop()
    server.wait_log("200 events could not be delivered before the end and are lost")


# --- the end of a worker -------------------------------------------------------------------------


def test_a_stop_delivers_what_is_there(telling, receiver):
    """No client is connected: the loop does not turn any more."""
    server = telling()
    with classic(server) as client:
        say(client, "m0", "m1")
    wait_until(lambda: server.metrics()["chatd_connections"] == 0, what="the end of the connection")
    assert receiver.requests == []
    server.stop()
    assert texts(receiver.events()) == ["m0", "m1"]
    assert len(receiver.requests) == 1


def test_a_stop_delivers_who_left_because_of_it(telling, receiver):
    server = telling(events="leave", core={"stop_time": "2s"})
    with classic(server), classic(server, room="other"):
        server.stop()
    assert sorted(event["room"] for event in receiver.events()) == ["general", "other"]


def test_a_stop_does_not_wait_for_long(telling, receiver):
    """It ends, though the receiver would hold it for ever."""
    receiver.answer = lambda request: Answer(204) if request.hold(receiver._http.over) else Answer(close=True)
    server = telling(timeout="60s", stop_wait="100ms")
    server.expect("could not be delivered")
    with classic(server) as client:
        say(client, "m0")
    assert server.stop() == 0
    assert len(receiver.requests) == 1
    server.wait_log("1 events could not be delivered before the end and are lost")


def kept(server):
    """The keys in the store, as another process sees them."""
    with contextlib.closing(sqlite3.connect(f"file:{server.folder / 'chatd.db'}?mode=ro", uri=True)) as db:
        return [key for key, in db.execute("SELECT key FROM kv WHERE ns = 'webhook'")]


def failing_with(server, client, receiver, *messages):
    """Says messages, which then wait, two in a batch; all of them are kept."""
    say(client, *messages)
    receiver.wait(2)
    assert "full batches also in chatd.kv" in "".join(reasons(server))
    wait_until(lambda: len(kept(server)) == len(messages) / 2, what="the entries")
    wait_until(lambda: server.metrics()["chatd_history_sqlite_queue"] == 0, what="the answers of the store")


def test_what_waits_outlives_a_restart(telling, receiver):
    receiver.answer = away()
    server = telling(only=STORE, **RETRIES, batch_max="2", lease="1s")
    server.expect("degraded: events_url")
    with classic(server) as client:
        failing_with(server, client, receiver, "m0", "m1", "m2", "m3")
    server.stop()
    server.wait_log("4 events wait in chatd.kv and will be delivered after the next start")
    receiver.answer = here
    old = len(receiver.requests)
    server.start()
    server.wait_log("4 events that a worker left in chatd.kv when it ended are delivered now")
    receiver.wait(old + 2)
    wait_until(lambda: count(server, "events", "sent") == 4, what="the count")
    assert count(server, "events", "taken") == 4
    assert texts(event for request in receiver.requests[old:] for event in request.events) == ["m0", "m1", "m2", "m3"]
    assert texts(once(receiver.events())) == ["m0", "m1", "m2", "m3"]
    wait_until(lambda: kept(server) == [], what="the end of the entries")


def test_what_waits_outlives_a_crash(telling, receiver):
    receiver.answer = away()
    server = telling(only=STORE, **RETRIES, batch_max="2", lease="1s")
    server.expect("degraded: events_url")
    with classic(server) as client:
        failing_with(server, client, receiver, "m0", "m1")
        server.stop(signal.SIGKILL)
    receiver.answer = here
    old = len(receiver.requests)
    server.start()
    server.wait_log("2 events that a worker left in chatd.kv when it ended are delivered now")
    assert texts(receiver.wait(old + 1)[old].events) == ["m0", "m1"]
    wait_until(lambda: count(server, "events", "sent") == 2, what="the count")


def test_nobody_takes_what_a_living_worker_keeps(telling, receiver):
    """Two workers look often; what the one keeps is delivered by it, and once it is delivered it is gone."""
    receiver.answer = away()
    server = telling(only=STORE, workers=2, **SOON, batch_max="1", lease="1s")
    server.expect("degraded: events_url")
    with classic(server) as one, classic(server) as two:
        for i in range(3):
            say(one, f"one{i}")
            say(two, f"two{i}")
        receiver.wait(30)  # several leases long
        receiver.answer = here
        wait_until(lambda: count(server, "events", "sent") == 6, what="the count")
    assert count(server, "events", "taken") == 0
    assert sorted(texts(once(receiver.events()))) == ["one0", "one1", "one2", "two0", "two1", "two2"]


def test_a_new_worker_takes_over_from_the_old_one(telling, receiver):
    receiver.answer = away()
    server = telling(only=STORE, workers=1, core={"roll_time": "1s"}, **RETRIES, batch_max="2", lease="2s")
    server.expect("degraded: events_url", "could not be delivered")
    with classic(server) as client:
        failing_with(server, client, receiver, "m0", "m1")
    server.roll()
    server.wait_log("roll: done")
    receiver.answer = here
    wait_until(lambda: count(server, "events", "sent") == 2, what="the count")
    assert texts(once(receiver.events())) == ["m0", "m1"]


def test_without_a_store_what_waits_is_lost_and_counted(telling, receiver):
    receiver.answer = away()
    server = telling(**RETRIES, batch_max="2")
    server.expect("degraded: events_url", "could not be delivered")
    with classic(server) as client:
        say(client, "m0", "m1", "m2")
        receiver.wait(2)
    server.stop()
    server.wait_log("no chatd.kv: events that wait are lost when their worker ends")
    server.wait_log("warn .*3 events could not be delivered before the end and are lost")
