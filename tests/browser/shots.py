# SPDX-License-Identifier: MIT
"""Takes pictures of the page in all its states, light and dark, wide and on a phone: shots.py FOLDER [LANGUAGE].
For people to look at, not a test."""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

from history import FAST  # noqa: E402
from server import Server  # noqa: E402
from states import walk  # noqa: E402
from window import Window  # noqa: E402


def main(folder, language):
    folder.mkdir(parents=True, exist_ok=True)
    windows = []
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(pathlib.Path(scratch) / "chatd", core=FAST)
        server.start()

        def window(**options):
            windows.append(Window(f"{scratch}/profile{len(windows)}", server.http, **options))
            return windows[-1]

        def shot(page, name):
            page.wait_still()
            page.driver.save_screenshot(str(folder / f"{name}.png"))

        def visit(page, name):
            for width in ("wide", "phone"):
                if width == "phone":
                    page.phone()
                for theme in ("light", "dark"):
                    page.dark(theme == "dark")
                    shot(page, f"{name}-{width}-{theme}")
            if name in ("unread", "talk"):
                page.dark(False).click("#menu")
                shot(page, f"{name}-phone-rooms")
                page.press("\ue00c")
            page.dark(False).wide()

        try:
            walk(server, window, visit, language)
        finally:
            for page in windows:
                page.close()
            server.stop()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *(sys.argv[2:] or ["en-US"]))
