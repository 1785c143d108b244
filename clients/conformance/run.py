#!/usr/bin/env python3
"""Runs real, unmodified clients against the service, each through the same list of cases.

    ./run.py                      every client in both versions, against a server of its own
    ./run.py --core               the newest Python, JavaScript and Java SDKs: what the tests run
    ./run.py python grpc          those clients of clients.json
    ./run.py --table ../../docs/clients.md    writes the table between the marks of that file

Packages are fetched through pip, npm, go and Maven into ~/.cache/longreach/clients and kept there. Each case is one
line of JSON on standard output: client, version, case, outcome (pass, fail, n/a with its reason) and milliseconds. A
client that cannot be fetched is one line with the outcome "unavailable". Exit code 1 when a case failed.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = pathlib.Path(os.environ.get("LONGREACH_CACHE", pathlib.Path.home() / ".cache" / "longreach")) / "clients"
FETCH_SECONDS, RUN_SECONDS = 600, 900
MARKS = ("<!-- conformance: begin -->", "<!-- conformance: end -->")
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>conformance</groupId><artifactId>client</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""


class Unavailable(Exception):
    """The client or what it runs on is not to be had here."""


def fetch(command: list, folder: pathlib.Path) -> None:
    if shutil.which(str(command[0])) is None:
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]}: not fetched within {FETCH_SECONDS} s") from None
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: " + (done.stderr + done.stdout)[-400:])


def python(client: dict, version: str, folder: pathlib.Path) -> list:
    fetch([sys.executable, "-m", "venv", "."], folder)
    fetch([folder / "bin" / "pip", "install", "-q", f"{client['package']}=={version}"], folder)
    return [folder / "bin" / "python", HERE / "python" / client["script"]]


def node(client: dict, version: str, folder: pathlib.Path) -> list:
    (folder / "package.json").write_text('{"name": "conformance", "private": true}')
    fetch(["npm", "install", "--no-audit", "--no-fund", f"{client['package']}@{version}"], folder)
    return ["node", HERE / "js" / client["script"]]


def go(client: dict, version: str, folder: pathlib.Path) -> list:
    (folder / "go.mod").write_text("module conformance\n\ngo 1.24\n")
    for source in (HERE / "go").glob("*.go"):
        shutil.copy(source, folder)
    fetch(["go", "get", f"{client['package']}@v{version}"], folder)
    tags = [] if version == client["versions"][0] else ["-tags", "without_interactions"]
    if tags:
        (folder / "interactions.go").unlink()
    fetch(["go", "mod", "tidy"], folder)
    fetch(["go", "build", *tags, "-o", "client", "."], folder)
    return [folder / "client"]


def java(client: dict, version: str, folder: pathlib.Path) -> list:
    names = [f"{client['package']}:{version}", *client.get("more", [])]
    tags = ("groupId", "artifactId", "version")
    each = ("".join(f"<{t}>{v}</{t}>" for t, v in zip(tags, name.split(":"))) for name in names)
    (folder / "pom.xml").write_text(POM.format("".join(f"<dependency>{one}</dependency>" for one in each)))
    fetch(["mvn", "-q", "-B", "dependency:build-classpath", "-Dmdep.outputFile=class-path.txt"], folder)
    home = os.environ.get("JAVA_HOME")
    program = pathlib.Path(home, "bin", "java") if home else "java"
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stderr
    if int(re.search(r'version "(\d+)', said)[1]) < 22:
        raise Unavailable("java is older than 22, the first that runs several source files (set JAVA_HOME)")
    return [program, "-cp", (folder / "class-path.txt").read_text().strip(), HERE / "java" / client["script"]]


def prepare(client: dict, version: str) -> list:
    """The command that runs the client; fetches it unless an earlier run has."""
    folder = KEPT / f"{client['id']}-{version}"
    ready = folder / ".command.json"
    if ready.exists() and client["kind"] != "go":
        return json.loads(ready.read_text())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [str(word) for word in globals()[client["kind"]](client, version, folder)]
    ready.write_text(json.dumps(command))
    return command


def run(client: dict, version: str, environment: dict):
    """Yields the client's lines."""
    name = {"client": client["package"], "version": version}
    try:
        command = prepare(client, version)
    except Unavailable as e:
        yield {**name, "case": "", "outcome": "unavailable", "reason": str(e), "ms": 0}
        return
    # Node finds packages from the working directory; Java finds the other source file there.
    folder = HERE / "java" if client["kind"] == "java" else KEPT / f"{client['id']}-{version}"
    environment = {**environment, "CLIENT_VERSION": version, "LONGREACH_MEDIA": str(HERE / "media")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        count = 0
        try:
            out, errors = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, errors = process.communicate()
        for line in out.splitlines():
            if line.startswith("{"):
                count += 1
                yield {**json.loads(line), **name}
        if count == 0:
            yield {**name, "case": "start", "outcome": "fail", "reason": errors[-800:], "ms": 0}


@contextlib.contextmanager
def server():
    """A server with two keys, one of which is soon used up; what the clients need to know of it."""
    longreach = str(ROOT / "longreach")
    with tempfile.TemporaryDirectory() as data:
        made = [longreach, "keys", "create", "--data", data, "--tenant"]
        key = subprocess.run([*made, "ada"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        limited = subprocess.run(
            [*made, "bob", "--requests", "1"], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        up = [longreach, "up", "--data", data, "--port", "0", "--grpc-port", "0"]
        # The cases' long prompt has more tokens.
        up += ["--set", "lm-core.long.max-tokens=16384"]
        with subprocess.Popen(up, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                url = grpc = None
                for line in process.stdout:
                    if line.startswith("ready "):
                        url = line.split()[1]
                        break
                for line in process.stderr:
                    if found := re.match(r"gRPC on (\S+),", line):
                        grpc = found[1]
                        break
                if not url or not grpc:
                    raise SystemExit("the server did not start")
                yield {
                    "LONGREACH_URL": url,
                    "LONGREACH_GRPC": grpc,
                    "LONGREACH_KEY": key,
                    "LONGREACH_LIMITED_KEY": limited,
                }
            finally:
                process.terminate()


def table(lines: list) -> str:
    """Cases down, clients across, both versions in one cell where they agree; what failed gets a note below."""
    versions, cells = {}, {}
    for line in lines:
        column = (line.get("language", ""), line["client"])
        cells[(*column, line["version"], line["case"])] = line
        seen = versions.setdefault(column, [])
        if line["version"] not in seen:
            seen.append(line["version"])
    cases = list(dict.fromkeys(line["case"] for line in lines if line["case"]))
    shown = {"pass": "yes", "n/a": "–", "fail": "**no**"}
    names = (f"{column[0]} `{column[1].split(':')[-1]}` " + ", ".join(versions[column]) for column in versions)
    out = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(versions)]
    notes = []
    for case in cases:
        row = []
        for column in versions:
            found = [cells.get((*column, version, case), {"outcome": "unavailable"}) for version in versions[column]]
            words = [shown.get(line["outcome"], "not run") for line in found]
            row.append(words[0] if len(set(words)) == 1 else ", ".join(words))
            failed = (line for line in found if line["outcome"] == "fail")
            notes += (f"- {column[1]} {line['version']}, {case}: {line['reason'][:200]}" for line in failed)
        out.append(f"| {case.replace('_', ' ')} | " + " | ".join(row) + " |")
    return "\n".join(out + ([""] + notes if notes else []))


def write(path: pathlib.Path, text: str) -> None:
    before, rest = path.read_text().split(MARKS[0])
    path.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", nargs="*", help="ids of clients.json; none: all")
    parser.add_argument("--core", action="store_true", help="the newest version of the core clients alone")
    parser.add_argument("--table", type=pathlib.Path, help="a document to write the table into")
    options = parser.parse_args()
    clients = json.loads((HERE / "clients.json").read_text())
    if unknown := set(options.clients) - {client["id"] for client in clients}:
        parser.error(f"{', '.join(unknown)} (expected: {', '.join(client['id'] for client in clients)})")
    wanted = [
        (client, version)
        for client in clients
        if (not options.clients or client["id"] in options.clients) and (not options.core or client.get("core"))
        for version in client["versions"][: 1 if options.core else None]
    ]
    lines = []
    with contextlib.nullcontext(os.environ) if "LONGREACH_URL" in os.environ else server() as place:
        for client, version in wanted:
            for line in run(client, version, {**os.environ, **place}):
                lines.append(line)
                print(json.dumps(line), flush=True)
    if options.table:
        write(options.table, table(lines))
    sys.exit(1 if any(line["outcome"] == "fail" for line in lines) else 0)


if __name__ == "__main__":
    main()
