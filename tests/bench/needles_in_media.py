#!/usr/bin/env python3
"""Facts in hours of video and of speech, asked for one by one through a running service.

    ./longreach up --port 8080 &
    python tests/bench/needles_in_media.py video --minutes 60
    python tests/bench/needles_in_media.py audio --minutes 60 --prose FILE

video: a moving picture in H.264, 1280 x 720, 10 frames a second, in which a card with a number of seven digits stands for two
seconds at each of ten depths. audio: prose read by espeak-ng, a sentence a line of FILE, in which a sentence with a word for a key
is spoken at each of ten depths. The file is uploaded, and its reading timed; then each fact is asked for. A fact counts as
found when the answer holds its key. Prints a line for each question and JSON at the end.

Needs PyAV, Pillow and NumPy; audio needs the program espeak-ng.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave

CITIES = ["Oslo", "Lisbon", "Prague", "Dublin", "Toronto", "Nairobi", "Osaka", "Lima", "Perth", "Quito"]
WORDS = ["elephant", "umbrella", "pineapple", "lighthouse", "accordion", "butterfly", "cinnamon", "dolphin", "volcano", "snowman"]
RATE = 10
SPEECH_RATE = 16000


def video(path, minutes, facts):
    import av
    import numpy
    from PIL import Image, ImageDraw, ImageFont

    rng = numpy.random.default_rng(1)
    noise = rng.integers(0, 256, (90, 160), dtype=numpy.uint8)
    texture = numpy.array(Image.fromarray(noise).resize((2560, 1440), Image.BICUBIC))
    font = ImageFont.load_default(size=44)
    starts = {int(minutes * 60 * (i + 0.5) / len(facts)): fact for i, fact in enumerate(facts)}
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "30"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for second in range(int(minutes * 60)):
            fact = starts.get(second) or starts.get(second - 1)
            for i in range(RATE):
                at = second * RATE + i
                gray = texture[at % 720 : at % 720 + 720, at * 2 % 1280 : at * 2 % 1280 + 1280]
                if fact:
                    image = Image.fromarray(gray)
                    draw = ImageDraw.Draw(image)
                    draw.rectangle((80, 280, 1200, 440), fill=255)
                    draw.text((640, 360), fact["fact"], fill=0, font=font, anchor="mm")
                    gray = numpy.array(image)
                frame = av.VideoFrame.from_ndarray(numpy.ascontiguousarray(gray), format="gray").reformat(format="yuv420p")
                for packet in stream.encode(frame):
                    out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)


def spoken(text):
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", file.name, "--", text], check=True)
        with wave.open(file.name) as read:
            return read.getframerate(), read.readframes(read.getnframes())


def audio(path, minutes, facts, prose, seed):
    lines = [line.strip() for line in open(prose, encoding="utf-8") if line.strip()]
    line = random.Random(seed).randrange(len(lines))
    total = minutes * 60
    told = 0
    seconds = 0.0
    out = None
    while seconds < total or told < len(facts):
        if told < len(facts) and seconds >= total * (told + 0.5) / len(facts):
            text = facts[told]["fact"]
            told += 1
        else:
            text = lines[line % len(lines)]
            line += 1
        rate, frames = spoken(text)
        if out is None:
            out = wave.open(path, "w")
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
        out.writeframes(frames + bytes(rate // 3 * 2))
        seconds += len(frames) / 2 / rate + 1 / 3
    out.close()


def call(url, method="GET", body=None, headers=None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.urlopen(request) as response:
        return response.headers, response.read()


def upload(url, path, mime):
    size = os.path.getsize(path)
    headers, _ = call(
        f"{url}/upload/v1beta/files",
        "POST",
        json.dumps({"file": {"display_name": os.path.basename(path)}}).encode(),
        {
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": mime,
            "Content-Type": "application/json",
        },
    )
    with open(path, "rb") as data:
        _, answer = call(
            headers["X-Goog-Upload-URL"],
            "POST",
            data.read(),
            {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"},
        )
    file = json.loads(answer)["file"]
    while file["state"] == "PROCESSING":
        time.sleep(1)
        file = json.loads(call(f"{url}/v1beta/{file['name']}")[1])
    if file["state"] != "ACTIVE":
        sys.exit(f"{path}: {json.dumps(file)}")
    return file


def ask(url, model, file, question):
    body = {
        "contents": [
            {
                "role": "user",
                "parts": [{"fileData": {"fileUri": file["uri"], "mimeType": file["mimeType"]}}, {"text": question}],
            }
        ],
        "generationConfig": {"temperature": 0, "maxOutputTokens": 40},
    }
    answer = json.loads(
        call(
            f"{url}/v1beta/models/{model}:generateContent",
            "POST",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )[1]
    )
    text = "".join(part.get("text", "") for part in answer["candidates"][0].get("content", {}).get("parts", []))
    return text, answer.get("usageMetadata", {}).get("promptTokenCount")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["video", "audio"])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--prose", help="audio: a text, a sentence a line")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", help="keep the video or recording here, or use the one that is here")
    args = parser.parse_args()
    if args.kind == "audio" and not args.prose:
        parser.error("audio needs --prose FILE")
    rng = random.Random(args.seed)
    facts = []
    for city, word in zip(CITIES, WORDS):
        key = str(rng.randrange(1_000_000, 10_000_000)) if args.kind == "video" else word
        thing = "gate code" if args.kind == "video" else "secret word"
        facts.append(
            {"fact": f"The {thing} of {city} is {key}.", "question": f"What is the {thing} of {city}?", "key": key}
        )
    path = args.file or os.path.join(tempfile.mkdtemp(), "needles." + ("mp4" if args.kind == "video" else "wav"))
    if not os.path.exists(path):
        began = time.time()
        if args.kind == "video":
            video(path, args.minutes, facts)
        else:
            audio(path, args.minutes, facts, args.prose, args.seed)
        print(f"made {path} in {time.time() - began:.0f} s", file=sys.stderr)
    began = time.time()
    file = upload(args.url, path, "video/mp4" if args.kind == "video" else "audio/wav")
    read = time.time() - began
    print(f"read in {read:.1f} s, {args.minutes * 60 / read:.1f} times as fast as it plays", file=sys.stderr)
    found = 0
    tokens = None
    for fact in facts:
        began = time.time()
        text, tokens = ask(args.url, args.model, file, fact["question"])
        hit = fact["key"].lower() in text.lower().replace(" ", "" if args.kind == "video" else " ")
        found += hit
        print(f"{'found ' if hit else 'missed'} {time.time() - began:5.1f} s  {fact['key']}: {text.strip()[:100]!r}", file=sys.stderr)
    print(
        json.dumps(
            {
                "kind": args.kind,
                "minutes": args.minutes,
                "readSeconds": round(read, 1),
                "promptTokens": tokens,
                "found": found,
                "asked": len(facts),
            }
        )
    )


if __name__ == "__main__":
    main()
