# SPDX-License-Identifier: MIT
"""How long a frame takes while somebody scrolls through 10,000 messages, and what a first visit transfers: frames.py
[MESSAGES]. Figures to compare on one machine, not a test."""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

from history import FAST, Writer, texts_of  # noqa: E402
from server import Server  # noqa: E402
from window import Window  # noqa: E402

FIRST = "return Number(document.querySelector('#messages > .message')?.dataset.seq)"
# The time between frames, and what the page itself does in each: script, style and layout.
RECORD = """
window.frames = [];
let last = performance.now();
(function frame(now) { frames.push(now - last); last = now; if (window.frames) requestAnimationFrame(frame); })(last);
"""


def percentiles(values):
    values = sorted(values)
    return {f"p{p}": round(values[min(len(values) - 1, len(values) * p // 100)], 1) for p in (50, 95, 99)} | {
        "max": round(values[-1], 1), "frames": len(values)}


def busy(page):
    metrics = {m["name"]: m["value"] for m in page.cdp("Performance.getMetrics")["metrics"]}
    return {name: metrics[name] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")}


def scroll(page, what, distance, speed):
    """A finger or wheel moves the log; prints frame times and the page's own work per frame."""
    box = page.js("const b = document.querySelector('#log').getBoundingClientRect();"
                  "return [b.left + b.width / 2, b.top + b.height / 2]")
    before = busy(page)
    page.js(RECORD)
    page.cdp("Input.synthesizeScrollGesture", x=box[0], y=box[1], yDistance=distance, speed=speed,
             preventFling=True, gestureSourceType="mouse")
    frames = page.js("const all = frames; window.frames = null; return all")[1:]
    after = busy(page)
    work = {name: round(1000 * (after[name] - before[name]) / len(frames), 2) for name in after}
    print(f"{what}: frame ms {percentiles(frames)}; main thread ms a frame {work}")


def main(count):
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(pathlib.Path(scratch) / "chatd", core=FAST)
        server.start()
        page = Window(f"{scratch}/profile", server.http)
        try:
            page.open().wait_shown("#sign-form")
            sizes = page.js("return performance.getEntriesByType('resource').concat("
                            "performance.getEntriesByType('navigation')).map((e) => e.transferSize)")
            paint = page.js("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
            print(f"first visit: {sum(sizes)} bytes in {len(sizes)} answers; first contentful paint {paint:.0f} ms")
            page.cdp("Performance.enable")
            Writer(server).write(texts_of(count))
            page.sign_up("alice")
            page.wait(lambda: page.messages, "messages")
            while page.js(FIRST) != 1:
                page.js("document.querySelector('#log').scrollTop = 0")
                page.frame()
            height, rows = page.js("return [document.querySelector('#log').scrollHeight,"
                                   "document.querySelectorAll('#messages > *').length]")
            heap = page.js("return performance.memory.usedJSHeapSize")
            print(f"{count} messages: {height} px high, {rows} rows in the page, heap {heap / 1e6:.1f} MB")
            scroll(page, "down, 2,000 px/s", -12_000, 2_000)
            scroll(page, "down, 8,000 px/s", -48_000, 8_000)
            page.click("#jump")
            scroll(page, "up, 2,000 px/s", 12_000, 2_000)
            scroll(page, "up, 8,000 px/s", 48_000, 8_000)
        finally:
            page.close()
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
