# SPDX-License-Identifier: MIT
"""Attacks on passwords, and what holds them: limits by address, account and server, and the queue."""
import concurrent.futures
import itertools
import re

import pytest
import requests
from raw_ws import CALM, PASSWORD, account, with_secret
from server import DEADLINE

# The tests are the proxy, so that they have as many addresses as they like.
TRUST = {**CALM, "trusted_proxies": "127.0.0.1"}
WRONG = "wrong horse"
STRANGERS = [f"198.51.100.{i}" for i in range(1, 255)]


def post(server, path, user, password=PASSWORD, address=None, **options):
    headers = {"X-Forwarded-For": address} if address else {}
    return requests.post(server.http + path, json={"user": user, "password": password},
                         headers=headers, timeout=3 * DEADLINE, **options)


def log_in(server, user="alice", password=PASSWORD, address=None):
    return post(server, "/login", user, password, address)


def counted(server, metric):
    text = requests.get(server.http + "/metrics", timeout=DEADLINE).text
    found = re.search(rf"^chatd_auth_{re.escape(metric)} (\d+)$", text, re.M)
    return int(found[1])


def refused(reply, status, code):
    """And says when to come back."""
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code), reply.text
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    return True


@pytest.fixture
def start(chatd):
    def run(core=None, workers=0, **auth):
        return chatd(core={**TRUST, **(core or {})}, sections=with_secret(auth=auth), workers=workers)
    return run


# --- one account, many addresses ---------------------------------------------------------------


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_a_guesser_with_many_addresses_is_stopped(start, user):
    """The same for a name that nobody has."""
    server = start(account_rate="4")
    account(server, "alice")
    statuses = [log_in(server, user, f"guess {i}", address).status_code
                for i, address in enumerate(STRANGERS[:16])]
    # One comes back every 15 s, if the machine is that slow.
    assert statuses[:4] == [401] * 4 and statuses.count(429) >= 8, statuses
    assert refused(log_in(server, user, WRONG, STRANGERS[20]), 429, "rate_limited")
    assert counted(server, 'limited_total{limit="account"}') == statuses.count(429) + 1


def test_the_owner_gets_in_at_home_while_others_guess(start):
    server = start(account_rate="4")
    account(server, "alice")
    assert log_in(server, address="203.0.113.1").status_code == 200
    for i, address in enumerate(STRANGERS[:8]):
        log_in(server, "alice", f"guess {i}", address)
    assert refused(log_in(server, address=STRANGERS[9]), 429, "rate_limited")
    assert log_in(server, address="203.0.113.1").status_code == 200


def test_an_address_stays_known_over_a_restart(start):
    server = start(account_rate="2")
    account(server, "alice")
    assert log_in(server, address="2001:db8:1:2::3").status_code == 200
    assert log_in(server).status_code == 200  # the store takes one thing after the other
    assert server.stop() == 0
    server.start()
    for address in STRANGERS[:3]:
        log_in(server, "alice", WRONG, address)
    assert refused(log_in(server, address=STRANGERS[9]), 429, "rate_limited")
    assert log_in(server, address="2001:db8:1:2::4").status_code == 200  # the same household


def test_guesses_are_counted_over_all_workers_and_instances(cluster):
    nodes = cluster(core=TRUST, sections={"auth": {"account_rate": "4"}}).nodes
    account(nodes[0], "alice")
    statuses = [log_in(node, "alice", WRONG, address).status_code
                for node, address in zip(itertools.cycle(nodes), STRANGERS[:24])]
    # A wrong one is told within a turn of the loops: the next may have passed already.
    assert 4 <= statuses.count(401) <= 10 and statuses.count(429) >= 14, statuses


def test_logins_of_the_owner_are_not_limited(start):
    server = start(account_rate="2", login_rate="0")
    account(server, "alice")
    assert [log_in(server).status_code for _ in range(12)] == [200] * 12


# --- all together ------------------------------------------------------------------------------


@pytest.mark.parametrize("path, option", [("/login", "login_rate_total"),
                                          ("/register", "register_rate_total")])
def test_all_addresses_together_have_a_limit(start, path, option):
    server = start(**{option: "5"})
    replies = [requests.post(server.http + path, data="{}", timeout=DEADLINE,
                             headers={"X-Forwarded-For": address}) for address in STRANGERS[:12]]
    statuses = [reply.status_code for reply in replies]
    assert statuses[:5] == [400] * 5 and statuses.count(503) >= 5, statuses
    assert refused(next(r for r in replies if r.status_code == 503), 503, "unavailable")
    assert counted(server, 'limited_total{limit="server"}') == statuses.count(503)


def test_one_address_does_not_use_up_what_all_have(start):
    server = start(login_rate="2", login_rate_total="5")
    for _ in range(10):
        requests.post(server.http + "/login", data="{}", timeout=DEADLINE)
    assert counted(server, 'limited_total{limit="address"}') >= 7
    reply = requests.post(server.http + "/login", data="{}", timeout=DEADLINE,
                          headers={"X-Forwarded-For": STRANGERS[0]})
    assert reply.status_code == 400


def test_who_comes_for_the_first_time_gets_in_during_a_storm(start):
    server = start(login_rate_total="20")
    account(server, "alice")

    def storm():
        return [requests.post(server.http + "/login", data="{}", timeout=DEADLINE,
                              headers={"X-Forwarded-For": address}).status_code
                for address in itertools.islice(itertools.cycle(STRANGERS[:5]), 40)]

    statuses = storm()
    assert statuses[:9] == [400] * 9 and statuses.count(503) >= 20, statuses
    assert log_in(server, address="203.0.113.1").status_code == 200
    assert storm().count(503) >= 30
    assert log_in(server, address="203.0.113.2").status_code == 200


def test_a_classroom_of_40_behind_one_address_is_not_turned_away(start):
    """With the defaults: all at once, and every third mistypes the password first."""
    server = start()
    names = [f"pupil{i}" for i in range(40)]

    def arrive(i):
        statuses = [post(server, "/register", names[i]).status_code]
        if i % 3 == 0:
            statuses.append(log_in(server, names[i], WRONG).status_code)
        return statuses + [log_in(server, names[i]).status_code]

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        for i, statuses in enumerate(pool.map(arrive, range(40))):
            assert statuses == ([201, 401, 200] if i % 3 == 0 else [201, 200]), i
    for limit in "address", "account", "server", "queue":
        assert counted(server, f'limited_total{{limit="{limit}"}}') == 0


# --- the queue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_a_full_queue_answers_at_once(start, path):
    """One hash at work and one waiting: all others are told to come back, before either is done."""
    server = start(core={"cpu_threads": "1", "job_queue_max": "1"}, bcrypt_cost="14",
                   password_check="off")
    ended = []

    def ask(i):
        reply = post(server, path, f"user{i}", address=STRANGERS[i])
        ended.append(reply.status_code)
        return reply

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(ask, range(8)))
    busy = [reply for reply in replies if reply.status_code == 503]
    assert len(busy) >= 4 and all(refused(reply, 503, "unavailable") for reply in busy)
    assert ended[:len(busy)] == [503] * len(busy), ended
    assert set(ended[len(busy):]) == {401 if path == "/login" else 201}
    assert counted(server, 'limited_total{limit="queue"}') == len(busy)
