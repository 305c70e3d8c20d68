# SPDX-License-Identifier: MIT
"""The commands of docker/README.md that are marked there: `<!-- run: NAME -->`, `<!-- file: NAME -->`."""
import os
import re
import shutil

import pytest
import requests
from cluster import texts
from server import DEADLINE, ROOT, wait_until
from stack import COMPOSE, Site, free_port

README = (ROOT / "docker" / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^<!-- (?:run|file): (\S+) -->\n```\w+\n(.*?)^```$", README, re.M | re.S))
# What a build needs in an engine that leads nowhere.
BUILD = os.environ.get("CHATD_TEST_BUILD", "")


def test_every_marked_block_is_read():
    assert len(BLOCKS) == len(re.findall("^<!-- ", README, re.M))


def do(stack, name, folder=ROOT, **names):
    """Runs a block with names of this project in the engine, where the README has short ones."""
    text = BLOCKS[name].replace("docker compose", " ".join(COMPOSE)).replace("docker build", f"docker build {BUILD}")
    for short, own in names.items():
        text, n = re.subn(rf"(?<![\w/.-]){re.escape(short)}(?![\w/.-])", own, text)
        assert n, f"{short} is not in the block {name}"
    return stack.run("sh", "-euc", f"cd {folder}\n{text}", limit=600)


def test_a_plugin_in_the_image(stack, tmp_path):
    """Built in the image for plugin authors, added to the server's in three lines, and loaded."""
    sdk, mine = f"{stack.name}-sdk:test", f"{stack.name}-mine:test"
    folder = tmp_path / "wordfilter"
    shutil.copytree(ROOT / "sdk" / "examples" / "wordfilter", folder)
    (folder / "Dockerfile").write_text(BLOCKS["Dockerfile"].replace("FROM chatd", f"FROM {stack.image}"))
    try:
        do(stack, "sdk", **{"chatd-sdk": sdk})
        do(stack, "plugin", folder, **{"chatd-sdk": sdk, "docker run": "docker run --network none"})
        assert (folder / "build" / "wordfilter.so").is_file()
        said = do(stack, "image", folder, mychatd=mine, **{"docker run": "docker run --network none"})
        assert ": ok" in said, said
        shown = stack.docker("run", "--rm", "--network", "none", mine, "--dump-config")
        assert re.search(r"\[wordfilter\][^[]*\nword = beans", shown), shown
    finally:
        stack.docker("image", "rm", "-f", sdk, mine, check=False)


@pytest.fixture
def single(stack):
    """A container of its own, with a volume; not on the stack's networks but for one that is published."""
    site, name = Site(free_port()), f"{stack.name}-single"
    names = {"docker run -d": f"docker run -d --network {stack.name}_edge", "--name chatd": f"--name {name}",
             "8080:8080": f"127.0.0.1:{site.port}:8080", "-v chatd": f"-v {name}",
             "CHATD_TRUSTED_PROXIES= chatd": f"CHATD_TRUSTED_PROXIES= {stack.image}"}
    text = BLOCKS["single"]
    for shown, own in names.items():
        assert text.count(shown) == 1, shown
        text = text.replace(shown, own)
    lines = text.split("\n", 1)
    assert lines[0] == "docker build -f docker/Dockerfile -t chatd ."  # that is the image of the stack
    try:
        stack.run("sh", "-euc", lines[1])
        yield stack, site, name
    finally:
        stack.docker("rm", "-f", name, check=False)
        stack.docker("volume", "rm", "-f", name, check=False)


def test_one_container_with_sqlite(single):
    """Accounts outlive it, and nobody passes for another address."""
    stack, site, name = single
    body = {"user": "anna", "password": "correct horse"}

    def ready():
        try:
            return requests.get(site.http + "/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    wait_until(ready, what="its start")
    assert requests.post(site.http + "/register", json=body, timeout=DEADLINE).status_code == 201
    requests.post(site.http + "/login", json={**body, "password": "is another one"}, timeout=DEADLINE,
                  headers={"X-Forwarded-For": "203.0.113.7"})
    assert "203.0.113.7" not in stack.docker("logs", name)
    stack.docker("restart", name)
    wait_until(ready, what="its second start")
    assert requests.post(site.http + "/login", json=body, timeout=DEADLINE).status_code == 200
    log = stack.docker("logs", name)
    assert not re.search(r"^\S+Z error ", log, re.M), log


async def test_a_backup_and_back_again(stack, tmp_path):
    """A chat that was deleted with its volume is what it was."""
    async with stack.v1("anna", room="backup") as anna:
        await anna.say_all([f"m{i}" for i in range(20)])
    names = {"chat.tar": str(tmp_path / "chat.tar")}
    do(stack, "backup", **names)
    stack.down("--volumes")
    do(stack, "restore", **names)
    stack.up()
    async with stack.v1("anna", room="backup") as anna:
        assert texts(await anna.hear(20)) == [f"m{i}" for i in range(20)]
