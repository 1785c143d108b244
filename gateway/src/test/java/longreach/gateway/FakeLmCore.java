package longreach.gateway;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import longreach.v1.CacheReceipt;
import longreach.v1.Done;
import longreach.v1.GenerateDown;
import longreach.v1.GenerateUp;
import longreach.v1.ListModelsRequest;
import longreach.v1.ListModelsResponse;
import longreach.v1.LmCoreGrpc;
import longreach.v1.Modality;
import longreach.v1.ModalityCount;
import longreach.v1.ModelDescription;
import longreach.v1.Open;
import longreach.v1.PrefillProgress;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.RenderResponse;
import longreach.v1.Segment;
import longreach.v1.TextSegment;
import longreach.v1.TokenChunk;
import longreach.v1.Usage;
import longreach.v1.Want;

/**
 * A language model of whole words: a token is a word's number, and its answer begins with the words of the first media
 * segment, or else repeats the last typed text. Knows which prefixes it has seen.
 */
public final class FakeLmCore extends LmCoreGrpc.LmCoreImplBase {
    public static final String MODEL = "tiny-words";
    public static final int CONTEXT = 600;

    private final List<String> words = new ArrayList<>();
    private final Set<List<Segment>> seen = new HashSet<>();
    public final List<RenderRequest> rendered = new CopyOnWriteArrayList<>();
    public final List<Open> opened = new CopyOnWriteArrayList<>();
    public final AtomicInteger cancelled = new AtomicInteger();
    /** Keys of what durable requests have "published". */
    public final Set<ByteString> chunks = ConcurrentHashMap.newKeySet();
    /** So many durable requests lose their chunks on the way to the store. */
    public final AtomicInteger lose = new AtomicInteger();
    /** Fails every answer with this; null: answers. */
    public volatile Status failWith;
    /** Waits before each token, and before the first. */
    public volatile long tokenMillis;

    public volatile long prefillMillis;

    /** What comes in the place of an answer in words; null: that answer. */
    public volatile TokenChunk instead;

    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> out) {
        out.onNext(ListModelsResponse.newBuilder()
                .addModels(ModelDescription.newBuilder()
                        .setName(MODEL)
                        .setDisplayName("Tiny words")
                        .setContextTokens(CONTEXT)
                        .setOutputTokens(64)
                        .setTemperature(0.2f)
                        .setTopP(0.9f)
                        .setTopK(40))
                .build());
        out.onCompleted();
    }

    @Override
    public void render(RenderRequest request, StreamObserver<RenderResponse> out) {
        rendered.add(request);
        var response = RenderResponse.newBuilder();
        request.getSystemList().forEach(part -> response.addSegments(segment(part)));
        request.getTurnsList()
                .forEach(turn -> turn.getPartsList().forEach(part -> response.addSegments(segment(part))));
        out.onNext(response.setTotalTokens(response.getSegmentsList().stream()
                        .mapToInt(segment -> segment.getText().getTokenIdsCount())
                        .sum())
                .build());
        out.onCompleted();
    }

    private synchronized Segment segment(RenderPart part) {
        var ids = TextSegment.newBuilder();
        for (var word : part.getText().strip().split("\\s+")) {
            int at = words.indexOf(word);
            if (at < 0) {
                at = words.size();
                words.add(word);
            }
            ids.addTokenIds(at);
        }
        return Segment.newBuilder()
                .setText(ids)
                .setModality(part.getModality())
                .setMark(part.getMark())
                .setBoundaryAfter(part.getBoundaryAfter())
                .build();
    }

    @Override
    public StreamObserver<GenerateUp> generate(StreamObserver<GenerateDown> down) {
        var out = (ServerCallStreamObserver<GenerateDown>) down;
        out.setOnCancelHandler(cancelled::incrementAndGet);
        return new StreamObserver<>() {
            @Override
            public void onNext(GenerateUp up) {
                opened.add(up.getOpen());
                Thread.ofVirtual().start(() -> answer(up.getOpen(), out));
            }

            @Override
            public void onError(Throwable error) {}

            @Override
            public void onCompleted() {}
        };
    }

    private void answer(Open open, ServerCallStreamObserver<GenerateDown> out) {
        try {
            if (failWith != null) {
                out.onError(failWith.asRuntimeException());
                return;
            }
            int prompt = open.getSegmentsList().stream()
                    .mapToInt(segment -> segment.getText().getTokenIdsCount())
                    .sum();
            int restored = restored(open.getSegmentsList());
            var want = Want.newBuilder().setRestoredTokens(restored);
            if (open.getDurable()) {
                want.addChunkKeys(key(open));
            }
            out.onNext(GenerateDown.newBuilder().setWant(want).build());
            Thread.sleep(prefillMillis);
            if (open.getDurable()) {
                out.onNext(GenerateDown.newBuilder()
                        .setPrefill(PrefillProgress.newBuilder()
                                .setDoneTokens(prompt)
                                .setTotalTokens(prompt))
                        .build());
                out.onNext(GenerateDown.newBuilder()
                        .setDone(durable(open, prompt, restored))
                        .build());
                out.onCompleted();
                return;
            }
            var chunk = instead;
            if (chunk != null) {
                out.onNext(GenerateDown.newBuilder().setTokens(chunk).build());
                out.onNext(GenerateDown.newBuilder()
                        .setDone(Done.newBuilder()
                                .setReason(Done.Reason.STOP)
                                .setUsage(Usage.newBuilder()
                                        .setPromptTokens(prompt)
                                        .setOutputTokens(5)
                                        .setThoughtTokens(3)))
                        .build());
                out.onCompleted();
                return;
            }
            var answer = answerIds(open);
            int count = Math.min(answer.size(), open.getMaxTokens());
            for (int i = 0; i < count; i++) {
                Thread.sleep(tokenMillis);
                if (out.isCancelled()) {
                    return;
                }
                out.onNext(GenerateDown.newBuilder()
                        .setTokens(TokenChunk.newBuilder()
                                .addTokenIds(answer.get(i))
                                .setText((i == 0 ? "" : " ") + word(answer.get(i))))
                        .build());
            }
            out.onNext(GenerateDown.newBuilder()
                    .setDone(done(open, prompt, restored, count, count < answer.size()))
                    .build());
            out.onCompleted();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized String word(int id) {
        return words.get(id);
    }

    private static List<Integer> answerIds(Open open) {
        var source = open.getSegmentsList().stream()
                .filter(segment -> segment.getModality() != Modality.TEXT)
                .findFirst()
                .orElse(open.getSegmentsList().getLast());
        return source.getText().getTokenIdsList();
    }

    private synchronized int restored(List<Segment> segments) {
        int tokens = 0;
        int best = 0;
        for (int i = 1; i <= segments.size(); i++) {
            tokens += segments.get(i - 1).getText().getTokenIdsCount();
            if (!seen.add(List.copyOf(segments.subList(0, i)))) {
                best = tokens;
            }
        }
        return best;
    }

    private static ByteString key(Open open) {
        return ByteString.copyFromUtf8(String.format(
                "%32.32s", open.getTenant() + open.getSegmentsList().hashCode()));
    }

    private Done durable(Open open, int prompt, int restored) {
        var key = key(open);
        if (lose.getAndUpdate(left -> Math.max(0, left - 1)) == 0) {
            chunks.add(key);
        }
        return done(open, prompt, restored, 0, false).toBuilder()
                .setReason(Done.Reason.PREFILLED)
                .addChunkKeys(key)
                .build();
    }

    private static Done done(Open open, int prompt, int restored, int output, boolean cut) {
        var usage = Usage.newBuilder()
                .setPromptTokens(prompt)
                .setOutputTokens(output)
                .setCachedTokens(restored);
        for (var segment : open.getSegmentsList()) {
            usage.addPromptByModality(ModalityCount.newBuilder()
                    .setModality(segment.getModality())
                    .setTokens(segment.getText().getTokenIdsCount()));
        }
        return Done.newBuilder()
                .setReason(cut ? Done.Reason.MAX_TOKENS : Done.Reason.STOP)
                .setUsage(usage)
                .setReceipt(CacheReceipt.newBuilder()
                        .setTokensRestored(restored)
                        .setTokensComputed(prompt - restored)
                        .setMissReason(restored == 0 ? "never seen" : "")
                        .setDecodeMicros(1000))
                .build();
    }
}
