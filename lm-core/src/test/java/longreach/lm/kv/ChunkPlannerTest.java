package longreach.lm.kv;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import longreach.lm.prompt.TokenStream;
import longreach.store.api.Digest;
import longreach.store.api.KeyChain;
import longreach.store.api.Tenant;
import longreach.v1.Modality;
import org.junit.jupiter.api.Test;

class ChunkPlannerTest {
    private static final Digest MODEL = new Digest(1, 2, 3, 4);

    private static ChunkKeys keys(long salt) {
        return new ChunkKeys(
                new KeyChain(MODEL, KvShape.LAYOUT_VERSION, new Tenant(new Digest(salt, 0, 0, 0), "0123456789abcdef")));
    }

    private static TokenStream random(Random random) {
        List<TokenStream.Run> runs = new ArrayList<>();
        int count = 1 + random.nextInt(6);
        for (int i = 0; i < count; i++) {
            boolean boundary = random.nextBoolean();
            if (random.nextInt(3) == 0) {
                byte[] digest = new byte[32];
                random.nextBytes(digest);
                runs.add(new TokenStream.SoftRun(
                        digest, 1 + random.nextInt(400), random.nextBoolean(), Modality.IMAGE, boundary));
            } else {
                int[] ids = random.ints(random.nextInt(500), 0, 1000).toArray();
                runs.add(new TokenStream.TextRun(ids, Modality.TEXT, boundary));
            }
        }
        runs.add(new TokenStream.TextRun(new int[] {1}, Modality.TEXT, false));
        return new TokenStream(runs);
    }

    @Test
    void spansCoverTheChainAndEndWhereOthersMayGoOn() {
        for (long seed = 0; seed < 300; seed++) {
            TokenStream prompt = random(new Random(seed));
            ChunkPlan plan = ChunkPlanner.plan(prompt, keys(1));
            assertThat(plan.full()).hasSize(prompt.length() / 256);
            for (int i = 0; i < plan.full().size(); i++) {
                assertThat(plan.full().get(i).start()).isEqualTo(256 * i);
                assertThat(plan.full().get(i).end()).isEqualTo(256 * (i + 1));
            }
            for (ChunkSpan span : plan.partial()) {
                assertThat(span.start() % 256).isZero();
                assertThat(span.tokens()).isBetween(1, 255);
                assertThat(prompt.resumableAt(span.end())).as("seed %d", seed).isEqualTo(span.end());
            }
            Set<Object> distinct = new HashSet<>();
            plan.full().forEach(span -> distinct.add(span.key()));
            plan.partial().forEach(span -> distinct.add(span.key()));
            assertThat(distinct).hasSize(plan.full().size() + plan.partial().size());
        }
    }

    @Test
    void aPrefixIsUnbrokenResumableAndNeverThePromptItself() {
        for (long seed = 0; seed < 300; seed++) {
            var random = new Random(seed);
            TokenStream prompt = random(random);
            ChunkPlan plan = ChunkPlanner.plan(prompt, keys(1));
            Set<ChunkSpan> present = new HashSet<>();
            plan.lookups().forEach(span -> {
                if (random.nextInt(4) > 0) {
                    present.add(span);
                }
            });
            ChunkPlan.Prefix prefix = plan.longestPrefix(present::contains);
            assertThat(prefix.firstComputed()).isBetween(0, prompt.length() - 1);
            assertThat(prompt.resumableAt(prefix.firstComputed())).isEqualTo(prefix.firstComputed());
            int at = 0;
            for (ChunkSpan span : prefix.spans()) {
                assertThat(present).contains(span);
                assertThat(span.start()).isEqualTo(at);
                at = span.end();
            }
            assertThat(at).isGreaterThanOrEqualTo(prefix.firstComputed());
            ChunkPlan.Prefix everything = plan.longestPrefix(span -> true);
            assertThat(everything.firstComputed()).isEqualTo(prompt.resumableAt(prompt.length() - 1));
        }
    }

    @Test
    void keysFollowFromWhatIsBeforeThemAlone() {
        var random = new Random(5);
        for (int round = 0; round < 100; round++) {
            TokenStream prompt = random(random);
            ChunkPlan plan = ChunkPlanner.plan(prompt, keys(1));
            // More text behind changes no full chunk.
            List<TokenStream.Run> longer = new ArrayList<>(prompt.runs());
            longer.add(new TokenStream.TextRun(new int[300], Modality.TEXT, false));
            ChunkPlan extended = ChunkPlanner.plan(new TokenStream(longer), keys(1));
            assertThat(extended.full().subList(0, plan.full().size())).isEqualTo(plan.full());
            // Another tenant, or another first token, changes all of them.
            assertThat(ChunkPlanner.plan(prompt, keys(2)).full()).doesNotContainAnyElementsOf(extended.full());
            List<TokenStream.Run> shifted = new ArrayList<>();
            shifted.add(new TokenStream.TextRun(new int[] {7}, Modality.TEXT, false));
            shifted.addAll(prompt.runs());
            assertThat(ChunkPlanner.plan(new TokenStream(shifted), keys(1)).full())
                    .doesNotContainAnyElementsOf(extended.full());
        }
    }

    @Test
    void howTextIsCutIntoRunsDoesNotMatter() {
        int[] ids = new Random(1).ints(600, 0, 1000).toArray();
        var whole = TokenStream.ofText(ids);
        var cut = new TokenStream(List.of(
                new TokenStream.TextRun(java.util.Arrays.copyOf(ids, 100), Modality.AUDIO, false),
                new TokenStream.TextRun(new int[0], Modality.TEXT, false),
                new TokenStream.TextRun(java.util.Arrays.copyOfRange(ids, 100, 600), Modality.TEXT, false)));
        assertThat(ChunkPlanner.plan(cut, keys(1)).full())
                .isEqualTo(ChunkPlanner.plan(whole, keys(1)).full());
    }

    @Test
    void theSameItemAtAnotherPlaceHasAnotherKey() {
        byte[] digest = new byte[32];
        var item = new TokenStream.SoftRun(digest, 300, false, Modality.IMAGE, false);
        digest[0] = 1;
        var other = new TokenStream.SoftRun(digest, 300, false, Modality.IMAGE, false);
        var text = new TokenStream.TextRun(new int[] {1}, Modality.TEXT, false);
        Set<Object> keys = new HashSet<>();
        for (List<TokenStream.Run> runs : List.<List<TokenStream.Run>>of(
                List.of(item, item), List.of(item, other), List.of(other, item), List.of(text, item, item))) {
            for (ChunkSpan span :
                    ChunkPlanner.plan(new TokenStream(runs), keys(1)).full()) {
                keys.add(span.key());
            }
        }
        // The first chunk of (item, item) and (item, other) is the same; everything else differs.
        assertThat(keys).hasSize(7);
    }
}
