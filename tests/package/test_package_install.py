# SPDX-License-Identifier: MIT
"""The packages in a bare root: what installing, upgrading, removing and purging do, and that chatd runs."""
import re
import shutil
import subprocess

import pytest
import requests
from bare_root import UNIT, Service, run
from chat import Client
from server import DEADLINE, wait_until

ALICE = {"user": "alice", "password": "correct horse"}
INI = "etc/chatd/chatd.ini"
DATA = "var/lib/chatd"
ENABLED = "etc/systemd/system/multi-user.target.wants/chatd.service"


def status(root):
    """dpkg's word for the state of chatd, as `ii` or `rc`."""
    return root.try_to("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "chatd").stdout.strip()


def wait_ready(service):
    def ready():
        return requests.get(f"{service.http}/readyz", timeout=DEADLINE).status_code == 200
    wait_until(ready, what="readiness")


def register(service):
    assert requests.post(f"{service.http}/register", json=ALICE, timeout=DEADLINE).status_code == 201


def log_in(service):
    answer = requests.post(f"{service.http}/login", json=ALICE, timeout=DEADLINE)
    assert answer.status_code == 200 and answer.json()["token"]


@pytest.fixture
def newer(packages, tmp_path):
    """chatd as a later version, whose INI has one line more."""
    folder = tmp_path / "newer"
    subprocess.run(["dpkg-deb", "-R", packages["chatd"], folder], check=True)
    control = folder / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", r"\g<0>+newer", control.read_text(), flags=re.M))
    with open(folder / INI, "a") as ini:
        ini.write("; new in this version\n")
    package = tmp_path / "newer.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", folder, package], check=True, stdout=subprocess.DEVNULL)
    return package


# -- installing -------------------------------------------------------------------------------------


def test_installing_sets_up_user_folder_and_service(installed):
    root, printed = installed
    assert re.search(r"^Setting up chatd \(.*\) \.\.\.\n(?!\S+: |.*(?i:warning|error))", printed, re.M), printed
    assert status(root) == "ii"
    name, _, uid, _, _, home, shell = root.run("getent", "passwd", "chatd").strip().split(":")
    assert (name, home, shell) == ("chatd", f"/{DATA}", "/usr/sbin/nologin") and 100 <= int(uid) < 1000
    assert root.run("id", "-Gn", "chatd").split() == ["chatd"]
    assert root.owner(DATA) == "chatd:chatd 750"
    # A secret may stand in it: chatd reads it, writes it not, and nobody else does either.
    assert root.owner(INI) == "root:chatd 640"
    assert root.owner("etc/chatd") == "root:root 755"
    # Enabled, though there is no systemd that could have done it.
    assert (root / ENABLED).is_symlink() and (root / UNIT).is_file()
    assert root.run("readlink", "-f", f"/{ENABLED}").strip() == f"/{UNIT}"
    # dpkg's own comparison; what it prints is what differs.
    assert root.run("dpkg", "--verify", "chatd") == ""


def test_settings_that_were_there_first_stay(machine, packages):
    """So that the first start is one with the operator's own."""
    machine.dpkg("--purge", "chatd")
    (machine / "etc/chatd").mkdir()
    (machine / INI).write_text("[auth]\nregistration = closed\n")
    machine.dpkg_install(packages["chatd"])
    assert (machine / INI).read_text() == "[auth]\nregistration = closed\n"
    assert machine.owner(INI) == "root:chatd 640"


def test_the_installed_configuration_is_without_mistakes(installed):
    installed.root.as_user("chatd", "chatd", "-c", f"/{INI}", "--check")


def test_systemd_takes_the_unit(installed):
    """With the root's own unit, program and user; systemd itself is this machine's."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    # Units that systemd brings and a bare root lacks are not looked for.
    done = run("systemd-analyze", "verify", f"--root={installed.root.folder}", "--man=no",
               "--recursive-errors=no", installed.root / UNIT)
    assert (done.returncode, done.stdout) == (0, "")


# -- running ----------------------------------------------------------------------------------------


def test_chatd_serves_as_the_unit_starts_it(machine):
    with Service(machine) as service:
        wait_ready(service)
        assert requests.get(f"{service.http}/livez", timeout=DEADLINE).status_code == 200
        page = requests.get(f"{service.http}/", timeout=DEADLINE)
        assert page.status_code == 200 and "<html" in page.text
        register(service)
        status_of = (machine / f"proc/{service.process.pid}/status")
        assert not status_of.exists()  # the mount is not seen outside
        assert machine.run("stat", "-c", "%U", f"/proc/{service.process.pid}").strip() == "chatd"
        assert machine.owner(f"{DATA}/chatd.db").startswith("chatd:chatd ")
        assert (machine / "run/chatd/chatd.pid").read_text().strip() == str(service.process.pid)
    assert machine.run("find", "/etc/chatd").split() == ["/etc/chatd", f"/{INI}"]
    with Service(machine) as service:
        log_in(service)


# -- upgrading --------------------------------------------------------------------------------------


def test_an_upgrade_leaves_what_people_made(machine, newer):
    with Service(machine) as service:
        register(service)
    ini = machine / INI
    ini.write_text(ini.read_text().replace("; verb_rate = 50", "verb_rate = 60"))
    edited = ini.read_text()
    ini.chmod(0o600)
    machine.run("chown", "chatd:chatd", f"/{INI}")
    (machine / ENABLED).unlink()  # what systemctl disable does

    machine.dpkg_install(newer)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "chatd").endswith("+newer")
    assert ini.read_text() == edited
    assert (machine / f"{INI}.dpkg-dist").read_text().endswith("; new in this version\n")
    assert machine.owner(INI) == "chatd:chatd 600"
    assert not (machine / ENABLED).is_symlink()
    with Service(machine) as service:
        log_in(service)


def test_an_upgrade_brings_the_new_ini_where_the_old_one_is_untouched(machine, newer):
    machine.dpkg_install(newer)
    assert (machine / INI).read_text().endswith("; new in this version\n")
    assert machine.owner(INI) == "root:chatd 640"
    assert (machine / ENABLED).is_symlink()


def test_installing_it_once_more_changes_nothing(machine, packages):
    before = {path: machine.owner(path) for path in (INI, DATA, UNIT)}
    (machine / INI).write_text("[chatd]\nlisten = 127.0.0.1:8080\n")
    machine.dpkg_install(packages["chatd"])
    assert (machine / INI).read_text() == "[chatd]\nlisten = 127.0.0.1:8080\n"
    assert {path: machine.owner(path) for path in before} == before


# -- removing ---------------------------------------------------------------------------------------


def test_removing_leaves_configuration_and_data(machine, packages):
    with Service(machine) as service:
        register(service)
    with open(machine / INI, "a") as ini:
        ini.write("; mine\n")
    machine.dpkg("-r", "chatd")
    assert status(machine) == "rc"
    # And the note that the service is enabled, which the next installation goes by.
    left = [path for path in machine.named_chatd() if not path.startswith(("/var/lib/systemd/", f"/{ENABLED}"))]
    assert left == ["/etc/chatd", f"/{INI}", f"/{DATA}"]
    assert (machine / DATA / "chatd.db").is_file()
    machine.dpkg_install(packages["chatd"])
    assert (machine / INI).read_text().endswith("; mine\n")
    assert machine.owner(INI) == "root:chatd 640"
    with Service(machine) as service:
        log_in(service)


def test_purging_leaves_what_people_wrote_and_says_so(machine, packages):
    with Service(machine) as service:
        register(service)
    assert f"/{DATA} is kept" in machine.dpkg("--purge", "chatd")
    assert machine.named_chatd() == [f"/{DATA}"]
    # Else the number could become another user's, whose the database would be.
    assert machine.owner(DATA) == "chatd:chatd 750"
    machine.dpkg_install(packages["chatd"])
    assert machine.owner(INI) == "root:chatd 640"
    with Service(machine) as service:
        log_in(service)


def test_purging_leaves_nothing_where_nobody_wrote(machine):
    assert "kept" not in machine.dpkg("--purge", "chatd")
    assert machine.named_chatd() == []


# -- with systemd -----------------------------------------------------------------------------------


class Systemctl:
    """A systemctl in the root that writes down what it is told, and a folder that says that systemd runs."""

    def __init__(self, root, code=0):
        self.calls = root / "root/calls"
        program = root / "usr/bin/systemctl"
        program.write_text('#!/bin/sh\ncase " $* " in\n*" is-enabled "*) echo enabled ;;\n*" is-active "*) ;;\n'
                           f'*) echo "$*" >>/root/calls; exit {code} ;;\nesac\n')
        program.chmod(0o755)
        (root / "run/systemd/system").mkdir(parents=True)

    def told(self):
        """The calls since the last time, without options."""
        text = self.calls.read_text() if self.calls.exists() else ""
        self.calls.unlink(missing_ok=True)
        return [" ".join(word for word in line.split() if not word.startswith("-")) for line in text.splitlines()]


def test_systemd_is_told_to_start_restart_and_stop(machine, packages, newer):
    machine.dpkg("--purge", "chatd")
    systemctl = Systemctl(machine)
    machine.dpkg_install(packages["chatd"])
    assert systemctl.told() == ["preset chatd.service", "daemon-reload", "start chatd.service"]
    machine.dpkg_install(newer)
    assert systemctl.told() == ["daemon-reload", "restart chatd.service"]
    machine.dpkg("-r", "chatd")
    assert systemctl.told() == ["stop chatd.service", "daemon-reload"]
    machine.dpkg("--purge", "chatd")
    assert systemctl.told() == []


def test_a_service_that_does_not_start_is_no_broken_installation(machine, packages, newer):
    machine.dpkg("--purge", "chatd")
    systemctl = Systemctl(machine, code=1)
    machine.dpkg_install(packages["chatd"])
    machine.dpkg_install(newer)
    assert status(machine) == "ii"
    machine.dpkg("--purge", "chatd")
    assert "start chatd.service" in systemctl.told()


# -- SDK --------------------------------------------------------------------------------------------


def test_a_plugin_is_built_with_the_sdk_and_loaded(workshop):
    """By what the package recommends, without a path to anywhere, and not by root."""
    workshop.as_user("nobody", "sh", "-euc", """
        cp -r /usr/share/chatd/sdk/examples/echo /tmp/echo && cd /tmp/echo
        cmake -B build && cmake --build build
        cc $(pkg-config --cflags chatd-sdk) -o by-hand.so echo.c $(pkg-config --libs chatd-sdk)
        cp -r /usr/share/chatd/sdk/examples/announce /tmp/announce
        cmake -S /tmp/announce -B /tmp/announce/build
        cmake --build /tmp/announce/build
        printf '#include <chatd/json.h>\\n' >json.c
        cc $(pkg-config --cflags chatd-sdk) -c json.c""")
    plugins = workshop.run("sh", "-c", "readlink -f $(pkg-config --variable=plugindir chatd-sdk)").strip()
    assert plugins == "/usr/lib/chatd"
    # By its path, and by its name from where chatd looks.
    by_path = "/usr/local/lib/chatd/echo.so"
    for built, place, value in (("by-hand.so", by_path, by_path), ("build/echo.so", f"{plugins}/echo.so", "on")):
        workshop.run("install", "-D", "-m", "644", f"/tmp/echo/{built}", place)
        with Service(workshop, {"CHATD_PLUGINS_ECHO": value}) as service, Client(service.ws("/echo")) as client:
            client.send("built against the package")
            assert client._run(client.ws.recv()) == "built against the package"

    # From an empty folder, by the command: built both ways, its unit tests run, and what chatd thinks of it.
    told = workshop.as_user("nobody", "sh", "-euc", """
        cd /tmp && chatd plugin new greeter && cd greeter
        cmake -B build && cmake --build build && ctest --test-dir build
        cc $(pkg-config --cflags chatd-testhost) -o by-hand test_greeter.c greeter.c $(pkg-config --libs chatd-testhost)
        ./by-hand
        chatd plugin check build/greeter.so
        chatd --check -c chatd.ini
        chatd -c chatd.ini plugin list""")
    assert "100% tests passed" in told and "\nok\n" in told and "\n  ok\n" in told
    assert "chatd.ini: ok" in told and "./build/greeter.so" in told

    workshop.dpkg("--purge", "chatd-sdk")
    assert [path for path in workshop.named_chatd() if "sdk" in path or "include" in path] == []
