#!/usr/bin/env python3
"""Prefill and decode of the whole service over REST beside llama.cpp on the same GGUF, in turn, in one run.

    ./longreach up --port 8080 --threads 2 &
    python tests/bench/service_against_llama_cpp.py --url http://127.0.0.1:8080 --threads 2 --gguf FILE

Needs llama-cpp-python (0.3.36 was used, built from source for the machine). The service's figures are what a client
sees: prompt tokens over the time to the first streamed token, with a prompt that no cache has seen; streamed tokens
over the time from the first to the last. llama.cpp's are of its evaluation alone, without tokenizing, sampling or HTTP.
Medians over the rounds, then the ratio of the medians. Exit code 1 when the service is behind in either.
"""
import argparse
import json
import random
import statistics
import time
import urllib.request

WORDS = """harbour light tide rope sail storm ledger keeper north granite window winter engine copper signal letter
morning cargo pilot anchor river valley bridge garden market school doctor teacher window paper number season""".split()


def ask(url, model, text, tokens):
    body = {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"temperature": 0, "maxOutputTokens": tokens},
    }
    request = urllib.request.Request(
        f"{url}/v1beta/models/{model}:streamGenerateContent?alt=sse",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    began = time.perf_counter()
    first = last = None
    usage = {}
    with urllib.request.urlopen(request) as response:
        for line in response:
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line[6:])
            usage = event.get("usageMetadata", usage)
            candidates = event.get("candidates") or [{}]
            if any(part.get("text") for part in candidates[0].get("content", {}).get("parts", [])):
                last = time.perf_counter()
                first = first or last
    return usage, first - began, last - first


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--words", type=int, default=470, help="of the prompt; about 1.05 tokens each")
    parser.add_argument("--tokens", type=int, default=96, help="decoded")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm", type=int, default=3, help="rounds before them that do not count: the JVM compiles")
    args = parser.parse_args()

    from llama_cpp import Llama

    llama = Llama(
        args.gguf, n_ctx=2048, n_threads=args.threads, n_threads_batch=args.threads, n_batch=512, n_ubatch=512, verbose=False
    )
    rng = random.Random(time.time_ns())
    figures = {"prefill": ([], []), "decode": ([], [])}
    for round_ in range(1 - args.warm, args.rounds + 1):
        words = " ".join(rng.choice(WORDS) for _ in range(args.words))
        text = f"{rng.random()} {words}\n\nWrite a long story that uses these words."
        usage, first_seconds, decode_seconds = ask(args.url, args.model, text, args.tokens)
        prompt = usage["promptTokenCount"]
        cached = usage.get("cachedContentTokenCount", 0)
        decoded = usage["candidatesTokenCount"] - 1

        ids = [rng.randrange(1000, 40000) for _ in range(prompt)]
        llama.reset()
        began = time.perf_counter()
        llama.eval(ids)
        llama_first = time.perf_counter() - began
        began = time.perf_counter()
        for token in ids[:decoded]:
            llama.eval([token])
        llama_decode = time.perf_counter() - began
        if round_ < 1:
            continue
        figures["prefill"][0].append((prompt - cached) / first_seconds)
        figures["prefill"][1].append(prompt / llama_first)
        figures["decode"][0].append(decoded / decode_seconds)
        figures["decode"][1].append(decoded / llama_decode)
        print(f"round {round_}: {prompt} prompt tokens ({cached} cached), {decoded + 1} decoded; "
              + ", ".join(f"{k} {v[0][-1]:.1f} / {v[1][-1]:.1f}" for k, v in figures.items()), flush=True)
    behind = False
    for name, (ours, theirs) in figures.items():
        a, b = statistics.median(ours), statistics.median(theirs)
        behind |= a < b
        print(f"{name}: service {a:.1f} tokens/s, llama.cpp {b:.1f}, ratio {a / b:.2f} ({args.threads} threads)")
    raise SystemExit(1 if behind else 0)


if __name__ == "__main__":
    main()
