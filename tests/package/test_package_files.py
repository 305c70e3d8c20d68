# SPDX-License-Identifier: MIT
"""What is in the packages, looked at without installing them."""
import re
import subprocess

import pytest
from bare_root import run
from server import ROOT, run_chatd

VERSION = re.search(r"VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text().split("project(chatd")[1])[1]


def tree(folder, ending=""):
    """Files below a folder of the sources, by their paths in there."""
    return {str(path.relative_to(ROOT / folder)) for path in (ROOT / folder).rglob(f"*{ending}") if path.is_file()}


def below(place, files):
    return {f"{place}/{file}" for file in files}


def fields(package):
    text = run("dpkg-deb", "-f", package).stdout
    return dict(re.findall(r"^([\w-]+): (.*)$", text, re.M))


@pytest.fixture(scope="session")
def unpacked(packages, tmp_path_factory):
    """{name: folder} of what is in the packages; control files in DEBIAN."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, package in packages.items():
        subprocess.run(["dpkg-deb", "-R", package, folder / name], check=True)
    return {name: folder / name for name in packages}


def files(folder):
    """What is not a folder, control files left out."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {str(path.relative_to(folder)) for path in found} - below("DEBIAN", tree_of(folder / "DEBIAN"))


def tree_of(folder):
    return {path.name for path in folder.iterdir()}


def test_packages_are_called_as_debian_wants(packages):
    architecture = run("dpkg", "--print-architecture").stdout.strip()
    assert {path.name for path in packages.values()} == {f"chatd_{VERSION}_{architecture}.deb",
                                                         f"chatd-sdk_{VERSION}_{architecture}.deb"}
    assert run_chatd("--version").stdout.startswith(f"chatd {VERSION} ")


def test_lintian_finds_nothing(packages):
    """Neither errors nor warnings; what is overridden says why, in the package."""
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", *packages.values())
    assert (done.returncode, re.findall(r"^[EW]: .*", done.stdout, re.M)) == (0, []), done.stdout


def test_every_override_has_a_reason(unpacked):
    overrides = [path for folder in unpacked.values() for path in folder.glob("usr/share/lintian/overrides/*")]
    assert [path.name for path in overrides] == ["chatd-sdk"]
    assert all(path.read_text().startswith("# ") for path in overrides)


def test_files_of_chatd(unpacked):
    plugins = {path.name for path in (ROOT / "plugins").iterdir() if list(path.glob("*.c"))}
    doc = "usr/share/doc/chatd"
    assert files(unpacked["chatd"]) == {
        "etc/chatd/chatd.ini", "usr/bin/chatd", "usr/lib/systemd/system/chatd.service",
        "usr/share/man/man1/chatd.1.gz", "usr/share/man/man5/chatd.ini.5.gz",
        f"{doc}/README.md", f"{doc}/etc/README.md", f"{doc}/changelog.gz", f"{doc}/copyright",
        *below("usr/lib/chatd", {f"{plugin}.so" for plugin in plugins}),
        *below("usr/share/chatd/static", tree("static") - {"js/package.json"}),
    }
    assert tree_of(unpacked["chatd"] / "DEBIAN") == {"control", "md5sums", "conffiles", "postinst", "prerm", "postrm"}


def test_files_of_chatd_sdk(unpacked):
    doc, cmake = "usr/share/doc/chatd-sdk", "usr/lib/cmake/chatd-sdk"
    assert files(unpacked["chatd-sdk"]) == {
        *below(cmake, {"ChatdAddPlugin.cmake", "chatd-plugin.map", "chatd-sdk-config.cmake",
                       "chatd-sdk-config-version.cmake", "chatd-sdk-targets.cmake", "chatd-sdk-targets-relwithdebinfo.cmake"}),
        "usr/share/pkgconfig/chatd-sdk.pc", "usr/share/pkgconfig/chatd-testhost.pc", "usr/lib/libchatd-testhost.a",
        "usr/share/lintian/overrides/chatd-sdk",
        "usr/share/man/man7/chatd-plugin.7.gz",
        f"{doc}/changelog.gz", f"{doc}/copyright", f"{doc}/doc", f"{doc}/examples",
        *below("usr/include", tree("sdk/include", ".h")),
        *below("usr/share/chatd/sdk/doc", tree("sdk/doc", ".md")),
        *below("usr/share/chatd/sdk/examples", tree("sdk/examples")),
        *below("usr/share/chatd/sdk/template", tree("sdk/template")),
    }
    for link in ("doc", "examples"):
        assert (unpacked["chatd-sdk"] / doc / link).resolve() == unpacked["chatd-sdk"] / "usr/share/chatd/sdk" / link
    assert tree_of(unpacked["chatd-sdk"] / "DEBIAN") == {"control", "md5sums"}


def test_everything_is_roots_and_readable(packages):
    for package in packages.values():
        for line in run("dpkg-deb", "-c", package).stdout.splitlines():
            mode, owner, path = re.fullmatch(r"(\S+) (\S+) .* (\./\S*(?: -> \S+)?)", line).groups()
            wanted = ("lrwxrwxrwx" if " -> " in path else "drwxr-xr-x" if path.endswith("/") else
                      "-rwxr-xr-x" if path == "./usr/bin/chatd" else "-rw-r--r--")
            assert (mode, owner) == (wanted, "root/root"), line


def test_all_below_etc_is_a_conffile(unpacked):
    listed = (unpacked["chatd"] / "DEBIAN" / "conffiles").read_text().split()
    assert listed == [f"/{file}" for file in sorted(files(unpacked["chatd"])) if file.startswith("etc/")]


def test_dependencies(packages):
    server, sdk = fields(packages["chatd"]), fields(packages["chatd-sdk"])
    needed = {re.split("[ :]", word)[0] for word in server["Depends"].split(", ")}
    # Of libraries, those that dpkg-shlibdeps finds; a version in the name is the release's own affair.
    for name in ("adduser", "cracklib-runtime", "libc6", "libcrack2", "libevent", "libhiredis", "libjansson", "libjwt",
                 "libnettle", "libsqlite3", "libssl3"):
        assert any(word.startswith(name) for word in needed), name
    assert not any("chatd" in word or word.endswith("-dev") for word in needed)
    assert sdk["Depends"] == "libjansson-dev"
    assert {"cmake", "pkg-config"} <= set(sdk["Recommends"].split(", "))


def test_nothing_names_the_folder_it_was_built_in(unpacked):
    for folder in unpacked.values():
        guilty = [file for file in files(folder)
                  if (folder / file).is_file() and str(ROOT).encode() in (folder / file).read_bytes()]
        assert guilty == []


def test_the_ini_is_the_one_of_the_sources_but_for_the_database(unpacked):
    packaged = (unpacked["chatd"] / "etc/chatd/chatd.ini").read_text().splitlines()
    source = (ROOT / "etc" / "chatd.ini").read_text().splitlines()
    changed = [pair for pair in zip(source, packaged, strict=True) if pair[0] != pair[1]]
    assert changed == [("path = chatd.db", "path = /var/lib/chatd/chatd.db")]


def test_the_unit_is_the_one_of_the_sources_but_for_its_paths(unpacked):
    packaged = (unpacked["chatd"] / "usr/lib/systemd/system/chatd.service").read_text().partition("[Unit]")[2]
    source = (ROOT / "etc" / "chatd.service").read_text().partition("[Unit]")[2]
    changed = [pair for pair in zip(source.splitlines(), packaged.splitlines(), strict=True) if pair[0] != pair[1]]
    assert [packaged for _, packaged in changed] == [
        "Documentation=man:chatd(1) man:chatd.ini(5) file:/usr/share/doc/chatd/README.md",
        "ExecStart=/usr/bin/chatd -c /etc/chatd/chatd.ini"]


def test_the_changelog_begins_with_this_version():
    done = run("dpkg-parsechangelog", "-l", ROOT / "etc/debian/changelog", "-S", "Version")
    assert done.stdout.strip() == VERSION
