"""Transcribes a file with faster-whisper as often as it is told on standard input; answers with the seconds it took.

Arguments: DIRECTORY THREADS LANGUAGE FILE. The directory holds the CTranslate2 conversion. Greedy, f32, behind the voice
detector that faster-whisper brings along, as the other side. Answers are one line each: seconds, tab, words.
"""

import os
import sys
import tempfile
import time

import faster_whisper


def main():
    directory, threads, language, file = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    with tempfile.TemporaryDirectory() as linked:
        # It wants the folder's files under their own names and nothing else.
        for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
            os.symlink(os.path.abspath(os.path.join(directory, name)), os.path.join(linked, name))
        model = faster_whisper.WhisperModel(linked, device="cpu", compute_type="float32", cpu_threads=threads)
    print(f"ready faster-whisper {faster_whisper.__version__}", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        segments, _ = model.transcribe(file, beam_size=1, language=language, vad_filter=True)
        words = sum(len(segment.text.split()) for segment in segments)
        print(f"{time.perf_counter() - began:.9f}\t{words}", flush=True)


if __name__ == "__main__":
    main()
