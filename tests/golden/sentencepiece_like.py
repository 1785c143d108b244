"""A small tokenizer of the kind that Gemma has: BPE over characters with byte fallback, U+2581 for a space, tokens for runs of
line feeds and spaces, control tokens first and one beyond the vocabulary."""

import pathlib

import gguf
import tokenizers

KJV = (pathlib.Path(__file__).parent / "kjv.txt").read_text()
SPACE = "\u2581"
CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>"]
TURNS = ["<start_of_turn>", "<end_of_turn>"]
IMAGES = ["<start_of_image>", "<end_of_image>"]
SOFT = "<image_soft_token>"
USER = ["<mask>", "[multimodal]", "<unused0>", "<unused1>", "<unused10>", "<h1>", "</h1>", "<table>"]
# The longest first, as Gemma has them: so a run is taken as far as it goes.
RUNS = [c * n for c, most in (("\n", 6), (SPACE, 6), ("\t", 3)) for n in range(most, 1, -1)]
EXTRA = "\u00e9\u00fc\u00df\u00f1\u6f22\u5b57\u3068\ufffd0123456789!?,.;:'\"()[]{}<>|/\\_-+=*&^%$#@~`" "\n\t"
PIECES = 420


def learn(text, count):
    """Plain BPE by frequency inside words that keep their leading space."""
    words = {}
    for word in text.replace("\n", " ").split(" "):
        if word:
            words[tuple(SPACE + word)] = words.get(tuple(SPACE + word), 0) + 1
    pieces = []
    while len(pieces) < count:
        pairs = {}
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + n
        best = max(pairs, key=lambda p: (pairs[p], p))
        pieces.append("".join(best))
        merged = {}
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i : i + 2] == best:
                    out.append(word[i] + word[i + 1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            merged[tuple(out)] = merged.get(tuple(out), 0) + n
        words = merged
    return list(dict.fromkeys(pieces))


def write(directory):
    """Writes tokenizer.json and tokenizer.gguf; gives back the tokenizers.Tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    letters = sorted(set(KJV.replace(" ", SPACE)) | set(EXTRA) | {SPACE})
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    learnt = [p for p in learn(KJV, PIECES) if p not in RUNS]
    pieces = RUNS + learnt
    names = CONTROL + USER + TURNS + bytes_ + pieces + letters + IMAGES
    ids = {name: i for i, name in enumerate(names)}
    assert len(ids) == len(names)
    score = {name: -float(i) for i, name in enumerate(pieces)}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in pieces
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    bpe = tokenizers.models.BPE(vocab=ids, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = tokenizers.decoders.Sequence(
        [tokenizers.decoders.Replace(SPACE, " "), tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse()]
    )
    controls = CONTROL + TURNS + IMAGES + [SOFT]
    added = lambda name, special: tokenizers.AddedToken(name, special=special, normalized=False)
    tokenizer.add_tokens([added(name, False) for name in USER + RUNS])
    tokenizer.add_special_tokens([added(name, True) for name in controls])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", ids["<bos>"])]
    )
    assert tokenizer.token_to_id(SOFT) == len(names)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    write_gguf(directory / "tokenizer.gguf", names + [SOFT], score, ids)
    return tokenizer


def write_gguf(path, names, score, ids):
    """As llama.cpp's converter does: tokens that are cut out of the text have spaces as spaces."""
    kinds = []
    for name in names:
        if name == "<unk>":
            kinds.append(gguf.TokenType.UNKNOWN)
        elif name in CONTROL + TURNS + IMAGES + [SOFT]:
            kinds.append(gguf.TokenType.CONTROL)
        elif name in USER + RUNS:
            kinds.append(gguf.TokenType.USER_DEFINED)
        elif name.startswith("<0x"):
            kinds.append(gguf.TokenType.BYTE)
        else:
            kinds.append(gguf.TokenType.NORMAL)
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([n.replace(SPACE, " ") if k == gguf.TokenType.USER_DEFINED else n for n, k in zip(names, kinds)])
    writer.add_token_scores([score.get(name, -1000.0) for name in names])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(ids["<bos>"])
    writer.add_eos_token_id(ids["<eos>"])
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
