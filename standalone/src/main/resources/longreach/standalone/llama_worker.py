"""Evaluates tokens with llama.cpp as it is told on standard input, and answers each line with the seconds it took.

Arguments: GGUF THREADS CONTEXT FLASH_ATTENTION(0|1). Needs llama-cpp-python; calls llama.cpp's C interface directly, so
that nothing of Python lies between two tokens but the call itself.

    prefill N     clears the context, evaluates N tokens in batches of 512; logits of the last
    extend N      evaluates N more in the same way
    decode N      evaluates N more one by one, logits of each
"""

import sys
import time

import llama_cpp as ll

BATCH = 512


def main():
    path, threads, context, flash = sys.argv[1], *map(int, sys.argv[2:5])
    silent = ll.llama_log_callback(lambda level, text, data: None)
    ll.llama_log_set(silent, None)
    ll.llama_backend_init()
    model_parameters = ll.llama_model_default_params()
    model_parameters.n_gpu_layers = 0
    model = ll.llama_model_load_from_file(path.encode(), model_parameters)
    if not model:
        sys.exit(f"llama.cpp cannot load {path}")
    parameters = ll.llama_context_default_params()
    parameters.n_ctx = context
    parameters.n_batch = parameters.n_ubatch = BATCH
    parameters.swa_full = False  # a sliding layer keeps its window and no more, as here
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.flash_attn_type = (
        ll.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    llama = ll.llama_init_from_model(model, parameters)
    if not llama:
        sys.exit(f"llama.cpp has no context of {context} tokens for {path}")
    vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model))
    batch = ll.llama_batch_init(BATCH, 0, 1)
    lowest = min(1000, vocabulary // 2)
    at = 0

    def evaluate(count, all_logits):
        nonlocal at
        batch.n_tokens = count
        for i in range(count):
            # The same tokens that the other side evaluates at these positions.
            batch.token[i] = lowest + at * 7919 % (vocabulary - lowest)
            batch.pos[i] = at
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = 0
            at += 1
        batch.logits[count - 1] = all_logits
        if ll.llama_decode(llama, batch) != 0:
            sys.exit(f"llama.cpp refused {count} tokens at position {at - count}")

    print(f"ready llama-cpp-python {ll.__version__}", flush=True)
    for line in sys.stdin:
        what, count = line.split()
        count = int(count)
        began = time.perf_counter()
        if what == "prefill":
            ll.llama_memory_clear(ll.llama_get_memory(llama), True)
            at = 0
        step = 1 if what == "decode" else BATCH
        done = 0
        while done < count:
            part = min(step, count - done)
            done += part
            evaluate(part, int(step == 1 or done == count))
        ll.llama_synchronize(llama)
        print(f"{time.perf_counter() - began:.9f}", flush=True)


if __name__ == "__main__":
    main()
