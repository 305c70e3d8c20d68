# SPDX-License-Identifier: MIT
"""Three instances behind NGINX are one chat."""
import socket

import requests
from chat import PASSWORD
from cluster import meet, texts
from server import DEADLINE
from stack import figure, image_sizes


def test_the_page_and_an_account(stack):
    """What a browser does first, from outside NGINX."""
    page = requests.get(stack.http + "/", timeout=DEADLINE)
    assert page.status_code == 200 and "<title>chatd</title>" in page.text
    body = {"user": "Zoë", "password": PASSWORD}
    session = requests.Session()
    assert session.post(stack.http + "/register", json=body, timeout=DEADLINE).status_code == 201
    assert session.post(stack.http + "/register", json=body, timeout=DEADLINE).status_code == 409
    assert session.post(stack.http + "/login", json=body, timeout=DEADLINE).status_code == 200
    assert session.get(stack.http + "/api/v1/me", timeout=DEADLINE).json()["user"] == "zoë"
    assert session.post(stack.http + "/logout", timeout=DEADLINE).status_code == 200
    assert session.get(stack.http + "/api/v1/me", timeout=DEADLINE).status_code == 401


async def test_clients_of_three_instances_are_in_one_room(stack):
    """In both dialects, in one order."""
    people = await stack.spread("anna", "bert", "carl", room="one-room")
    assert len({person.hello["instance"] for person in people}) == 3
    async with stack.classic("dora", room="one-room") as dora:
        people.append(dora)
        await meet(*people)
        for i in range(30):
            await people[i % 4].say(f"m{i}")
        heard = [texts(await person.hear(30)) for person in people]
    assert heard == [[f"m{i}" for i in range(30)]] * 4
    for person in people:
        await person.close()


async def test_who_types_is_seen_on_other_instances(stack):
    people = await stack.spread("anna", "bert", room="typing")
    await meet(*people)
    await people[0].type()
    assert people[1].is_typing(await people[1].next(), "anna")
    for person in people:
        await person.close()


async def test_history_outlives_down_and_up(stack):
    """The containers are new, the volume and the key of the tokens are the old ones."""
    async with stack.v1("anna", room="kept") as anna:
        await anna.say_all([f"m{i}" for i in range(20)])
    before = set(stack.containers())
    stack.down()
    stack.up()
    assert not before & set(stack.containers())
    async with stack.v1("anna", room="kept") as anna, stack.classic("bert", room="kept") as bert:
        assert texts(await anna.hear(20)) == texts(await bert.hear(20)) == [f"m{i}" for i in range(20)]
        await bert.say("and on")
        await anna.hears("and on", seq=21)


def test_containers_can_do_little(stack):
    """Nobody is root, nothing can be written to, and only NGINX is to be reached from outside."""
    for service in ("chat", "redis", "nginx"):
        for container in stack.containers(service):
            host = stack.inspect(container)["HostConfig"]
            assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"]
            assert any("no-new-privileges" in option for option in host["SecurityOpt"])
            assert host["Memory"] and host["PidsLimit"]
            assert bool(host["PortBindings"]) == (service == "nginx")
            status = stack.docker("exec", container, "cat", "/proc/1/status")
            fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
            assert "0" not in fields["Uid"].split() and int(fields["CapEff"], 16) == 0
            assert "Read-only file system" in stack.docker("exec", container, "touch", "/x", check=False)
    for network, is_private in {"front": True, "back": True, "edge": False}.items():
        assert stack.docker("network", "inspect", "-f", "{{.Internal}}",
                            f"{stack.name}_{network}").strip() == str(is_private).lower()


def test_redis_is_not_reached_from_this_machine(stack):
    """Nor by its other users; chatd's own port is, as the README says."""
    [redis], [site, *_] = stack.containers("redis"), stack.sites()
    # Something else may answer for addresses that are not here: a router's proxy.
    assert not answers_ping(stack.address(redis, "back"))
    assert requests.get(site.http + "/livez", timeout=DEADLINE).status_code == 200


def answers_ping(address):
    """As a Redis does, with or without a password."""
    try:
        with socket.create_connection((address, 6379), timeout=2) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(100).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def test_the_image(stack):
    """Small, without SDK and compiler, with health check and labels; sizes are printed, and shown by run.sh."""
    image = stack.image
    config = stack.inspect(stack.containers()[0])["Config"]
    assert config["Healthcheck"]["Test"] == ["CMD", "chatd", "--health"]
    assert config["StopSignal"] == "SIGTERM" and config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    files = stack.docker("run", "--rm", "--network", "none", "--entrypoint", "find", image, "/usr/local", "/src",
                         "-type", "f", check=False)
    assert "/usr/local/bin/chatd" in files and "/usr/local/lib/chatd/rooms.so" in files
    assert ".h\n" not in files and "cmake" not in files and "No such file" in files
    whole, base = image_sizes(stack, image)
    figure(f"image {whole / 1e6:.1f} MB, of which over its base {(whole - base) / 1e6:.1f} MB")
