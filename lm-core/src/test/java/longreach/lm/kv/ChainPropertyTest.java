package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import longreach.lm.prompt.TokenStream;
import longreach.lm.prompt.TokenStream.Run;
import longreach.lm.prompt.TokenStream.SoftRun;
import longreach.lm.prompt.TokenStream.TextRun;
import longreach.store.api.ChunkKey;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.Tenant;
import longreach.v1.Modality;
import org.junit.jupiter.api.Test;

/** What the keys of a stream depend on, and what they do not, over random streams. */
class ChainPropertyTest {
    private static final int SEEDS = 200;
    private static final int CHUNK = ChunkPlanner.CHUNK;
    private static final Digest MODEL = new Digest(1, 2, 3, 4);
    private static final Tenant TENANT = new Tenant(new Digest(5, 6, 7, 8), "0123456789abcdef");

    private static List<Run> stream(Random random) {
        List<Run> runs = new ArrayList<>();
        int count = 3 + random.nextInt(6);
        for (int i = 0; i < count; i++) {
            if (random.nextInt(3) == 0) {
                byte[] digest = new byte[32];
                random.nextBytes(digest);
                runs.add(new SoftRun(digest, 1 + random.nextInt(500), random.nextBoolean(), Modality.IMAGE, true));
            } else {
                int[] ids = random.ints(1 + random.nextInt(700), 0, 1000).toArray();
                runs.add(new TextRun(ids, Modality.TEXT, random.nextBoolean()));
            }
        }
        runs.add(new TextRun(random.ints(2 * CHUNK, 0, 1000).toArray(), Modality.TEXT, false));
        return runs;
    }

    private static List<ChunkKey> keys(List<Run> runs) {
        return keys(runs, MODEL, TENANT);
    }

    private static List<ChunkKey> keys(List<Run> runs, Digest model, Tenant tenant) {
        var chain = new ChunkKeys(new KeyChain(model, KvShape.LAYOUT_VERSION, tenant));
        return ChunkPlanner.plan(new TokenStream(runs), chain).full().stream()
                .map(ChunkSpan::key)
                .toList();
    }

    private static int tokens(List<Run> runs) {
        return runs.stream().mapToInt(Run::tokens).sum();
    }

    /** However text is cut into segments, and boundaries are marked: the same tokens are the same chunks. */
    @Test
    void segmentsDoNotMatter() {
        for (long seed = 0; seed < SEEDS; seed++) {
            var random = new Random(seed);
            List<Run> runs = stream(random);
            List<Run> cut = new ArrayList<>();
            for (Run run : runs) {
                if (run instanceof TextRun text && text.tokens() > 1) {
                    int at = 1 + random.nextInt(text.tokens() - 1);
                    int[] ids = text.ids();
                    cut.add(new TextRun(Arrays.copyOf(ids, at), Modality.DOCUMENT, random.nextBoolean()));
                    cut.add(new TextRun(Arrays.copyOfRange(ids, at, ids.length), Modality.TEXT, random.nextBoolean()));
                } else {
                    cut.add(run);
                }
            }
            assertThat(keys(cut)).as("seed %d", seed).isEqualTo(keys(runs));
        }
    }

    /** However a stream comes in requests, each longer than the one before, they agree on all that they share. */
    @Test
    void requestsDoNotMatter() {
        for (long seed = 0; seed < SEEDS; seed++) {
            var random = new Random(seed);
            List<Run> runs = stream(random);
            List<ChunkKey> all = keys(runs);
            for (int request = 1; request < runs.size(); request++) {
                List<Run> part = new ArrayList<>(runs.subList(0, request));
                // The next run is begun where it can be: text anywhere.
                if (runs.get(request) instanceof TextRun text) {
                    int more = random.nextInt(text.tokens() + 1);
                    part.add(new TextRun(Arrays.copyOf(text.ids(), more), Modality.TEXT, false));
                }
                List<ChunkKey> some = keys(part);
                assertThat(some).hasSize(tokens(part) / CHUNK);
                assertThat(all.subList(0, some.size()))
                        .as("seed %d, request %d", seed, request)
                        .isEqualTo(some);
            }
        }
    }

    /** One other token or byte of media: every chunk from there on is another one, and none before. */
    @Test
    void aChangeReachesAllThatFollowsAndNothingBefore() {
        for (long seed = 0; seed < SEEDS; seed++) {
            var random = new Random(seed);
            List<Run> runs = stream(random);
            int changed = random.nextInt(runs.size());
            int start = tokens(runs.subList(0, changed));
            int at = start;
            List<Run> other = new ArrayList<>(runs);
            switch (runs.get(changed)) {
                case TextRun text -> {
                    int[] ids = text.ids().clone();
                    int token = random.nextInt(ids.length);
                    ids[token] ^= 1 + random.nextInt(7);
                    at += token;
                    other.set(changed, new TextRun(ids, text.modality(), text.boundaryAfter()));
                }
                case SoftRun soft -> {
                    // A byte of the media changes its digest; that it is a hash is not of interest here.
                    byte[] digest = soft.digest().clone();
                    digest[random.nextInt(32)] ^= (byte) (1 << random.nextInt(8));
                    other.set(
                            changed,
                            new SoftRun(
                                    digest,
                                    soft.tokens(),
                                    soft.bidirectional(),
                                    soft.modality(),
                                    soft.boundaryAfter()));
                }
            }
            List<ChunkKey> before = keys(runs);
            List<ChunkKey> after = keys(other);
            int first = at / CHUNK;
            assertThat(after).hasSameSizeAs(before);
            assertThat(after.subList(0, first)).as("seed %d, before", seed).isEqualTo(before.subList(0, first));
            assertThat(Collections.disjoint(before.subList(first, before.size()), after.subList(first, after.size())))
                    .as("seed %d, from chunk %d", seed, first)
                    .isTrue();
        }
    }

    @Test
    void anotherTenantOrModelSharesNothing() {
        for (long seed = 0; seed < SEEDS; seed++) {
            List<Run> runs = stream(new Random(seed));
            List<ChunkKey> own = keys(runs);
            var neighbour = new Tenant(new Digest(5, 6, 7, 9), TENANT.namespace());
            assertThat(Collections.disjoint(own, keys(runs, MODEL, neighbour))).isTrue();
            assertThat(Collections.disjoint(own, keys(runs, new Digest(1, 2, 3, 5), TENANT)))
                    .isTrue();
        }
    }
}
