"""What the Python clients share: where the service is, and one JSON line for each case."""

import json
import math
import os
import pathlib
import sys
import time
import traceback

URL = os.environ["LONGREACH_URL"]
GRPC = os.environ.get("LONGREACH_GRPC", "")
KEY = os.environ.get("LONGREACH_KEY", "any")
LIMITED_KEY = os.environ.get("LONGREACH_LIMITED_KEY", "")
MODEL = os.environ.get("LONGREACH_MODEL", "smollm2-135m")
EMBEDDER = os.environ.get("LONGREACH_EMBEDDER", "all-minilm-l6-v2")
MEDIA = pathlib.Path(os.environ.get("LONGREACH_MEDIA", pathlib.Path(__file__).parents[1] / "media"))

CASES = (
    "generate stream chat system_instruction image audio video pdf files count_tokens cached_content function_calling"
    " json_schema embeddings transcription interactions error_bad_key error_bad_model error_quota error_too_long"
).split()

FACT = "The lighthouse at Skerrow was built in 1874 and its lamp can be seen for thirty kilometres. "
QUESTION = "When was the lighthouse built?"
TOO_LONG = "word " * 20000


class NotApplicable(Exception):
    """The client has no such call."""


def check(condition, shown) -> None:
    if not condition:
        raise AssertionError(repr(shown)[:600])


def cosine(a, b) -> float:
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def check_embeddings(vectors) -> None:
    """Of: a ferry leaves; a boat departs; the soup is too salty."""
    check(len(vectors) == 3 and all(len(v) == 384 for v in vectors), [len(v) for v in vectors])
    near, far = cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2])
    check(near > far + 0.2, (near, far))


SENTENCES = ["The ferry leaves at six.", "A boat departs in the evening.", "The soup is too salty."]


def refused(call, code: int):
    """Runs what must be refused and returns the error's text."""
    try:
        call()
    except Exception as e:
        seen = next(
            (v for v in (getattr(e, name, None) for name in ("code", "status_code", "status")) if isinstance(v, int)), None
        )
        check(seen == code, e)
        return str(e)
    raise AssertionError(f"was answered (expected: an error {code})")


def run(client: str, language: str, version: str, cases: dict) -> None:
    """Runs the cases in their order; those that are named on the command line, or all."""
    wanted = sys.argv[1:] or CASES
    failed = 0
    for name in wanted:
        began = time.monotonic()
        line = {"client": client, "language": language, "version": version, "case": name}
        try:
            if name not in cases:
                raise NotApplicable("the client has no such call")
            cases[name]()
            line["outcome"] = "pass"
        except NotApplicable as e:
            line.update(outcome="n/a", reason=str(e))
        except Exception as e:
            failed += 1
            at = traceback.extract_tb(e.__traceback__)
            here = [frame for frame in at if "conformance" in frame.filename] or at
            line.update(outcome="fail", reason=f"{type(e).__name__}: {e} (line {here[-1].lineno})"[:800])
        line["ms"] = round((time.monotonic() - began) * 1000)
        print(json.dumps(line), flush=True)
    sys.exit(1 if failed else 0)
