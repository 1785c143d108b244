#!/usr/bin/env python3
"""Golden stretches of speech: faster-whisper's Silero VAD over three sentences with silence between them.

Writes audio-encoder/src/test/resources/golden/vad/golden.json. Needs numpy, faster-whisper and ffmpeg on the path.

    python tests/golden/make_vad.py
"""

import json
import subprocess
from pathlib import Path

import faster_whisper
import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

RESOURCES = Path(__file__).resolve().parents[2] / "audio-encoder/src/test/resources"
# Seconds of silence before each sentence, and at the end.
LAYOUT = [(1.0, "librivox-0870.flac"), (2.0, "librivox-0880.flac"), (1.5, "librivox-0930.flac")]
TAIL = 1.0
RULES = [
    dict(threshold=0.5, neg_threshold=0.35, min_speech_duration_ms=120, max_speech_duration_s=29.0,
         min_silence_duration_ms=500, speech_pad_ms=200),
    dict(threshold=0.5, neg_threshold=0.35, min_speech_duration_ms=0, max_speech_duration_s=29.0,
         min_silence_duration_ms=2000, speech_pad_ms=400),
    dict(threshold=0.5, neg_threshold=0.35, min_speech_duration_ms=250, max_speech_duration_s=4.0,
         min_silence_duration_ms=100, speech_pad_ms=30),
]


def read(name):
    command = ["ffmpeg", "-v", "error", "-i", RESOURCES / "audio" / name, "-f", "f32le", "-ac", "1", "-ar", "16000", "-"]
    return np.frombuffer(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, np.float32)


def main():
    parts = []
    for silence, name in LAYOUT:
        parts += [np.zeros(int(silence * 16000), np.float32), read(name)]
    audio = np.concatenate(parts + [np.zeros(int(TAIL * 16000), np.float32)])
    padded = np.pad(audio, (0, 512 - len(audio) % 512))
    probabilities = get_vad_model()(padded).reshape(-1)
    cases = []
    for rules in RULES:
        speech = get_speech_timestamps(audio, VadOptions(**rules))
        cases.append({"rules": rules, "speech": [[s["start"], s["end"]] for s in speech]})
    out = RESOURCES / "golden/vad"
    out.mkdir(parents=True, exist_ok=True)
    (out / "golden.json").write_text(
        json.dumps(
            {
                "reference": f"faster-whisper {faster_whisper.__version__}",
                "samples": len(audio),
                "layout": LAYOUT,
                "tail": TAIL,
                "probabilities": [round(float(p), 5) for p in probabilities],
                "cases": cases,
            }
        )
        + "\n"
    )
    for case in cases:
        print(case["speech"])


if __name__ == "__main__":
    main()
