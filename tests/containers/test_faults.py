# SPDX-License-Identifier: MIT
"""While a crowd talks through NGINX, what runs a chat does to it: a kill, scaling, restarts, a new image.

What everybody saw is compared with what was acknowledged and with the log (tests/lib/history_check.py).
"""
import asyncio
import datetime
import os
import signal
import time

import pytest
import requests
from crowd import Crowd
from server import DEADLINE, wait_until
from stack import INSTANCES, UP_S, figure

RATE = 60  # messages a second


def crowd(stack, folder):
    """In a room of its own."""
    return Crowd(stack, folder, rate=RATE, groups=INSTANCES, rooms=[folder.name])


def judge(what, report):
    figure(f"{what}: {report}")
    report.assert_good()
    assert report.counts["ok"] > 100, report


async def away(call, *arguments, **options):
    """The crowd talks on meanwhile."""
    return await asyncio.to_thread(call, *arguments, **options)


def instances_of(people):
    return {person.hello["instance"] for person in people}


async def test_an_instance_is_killed(stack, tmp_path):
    """Its clients resume elsewhere, and miss nothing."""
    async with crowd(stack, tmp_path) as people:
        await people.goes_on()
        victim = (await away(stack.containers))[0]
        before = {person: person.connections for person in people.people}
        await away(stack.docker, "kill", victim)
        await people.goes_on(200)
        assert any(person.connections > n for person, n in before.items())
        judge("kill", await people.end())
    assert len(stack.containers()) == INSTANCES - 1
    stack.docker("start", victim)
    stack.wait_ready()


async def test_a_killed_instance_holds_nobody_up(stack):
    """NGINX may know its address for a second: whoever is sent there is sent on at once."""
    victim = (await away(stack.containers))[0]
    await away(stack.docker, "kill", victim)
    took = []
    for _ in range(60):
        began = time.monotonic()
        answer = await away(requests.get, stack.http + "/livez", timeout=DEADLINE)
        took.append(time.monotonic() - began)
        assert answer.status_code == 200
    figure(f"slowest of {len(took)} requests after a kill {max(took) * 1000:.0f} ms")
    await away(stack.docker, "start", victim)


def test_what_dies_is_started_again(stack):
    """Killed as the kernel does it, without the engine being asked."""
    if os.geteuid() != 0 or os.environ.get("CHATD_TEST_OVERRIDE") is None:
        pytest.skip("only root ends processes of its own engine")
    for service in ("chat", "redis", "nginx"):
        container = stack.containers(service)[0]
        os.kill(stack.inspect(container)["State"]["Pid"], signal.SIGKILL)
        wait_until(lambda: stack.inspect(container)["RestartCount"] == 1, deadline=UP_S,
                   what=f"the restart of {service}")
    stack.wait_ready()


async def test_scaling_up_and_down_under_load(stack, tmp_path):
    """3, 5, 2 instances. New ones are found without touching NGINX."""
    nginx = await away(stack.containers, "nginx")
    async with crowd(stack, tmp_path) as people:
        await people.goes_on()
        await away(stack.up, 5)
        seen = set()
        for i in range(100):
            # In no room: an instance that began this instant may answer a join with `unavailable`.
            async with stack.v1("newcomer", room=None) as newcomer:
                seen.add(newcomer.hello["instance"])
            if len(seen) == 5:
                break
        assert len(seen) == 5, seen
        await people.goes_on()
        await away(stack.up, 2)
        await people.goes_on()
        judge("3, 5, 2 instances", await people.end())
        assert len(instances_of(people.speakers)) <= 2
    assert await away(stack.containers, "nginx") == nginx


@pytest.mark.parametrize("service", ["redis", "nginx"])
async def test_a_restart_under_load(stack, tmp_path, service):
    async with crowd(stack, tmp_path) as people:
        await people.goes_on()
        await away(stack.compose, "restart", service)
        await people.goes_on()
        judge(f"restart of {service}", await people.end())


async def test_roll_to_a_rebuilt_image(stack, tmp_path):
    """docker/roll.sh renews one instance after another; nothing that was acknowledged is lost."""
    image = stack.image
    old = await away(stack.containers)
    was = stack.inspect(old[0])["Image"]
    await away(stack.build, "--build-arg", f"REVISION={time.time_ns()}")
    now = stack.inspect(image)["Id"]
    assert now != was
    async with crowd(stack, tmp_path) as people:
        await people.goes_on()
        said = await away(stack.run, "sh", "docker/roll.sh")
        await people.goes_on()
        judge("roll", await people.end())
    assert said.rstrip().endswith("roll: done") and said.count("took the place of") == INSTANCES, said
    new = stack.containers()
    assert len(new) == INSTANCES and not set(new) & set(old)
    assert {stack.inspect(container)["Image"] for container in new} == {now}


def test_a_roll_to_an_image_that_does_not_start(stack, tmp_path):
    """It is called off, and the others go on."""
    image = stack.image
    good = stack.inspect(image)["Id"]
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nENV CHATD_LISTEN=nonsense\n", encoding="utf-8")
    before = stack.containers()
    try:
        stack.docker("build", "-q", "--network", "none", "-t", image, str(tmp_path))
        stack.env["ROLL_DEADLINE"] = "10"
        said = stack.run("sh", "docker/roll.sh", check=False)
    finally:
        stack.env.pop("ROLL_DEADLINE", None)
        stack.docker("tag", good, image)
    assert "was not healthy" in said and "nonsense" in said and "roll: done" not in said, said
    assert stack.containers() == before
    assert requests.get(stack.http + "/readyz", timeout=DEADLINE).status_code == 200


def test_from_start_to_ready(stack):
    """How long a container takes that starts where all else is there. A figure, not a limit."""
    took = []
    for container in stack.containers():
        stack.docker("stop", container)
        stack.docker("start", container)
        wait_until(lambda: len(stack.containers()) == INSTANCES, what="its start")
        site = f"http://{stack.address(container)}:8080/readyz"
        wait_until(lambda: is_ready(site), deadline=UP_S, what="ready")
        took.append(time.time() - started(stack, container))
    figure(f"from start to ready {min(took) * 1000:.0f} to {max(took) * 1000:.0f} ms")


def is_ready(url):
    try:
        return requests.get(url, timeout=1).status_code == 200
    except requests.RequestException:
        return False


def started(stack, container):
    """When its program began, as the engine says: 2026-11-26T07:00:34.339042471Z"""
    text = stack.inspect(container)["State"]["StartedAt"]
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()
