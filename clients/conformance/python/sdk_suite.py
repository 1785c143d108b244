"""Runs the tests that come inside Google's Python SDK against the service, in their api mode, and sums them up.

    pip install google-genai pytest pytest-asyncio pytest-timeout pytest-xdist httpx pillow mcp aiohttp
    LONGREACH_URL=http://127.0.0.1:8080 python sdk_suite.py [PYTEST ARGUMENTS]

The tests name Gemini's models, so the service must be told what stands for them:

    ./longreach up --set 'gateway.model-alias=gemini-embedding-*=all-minilm-l6-v2,gemini-*=smollm2-135m'

The wheel leaves out the pictures and recordings of the tests' data folder; the small ones of ../media are put there in
their stead. The tests' client does not read the variable with the base URL, which the SDK's own does; the plugin in this
file tells it. Nothing else of the package is touched.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import google.genai

TESTS = pathlib.Path(google.genai.__file__).parent / "tests"
MEDIA = pathlib.Path(__file__).resolve().parents[1] / "media"
STAND_INS = {
    "sign.png": "google.png google_homepage.png bridge1.png checkerboard.png man.jpg dog.jpg google.jpg"
    " a-man-and-a-dog.png skateboard_stop_sign.jpg segmentation_scribble.jpg",
    "notice.pdf": "story.pdf",
    "speech.mp3": "voice_sample.wav pixel.m4a",
    "clip.mp4": "animal.mp4",
}


def pytest_collection_finish() -> None:
    """As a plugin of pytest: the Gemini client of the tests gets the service's address where a test names none.

    The tests import the SDK as google.genai and, since google has no __init__.py, pytest imports it as genai too.
    """
    for name, module in list(sys.modules.items()):
        if name.endswith("genai._replay_api_client"):
            point_here(module.ReplayApiClient, sys.modules[name.removesuffix("_replay_api_client") + "types"])


def point_here(replaying, types) -> None:
    made = replaying.__init__

    def at_the_service(self, *arguments, **options):
        wanted = options.get("http_options")
        if not options.get("vertexai"):
            wanted = types.HttpOptions.model_validate(wanted or {})
            wanted = wanted.model_copy(update={"base_url": wanted.base_url or os.environ["LONGREACH_URL"]})
        made(self, *arguments, **{**options, "http_options": wanted})

    replaying.__init__ = at_the_service


def stand_in() -> None:
    folder = TESTS / "data"
    folder.mkdir(exist_ok=True)
    for source, names in STAND_INS.items():
        for name in names.split():
            if not (folder / name).exists():
                shutil.copy(MEDIA / source, folder / name)
    (folder / "story.txt").write_text("The lighthouse at Skerrow was built in 1874.\n")


def run(report: pathlib.Path, replays: str, more: list[str]) -> None:
    environment = {
        **os.environ,
        "GOOGLE_GEMINI_BASE_URL": os.environ["LONGREACH_URL"],
        "GOOGLE_API_KEY": os.environ.get("LONGREACH_KEY", "any"),
        "GOOGLE_GENAI_REPLAYS_DIRECTORY": replays,
        "GOOGLE_GENAI_RUN_GEMINI_ONLY_IN_API_MODE": "1",
    }
    environment.pop("GEMINI_API_KEY", None)
    environment["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
    command = [sys.executable, "-m", "pytest", *(more or [str(TESTS)]), "--mode=api", f"--junitxml={report}"]
    command += ["-q", "-p", "sdk_suite", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short"]
    # Some tests name their files from the folder above.
    pathlib.Path(replays, "tests").symlink_to(TESTS)
    subprocess.run(command, env=environment, check=False, stdout=sys.stderr, cwd=replays)


def sum_up(report: pathlib.Path, failures) -> collections.Counter:
    areas = collections.defaultdict(collections.Counter)
    for case in ElementTree.parse(report).iter("testcase"):
        names = case.get("classname", "").split("tests.")[-1].split(".")
        area = "/".join(names[:2]) if names[0] == "shared" else names[0]
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        outcome = "failed" if bad is not None else "skipped" if case.find("skipped") is not None else "passed"
        areas[area][outcome] += 1
        if bad is not None:
            lines = [line for line in (bad.text or "").splitlines() if line.startswith("E  ")]
            reason = re.sub(r"\s+", " ", (lines or [bad.get("message", "")])[-1])[:300]
            print(f"{case.get('classname')}::{case.get('name')}\t{reason}", file=failures)
    total = collections.Counter()
    print("| tests | passed | failed | skipped |\n|---|---:|---:|---:|")
    for area, counts in sorted(areas.items()):
        total.update(counts)
        print(f"| {area} | {counts['passed']} | {counts['failed']} | {counts['skipped']} |")
    print(f"| all | {total['passed']} | {total['failed']} | {total['skipped']} |")
    return total


if __name__ == "__main__":
    stand_in()
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch, "report.xml")
        run(report, scratch, sys.argv[1:])
        with open("sdk_suite_failures.txt", "w") as failures:
            sum_up(report, failures)
