# SPDX-License-Identifier: MIT
"""A folder with a bare Debian in it, in which packages are installed and chatd runs.

Everything that happens there does so in a mount namespace of its own: what is mounted is gone with the
last process that needs it, and the folder can be deleted whatever has failed before.
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from server import DEADLINE, children_of, reap_orphan, wait_until

SOURCES = [pathlib.Path("/etc/apt/sources.list.d/debian.sources"), pathlib.Path("/etc/apt/sources.list")]
STEP = 300  # seconds that one call of apt or mmdebstrap may take
UNIT = "usr/lib/systemd/system/chatd.service"
# Nothing of whoever runs the tests, but for the way to a proxy.
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
       **{k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")}}


def run(*command, cwd=None, env=None):
    """Runs a command to its end, whatever that is; its output is that of both streams."""
    return subprocess.run([str(word) for word in command], cwd=cwd, env=env or ENV, timeout=STEP, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def release():
    """The fields of /etc/os-release."""
    text = pathlib.Path("/etc/os-release").read_text()
    return {key: value.strip('"') for key, value in re.findall(r"^(\w+)=(.*)$", text, re.M)}


def why_not():
    """Why there can be no bare root here, or None."""
    if os.geteuid() != 0:
        return "only root can make a bare root and install packages there"
    if release().get("ID") != "debian":
        return "the bare root is made from this machine's Debian, and it has none"
    for tool in ("mmdebstrap", "unshare"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    if not any(path.is_file() for path in SOURCES):
        return "apt has no sources of Debian here"
    done = run("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt")
    if done.returncode != 0:
        return f"this root may not mount: {done.stdout.strip()}"
    return None


class NoMirror(Exception):
    """apt reaches no mirror of Debian."""


class Root:
    """A bare Debian in `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    @classmethod
    def make(cls, folder):
        sources = next(path for path in SOURCES if path.is_file())
        done = run("unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
                   "--skip=cleanup/apt/lists", release()["VERSION_CODENAME"], folder, sources)
        if done.returncode != 0 and re.search("apt-get update.* failed", done.stdout):
            raise NoMirror(done.stdout)
        assert done.returncode == 0, done.stdout
        # Services are not started while a machine is made, and what mmdebstrap leaves is a machine.
        assert not (cls(folder) / "usr/sbin/policy-rc.d").exists()
        return cls(folder)

    def copy(self, folder):
        subprocess.run(["cp", "-a", "--reflink=auto", self.folder, folder], check=True, timeout=STEP)
        return Root(folder)

    def __truediv__(self, path):
        return self.folder / path

    # -- commands -----------------------------------------------------------------------------

    def inside(self, *command):
        """`command` as a command line that runs it in the root."""
        return ["unshare", "--mount", f"--mount-proc={self.folder / 'proc'}", "chroot", str(self.folder),
                *map(str, command)]

    def try_to(self, *command):
        return run(*self.inside(*command))

    def run(self, *command):
        """Runs a command as root, which has to succeed; returns what it prints."""
        done = self.try_to(*command)
        assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stdout}"
        return done.stdout

    def as_user(self, user, *command):
        return self.run("runuser", "-u", user, "--", *command)

    def apt_install(self, *packages):
        """Installs packages and what they depend on: files of packages, and names; returns what is printed."""
        for package in packages:
            if isinstance(package, pathlib.Path):
                shutil.copy(package, self / "root")
        words = [f"/root/{word.name}" if isinstance(word, pathlib.Path) else word for word in packages]
        return self.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "-o",
                        "DPkg::Options::=--force-unsafe-io", *words)

    def forget_apt(self):
        """What apt keeps is more than half of a bare root, and is copied with it."""
        for folder in ("var/lib/apt/lists", "var/cache/apt"):
            shutil.rmtree(self / folder)
        return self

    def dpkg(self, *arguments):
        return self.run("dpkg", "--force-unsafe-io", "--force-confold", *arguments)

    def dpkg_install(self, package):
        shutil.copy(package, self / "root")
        return self.dpkg("-i", f"/root/{package.name}")

    # -- what is there ------------------------------------------------------------------------

    def owner(self, path):
        """'user:group mode' of a file, by the names that the root has for them."""
        return self.run("stat", "-c", "%U:%G %a", f"/{path}").strip()

    def unit(self):
        """{setting: [values]} of the installed unit."""
        found = {}
        for key, value in re.findall(r"^(\w+)=(.*)$", (self / UNIT).read_text(), re.M):
            found.setdefault(key, []).append(value)
        return found

    def named_chatd(self):
        """What has chatd in its path, but for what is below its data, and dpkg's own notes."""
        found = self.run("find", "/etc", "/usr", "/var", "-path", "*chatd*", "-not", "-path", "/var/lib/chatd/*",
                         "-not", "-path", "/var/lib/dpkg/*")
        return sorted(found.split())


class Service:
    """chatd, started as the unit says: its command, user, environment and folders."""

    def __init__(self, root, env=None):
        self.root = root
        unit = root.unit()
        [command], [user], [runtime], [folder] = (
            unit[key] for key in ("ExecStart", "User", "RuntimeDirectory", "WorkingDirectory"))
        # systemd's part.
        root.run("install", "-d", "-o", user, "-g", user, f"/run/{runtime}")
        self.env = {**ENV, **dict(line.split("=", 1) for line in unit["Environment"]),
                    "CHATD_LISTEN": "127.0.0.1:0", **(env or {})}
        # The shell is gone once it has changed folders: the process is chatd itself.
        self.command = root.inside(
            "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs",
            "--bounding-set=-all", "--", "sh", "-c", 'umask "$0" && cd "$1" && shift && exec "$@"',
            unit["UMask"][0], folder, *shlex.split(command))
        self.log_path = root / "root/chatd.log"
        self.process = None
        self.port = None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)

        def listening():
            found = re.search(r"listens on http://127\.0\.0\.1:(\d+)", self.log)
            assert found or self.process.poll() is None, f"chatd ended with {self.process.returncode}:\n{self.log}"
            return found and int(found[1])

        try:
            self.port = wait_until(listening, what="listening")
        except AssertionError:
            self.stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        code = self.stop()
        if kind is None:
            assert code == 0, f"chatd ended with {code}:\n{self.log}"
            assert not re.search(r"^\S+Z (warn|error) ", self.log, re.M), self.log
        else:
            print(self.log)

    def stop(self):
        workers = children_of(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for pid in workers:
                reap_orphan(pid)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    def ws(self, path):
        return f"ws://127.0.0.1:{self.port}{path}"
