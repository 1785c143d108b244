package longreach.lm.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes a whole Llama checkpoint of two layers: byte tokens, two control tokens, random f32 weights. */
public final class TinyGguf {
    private static final int WIDTH = 32;
    private static final int ALIGNMENT = 32;
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private final ByteBuffer out = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private int pairs;

    private TinyGguf() {}

    public static Path write(Path file) throws IOException {
        return new TinyGguf().writeTo(file);
    }

    private Path writeTo(Path file) throws IOException {
        Map<String, int[]> tensors = tensors();
        out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(tensors.size());
        int pairsAt = out.position();
        out.putLong(0);
        metadata();
        out.putLong(pairsAt, pairs);
        long offset = 0;
        for (var tensor : tensors.entrySet()) {
            string(tensor.getKey());
            int[] shape = tensor.getValue();
            out.putInt(shape.length);
            long elements = 1;
            for (int d = shape.length - 1; d >= 0; d--) {
                out.putLong(shape[d]);
                elements *= shape[d];
            }
            out.putInt(0).putLong(offset);
            offset += elements * 4;
        }
        while (out.position() % ALIGNMENT != 0) {
            out.put((byte) 0);
        }
        var random = new Random(3);
        for (int[] shape : tensors.values()) {
            int elements = shape.length == 1 ? shape[0] : shape[0] * shape[1];
            for (int i = 0; i < elements; i++) {
                out.putFloat((float) (shape.length == 1 ? 1 : random.nextGaussian() / Math.sqrt(shape[1])));
            }
        }
        byte[] bytes = new byte[out.flip().remaining()];
        out.get(bytes);
        return Files.write(file, bytes);
    }

    private static Map<String, int[]> tensors() {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        shapes.put("token_embd.weight", new int[] {258, WIDTH});
        for (int i = 0; i < 2; i++) {
            String at = "blk." + i + ".";
            shapes.put(at + "attn_norm.weight", new int[] {WIDTH});
            shapes.put(at + "attn_q.weight", new int[] {32, WIDTH});
            shapes.put(at + "attn_k.weight", new int[] {16, WIDTH});
            shapes.put(at + "attn_v.weight", new int[] {16, WIDTH});
            shapes.put(at + "attn_output.weight", new int[] {WIDTH, 32});
            shapes.put(at + "ffn_norm.weight", new int[] {WIDTH});
            shapes.put(at + "ffn_gate.weight", new int[] {64, WIDTH});
            shapes.put(at + "ffn_up.weight", new int[] {64, WIDTH});
            shapes.put(at + "ffn_down.weight", new int[] {WIDTH, 64});
        }
        shapes.put("output_norm.weight", new int[] {WIDTH});
        return shapes;
    }

    private void metadata() {
        text("general.architecture", "llama");
        number("llama.block_count", 2);
        number("llama.context_length", 512);
        number("llama.embedding_length", WIDTH);
        number("llama.feed_forward_length", 64);
        number("llama.attention.head_count", 4);
        number("llama.attention.head_count_kv", 2);
        key("llama.rope.freq_base", FLOAT32);
        out.putFloat(10_000);
        key("llama.attention.layer_norm_rms_epsilon", FLOAT32);
        out.putFloat(1e-5f);
        text("tokenizer.ggml.model", "gpt2");
        text("tokenizer.ggml.pre", "smollm");
        List<String> tokens = new ArrayList<>();
        int others = 0;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            tokens.add(String.valueOf((char) (printable ? b : 256 + others++)));
        }
        tokens.add("<s>");
        tokens.add("<e>");
        array("tokenizer.ggml.tokens", STRING, tokens.size());
        tokens.forEach(this::string);
        array("tokenizer.ggml.token_type", INT32, tokens.size());
        for (int id = 0; id < tokens.size(); id++) {
            out.putInt(id < 256 ? 1 : 3);
        }
        array("tokenizer.ggml.merges", STRING, 0);
        number("tokenizer.ggml.bos_token_id", 256);
        number("tokenizer.ggml.eos_token_id", 257);
        text("tokenizer.chat_template", "{% for m in messages %}{{ '<s>' + m['content'] + '<e>' }}{% endfor %}");
    }

    private void key(String key, int type) {
        string(key);
        out.putInt(type);
        pairs++;
    }

    private void text(String key, String value) {
        key(key, STRING);
        string(value);
    }

    private void number(String key, int value) {
        key(key, UINT32);
        out.putInt(value);
    }

    private void array(String key, int type, int count) {
        key(key, ARRAY);
        out.putInt(type).putLong(count);
    }

    private void string(String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        out.putLong(bytes.length).put(bytes);
    }
}
