#!/usr/bin/env python3
"""Word error rate and speed of the audio encoder beside faster-whisper, same weights, same real sentences.

Both transcribe the LibriVox sentences of Debian's pocketsphinx-testdata, or other folders of WAV files with a file of that
form that says what is said in them (the same package's "cards"), one after the other, greedily, in f32, with the same
number of threads. Words are counted after Whisper's English text normaliser. The encoder runs through its command
line class, whose class path is given by --classpath (a file that holds it, or the path itself).

    python tests/wer/whisper_wer.py --java JAVA --classpath FILE [--threads 2] [--repeat 3] [--long SECONDS]

Needs faster-whisper, transformers, jiwer and soundfile or ffmpeg. --long adds a recording of about that many seconds,
made of the sentences over and over.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
import wave
from pathlib import Path

import jiwer
from faster_whisper import WhisperModel
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

JVM = (
    "--add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow "
    "-XX:MaxInlineLevel=30 -XX:FreqInlineSize=2000 -XX:InlineSmallCode=10000 -XX:MaxNodeLimit=240000 "
    "-XX:NodeLimitFudgeFactor=8000"
).split()


def sentences(data):
    texts = {}
    [listed] = data.glob("*transcription")
    for line in listed.read_text().splitlines():
        match = re.fullmatch(r"<s> (.*?) +</s> \((.*)\)", line.strip())
        if match:
            texts[match[2]] = match[1]
    return [(data / (name + ".wav"), text) for name, text in texts.items()]


def lengthen(files, seconds, out):
    """The sentences with a second of silence between them, repeated."""
    frames = b""
    for path in files:
        with wave.open(str(path)) as source:
            frames += source.readframes(source.getnframes()) + bytes(2 * 16000)
    count = max(1, round(seconds * 32000 / len(frames)))
    with wave.open(str(out), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(16000)
        target.writeframes(frames * count)
    return count


def ours(args, files):
    listed = os.path.isfile(args.classpath) and not args.classpath.endswith(".jar")
    classpath = Path(args.classpath).read_text().strip() if listed else args.classpath
    command = [args.java, *JVM, *args.jvm, "-cp", classpath, "-Daudio-encoder.threads=" + str(args.threads),
               "-Daudio-encoder.precision=" + args.precision, "-Daudio-encoder.model=" + args.model.name,
               "-Daudio-encoder.language=en", "longreach.audio.TranscribeCommand", *map(str, files)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    results = [json.loads(line) for line in lines if line.startswith("{")]
    return [(" ".join(s["text"] for s in r["segments"]), r["wallMillis"] / 1000, r["cpuMillis"] / 1000)
            for r in results]


def theirs(args, files):
    with tempfile.TemporaryDirectory() as directory:
        # faster-whisper wants its own copy of the folder's names and nothing else.
        for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
            os.symlink(args.model / name, Path(directory) / name)
        model = WhisperModel(directory, device="cpu", compute_type="float32", cpu_threads=args.threads)
        results = []
        for file in files:
            begin, cpu = time.perf_counter(), time.process_time()
            segments, _ = model.transcribe(str(file), beam_size=1, language="en", vad_filter=True)
            text = " ".join(s.text.strip() for s in segments)
            results.append((text, time.perf_counter() - begin, time.process_time() - cpu))
        return results


def main():
    cache = Path(os.environ.get("LONGREACH_CACHE") or Path.home() / ".cache/longreach")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("/usr/share/pocketsphinx/test/data/librivox")])
    parser.add_argument("--model", type=Path, default=cache / "models/whisper-tiny.en")
    parser.add_argument("--java", default="java")
    parser.add_argument("--classpath", required=True)
    parser.add_argument("--jvm", nargs="*", default=[])
    parser.add_argument("--precision", default="f32", choices=["f32", "fast"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="passes; the last is counted, the others warm up")
    parser.add_argument("--long", type=int, default=0, metavar="SECONDS")
    args = parser.parse_args()

    normalise = EnglishTextNormalizer({})
    pairs = [pair for data in args.data for pair in sentences(data)]
    files = [f for f, _ in pairs]
    references = [t for _, t in pairs]
    with tempfile.TemporaryDirectory() as directory:
        played = files * args.repeat
        if args.long:
            recording = Path(directory) / "long.wav"
            count = lengthen(files, args.long, recording)
            references.append(" ".join(t for _, t in pairs * count))
            played += [recording]
        tail = len(references)
        for name, run in (("longreach", ours), ("faster-whisper", theirs)):
            results = run(args, played)[-tail:]
            hypotheses = [normalise(text) for text, _, _ in results]
            truths = [normalise(text) for text in references]
            measured = jiwer.process_words(truths[:len(files)], hypotheses[:len(files)])
            errors = measured.substitutions + measured.deletions + measured.insertions
            words = errors - measured.insertions + measured.hits
            wall = sum(seconds for _, seconds, _ in results[:len(files)])
            cpu = sum(seconds for _, _, seconds in results[:len(files)])
            print(f"{name}: {errors} errors in {words} words, WER {measured.wer:.3f}, {len(files)} files in {wall:.2f} s, "
                  f"{cpu:.2f} s of processor time")
            for text, _, _ in results[:len(files)]:
                print("   ", text)
            if args.long:
                text, seconds, cpu = results[-1]
                with wave.open(str(recording)) as source:
                    length = source.getnframes() / 16000
                wer = jiwer.wer(truths[-1], hypotheses[-1])
                print(f"{name}: {length:.0f} s recording, WER {wer:.3f}, {seconds:.2f} s, {length / seconds:.1f} x real time, "
                      f"{cpu:.2f} s of processor time")


if __name__ == "__main__":
    main()
