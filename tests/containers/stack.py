# SPDX-License-Identifier: MIT
"""The project's compose file, brought up and asked from outside, through NGINX.

The engine is that of DOCKER_HOST, Compose what CHATD_TEST_COMPOSE says, both set by run.sh. The files of the
project are used as they are; CHATD_TEST_OVERRIDE names a further one, for an engine that needs it. All names in
the engine begin with the project's, and are gone in the end.
"""
import json
import os
import re
import socket
import subprocess

import requests
from chat import sign_up
from client import ClassicClient
from client_v1 import V1Client
from server import ROOT, clean_env, wait_until

# What whoever runs the tests has written into .env is not the tests'.
COMPOSE = [*os.environ.get("CHATD_TEST_COMPOSE", "docker compose").split(), "--env-file",
           str(ROOT / "tests" / "containers" / "own.env")]
OVERRIDE = os.environ.get("CHATD_TEST_OVERRIDE")
INSTANCES = 3
UP_S, BUILD_S = 180, 1500  # limits, not expectations
FIGURES = []  # lines that are shown at the end
# What must not be in the log of any container, whatever happens to the others.
NEVER = re.compile(r"killed by signal|crashed|assertion|sanitizer|panic|\[(emerg|alert|crit)\]", re.IGNORECASE)


class Site:
    """An address that a client uses: NGINX from outside, or one container from its side."""

    def __init__(self, port, host="127.0.0.1"):
        self.host, self.port = host, port
        self.http = f"http://{host}:{port}"

    def ws(self, path="/ws"):
        return f"ws://{self.host}:{self.port}{path}"


class Stack:
    """A project in the engine. `overlays`: further compose files of docker/; `env`: what their variables say."""

    def __init__(self, name, image=None, overlays=(), env=None):
        self.name = name
        self.image = image or f"{name}:test"
        self.tokens = {}
        self.made = set()  # ids of images
        self.nodes = [Site(free_port())]
        files = ["docker/docker-compose.yml", *(f"docker/docker-compose.{one}.yml" for one in overlays),
                 "tests/containers/fast.yml", *([OVERRIDE] if OVERRIDE else [])]
        self.env = clean_env({"COMPOSE_FILE": ":".join(files), "COMPOSE_PROJECT_NAME": name,
                              "CHATD_IMAGE": self.image, "COMPOSE_IGNORE_ORPHANS": "1",
                              "HTTP_PORT": f"127.0.0.1:{self.nodes[0].port}", **(env or {})})

    @property
    def http(self):
        return self.nodes[0].http

    # -- the engine -----------------------------------------------------------------------------

    def run(self, *command, limit=UP_S, check=True):
        """Its output."""
        done = subprocess.run(command, cwd=ROOT, env=self.env, timeout=limit, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    def compose(self, *arguments, **options):
        return self.run(*COMPOSE, *arguments, **options)

    def docker(self, *arguments, **options):
        return self.run("docker", *arguments, **options)

    def build(self, *arguments):
        said = self.compose("build", *arguments, "chat", limit=BUILD_S)
        self.made.add(self.docker("image", "inspect", "-f", "{{.Id}}", self.image).strip())
        return said

    def up(self, instances=INSTANCES):
        self.compose("up", "-d", "--no-build", "--scale", f"chat={instances}")
        self.wait_ready(instances)

    def down(self, *arguments):
        self.compose("down", *arguments)

    def containers(self, service="chat"):
        """Ids of those that run."""
        rows = self.docker("ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.name}",
                           "--filter", f"label=com.docker.compose.service={service}")
        return sorted(rows.split())

    def inspect(self, container):
        return json.loads(self.docker("inspect", container))[0]

    def address(self, container, network="front"):
        networks = self.inspect(container)["NetworkSettings"]["Networks"]
        return networks[f"{self.name}_{network}"]["IPAddress"]

    def sites(self):
        """Each chatd from its own side."""
        return [Site(8080, self.address(container)) for container in self.containers()]

    def logs(self, service, *arguments):
        return "".join(self.docker("logs", *arguments, container) for container in self.containers(service))

    # -- its life -------------------------------------------------------------------------------

    def wait_ready(self, instances=INSTANCES):
        def ready():
            sites = self.sites()
            return len(sites) == instances and all(is_well(site) for site in [*sites, self.nodes[0]])
        wait_until(ready, deadline=UP_S, what=f"{instances} ready instances behind NGINX")

    def calm(self):
        """Three instances, whatever the test before left."""
        if len(self.containers()) != INSTANCES or not all(self.containers(name) for name in ("redis", "nginx")):
            self.up()
        else:
            self.wait_ready()

    def close(self):
        """Takes everything away; returns what is wrong in the logs."""
        problems = [line for service in ("chat", "nginx", "redis") for line in self.logs(service).splitlines()
                    if NEVER.search(line)]
        self.down("--volumes", "--timeout", "5")
        return problems

    def forget(self, *images):
        """Takes away the images that it made."""
        self.docker("image", "rm", "-f", self.image, *images, *self.made, check=False)

    # -- people ---------------------------------------------------------------------------------

    def token(self, user):
        """Of an account that is made when it is needed."""
        if user not in self.tokens:
            self.tokens[user] = sign_up(self.nodes[0], user)
        return self.tokens[user]

    def v1(self, user, room="general", **options):
        return V1Client(self.nodes[0], self.token(user), user, room, **options)

    def classic(self, user, room="general", **options):
        return ClassicClient(self.nodes[0], self.token(user), user, room, **options)

    def person(self, dialect, user, **options):
        return {"v1": self.v1, "classic": self.classic}[dialect](user, **options)

    async def spread(self, *users, **options):
        """chatd.v1 clients, each on another instance: NGINX deals them out, whoever lands where one is already
        tries again."""
        taken, clients = set(), []
        for user in users:
            for _ in range(50):
                client = await self.v1(user, **options).open()
                if client.hello["instance"] not in taken:
                    break
                await client.close()
            else:
                raise AssertionError(f"50 times to one of {taken}")
            taken.add(client.hello["instance"])
            clients.append(client)
        return clients


def is_well(site):
    """Ready, and not merely so: one whose connection to Redis has just gone counts as degraded, and may refuse a
    join until it is back."""
    try:
        return requests.get(site.http + "/readyz", timeout=2).json().get("status") == "ready"
    except requests.RequestException:
        return False


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def figure(text):
    """Nothing to pass or fail by, but worth a look."""
    FIGURES.append(text)


def image_sizes(stack, image):
    """(bytes of the image, bytes of its base)."""
    base = os.environ.get("BASE_IMAGE", "debian:bookworm-slim")
    return tuple(int(stack.docker("image", "inspect", "-f", "{{.Size}}", name)) for name in (image, base))

