"""Makes the picture of the HTML report that README and docs show: `tox run -e picture`.

Runs the benchmark on the local workspace, opens its report in Chromium, and writes `docs/pictures/report.webp`.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "pictures" / "report.webp"
_RUN = ("--modal-bench", "--modal-bench-workspace=local", "--modal-bench-scenario=instrumented", "-n", "2")
_WIDTH = 1200
"""Of the page and of the picture, in pixels."""
_PARTS = {"header": 890, "#answers": 955}
"""What of the page is in the picture: from where on, and so many pixels of it."""
_MARGIN = 20
_LARGEST_BYTES = 300 * 1024


def main() -> int:
    """Make the picture; return the exit code."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("Chromium is not installed: on Debian, apt-get install chromium\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *_RUN,
            f"--modal-bench-report={report}",
            "-p",
            "no:cacheprovider",
        ]
        subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - this project itself
        picture = pictured(report, browser)
    PICTURE.parent.mkdir(exist_ok=True)
    for quality in range(90, 0, -10):
        picture.save(PICTURE, quality=quality, method=6)
        if PICTURE.stat().st_size <= _LARGEST_BYTES:
            break
    sys.stdout.write(f"{PICTURE}: {PICTURE.stat().st_size // 1024} KiB\n")
    return 0


def pictured(report: Path, browser: str) -> Image.Image:
    """Return the parts of the page, one below the other."""
    with sync_playwright() as playwright:
        # As root, as in containers, Chromium runs without its sandbox only; the page is our own.
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": _WIDTH, "height": 900}, color_scheme="light")
        page.goto(report.as_uri())
        boxes = {where: page.locator(where).first.bounding_box() for where in _PARTS}
        shot = page.screenshot(full_page=True)
        chromium.close()
    whole = Image.open(io.BytesIO(shot)).convert("RGB")
    picture = Image.new("RGB", (_WIDTH, sum(_PARTS.values())))
    below = 0
    for where, height in _PARTS.items():
        box = boxes[where]
        if box is None:
            raise SystemExit(f"the report has no {where}")
        top = max(int(box["y"]) - _MARGIN, 0)
        picture.paste(whole.crop((0, top, _WIDTH, top + height)), (0, below))
        below += height
    return picture


if __name__ == "__main__":
    sys.exit(main())
