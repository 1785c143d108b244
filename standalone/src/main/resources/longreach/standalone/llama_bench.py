"""Prefill and decode speed of llama.cpp on one GGUF, measured as EngineBench measures: best of ROUNDS after one more.

Arguments: GGUF THREADS PREFILL_TOKENS DECODE_TOKENS ROUNDS. Needs llama-cpp-python. Prints one line.
"""

import sys
import time

import llama_cpp

path, threads, prefill, decode, rounds = sys.argv[1], *map(int, sys.argv[2:6])
llm = llama_cpp.Llama(
    model_path=path, n_ctx=prefill + decode + 8, n_batch=512, n_ubatch=512, n_threads=threads,
    n_threads_batch=threads, verbose=False)
ids = [1000 + (i * 7919) % (llm.n_vocab() - 1000) for i in range(prefill)]
best_prefill = best_decode = 0.0
for turn in range(rounds + 1):
    llm.reset()
    began = time.perf_counter()
    llm.eval(ids)
    prefilled = time.perf_counter()
    for i in range(decode):
        llm.eval([ids[i % prefill]])
    decoded = time.perf_counter()
    if turn > 0:
        best_prefill = max(best_prefill, prefill / (prefilled - began))
        best_decode = max(best_decode, decode / (decoded - prefilled))
print(f"llama.cpp (llama-cpp-python {llama_cpp.__version__}), {threads} threads: prefill of {prefill} at "
      f"{best_prefill:.1f} tokens/s, decode of {decode} at {best_decode:.1f} tokens/s")
