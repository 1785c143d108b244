package longreach.standalone;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiFunction;
import longreach.lm.LmCoreApplication;
import longreach.v1.AudioEncoderGrpc;
import longreach.v1.EncodeDown;
import longreach.v1.EncodeOpen;
import longreach.v1.EncodeUp;
import longreach.v1.LmCoreGrpc;
import longreach.v1.MediaPlan;
import longreach.v1.RenderPart;
import longreach.v1.RenderRequest;
import longreach.v1.Segment;
import longreach.v1.TextPiece;
import longreach.v1.Turn;
import longreach.v1.VisionEncoderGrpc;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** What a file becomes on its way to the model. Talks to the encoders themselves; needs no server and no Redis. */
@Command(
        name = "inspect",
        description = "Show what a file becomes: token plan, pages, transcript, on-screen text with times.")
final class InspectCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions options;

    @Parameters(paramLabel = "FILE", description = "A document, recording, video or image.")
    private Path file;

    @Option(names = "--json", description = "Print one JSON object; times are in seconds.")
    private boolean json;

    /** What one encoder said. */
    private record Reading(List<MediaPlan> plans, List<TextPiece> pieces, Map<String, Long> counts) {}

    @Override
    public Integer call() {
        options.check();
        String mimeType = GeminiClient.mimeType(GeminiClient.checked(file));
        Path real = real(file);
        String family = mimeType.substring(0, mimeType.indexOf('/'));
        boolean sound = family.equals("audio") || family.equals("video");
        Weights.pullMissing(options.model);
        try (var services = new Services(options.settings)) {
            String threads = Integer.toString(options.threads);
            String media = real.getParent().toString();
            var applications = new LinkedHashMap<String, Services.Application>();
            applications.put(
                    "lm-core",
                    new Services.Application(
                            LmCoreApplication::builder,
                            Map.of(
                                    "lm-core.model",
                                    options.model,
                                    "lm-core.precision",
                                    options.precision,
                                    "lm-core.threads",
                                    threads,
                                    "context-store.redis",
                                    "memory:inspect")));
            if (!family.equals("audio")) {
                applications.put("vision-encoder", StandaloneServer.vision(media, options));
            }
            if (sound) {
                applications.put("audio-encoder", StandaloneServer.audio(media, threads, options.precision));
            }
            try (var progress = Progress.ofFraction("loading the models")) {
                services.start(applications);
                progress.atFraction(1, "");
            }
            var readings = new ArrayList<Reading>();
            if (!family.equals("audio")) {
                readings.add(read(
                        services,
                        "vision-encoder",
                        mimeType,
                        real,
                        (channel, down) -> VisionEncoderGrpc.newStub(channel).encode(down)));
            }
            if (sound && (family.equals("audio") || hasAudio(readings))) {
                readings.add(read(
                        services,
                        "audio-encoder",
                        mimeType,
                        real,
                        (channel, down) -> AudioEncoderGrpc.newStub(channel).encode(down)));
            }
            report(mimeType, readings, tokens(services, readings));
        }
        return 0;
    }

    private static boolean hasAudio(List<Reading> readings) {
        return readings.stream().flatMap(reading -> reading.plans().stream()).anyMatch(MediaPlan::getHasAudio);
    }

    private static Path real(Path file) {
        try {
            return file.toRealPath();
        } catch (IOException e) {
            throw CommandException.failed(file + ": cannot be read: " + e, e);
        }
    }

    private Reading read(
            Services services,
            String service,
            String mimeType,
            Path path,
            BiFunction<ManagedChannel, StreamObserver<EncodeDown>, StreamObserver<EncodeUp>> encode) {
        BlockingQueue<Object> arrived = new LinkedBlockingQueue<>();
        var channel = channel(services, service);
        try (var progress = Progress.ofFraction(service.replace("-encoder", "") + ": reading")) {
            var up = encode.apply(channel, new StreamObserver<>() {
                @Override
                public void onNext(EncodeDown down) {
                    arrived.add(down);
                }

                @Override
                public void onError(Throwable failure) {
                    arrived.add(Status.fromThrowable(failure));
                }

                @Override
                public void onCompleted() {
                    arrived.add(Status.OK);
                }
            });
            up.onNext(EncodeUp.newBuilder()
                    .setOpen(EncodeOpen.newBuilder()
                            .setMimeType(mimeType)
                            .setFileName(path.getFileName().toString())
                            .setSizeBytes(path.toFile().length())
                            .setPath(path.toString()))
                    .build());
            up.onCompleted();
            return collect(arrived, progress);
        } finally {
            channel.shutdownNow();
        }
    }

    private Reading collect(BlockingQueue<Object> arrived, Progress progress) {
        var reading = new Reading(new ArrayList<>(), new ArrayList<>(), new LinkedHashMap<>());
        try {
            while (true) {
                switch (arrived.take()) {
                    case EncodeDown down -> {
                        switch (down.getKindCase()) {
                            case PLAN -> reading.plans().add(down.getPlan());
                            case PROGRESS ->
                                progress.atFraction(
                                        down.getProgress().getFraction(),
                                        down.getProgress().getStage());
                            case TEXT -> reading.pieces().add(down.getText());
                            case DONE -> reading.counts().putAll(down.getDone().getCountsMap());
                            default ->
                                throw CommandException.failed(
                                        file + ": a " + down.getKindCase() + " piece, which this command cannot show");
                        }
                    }
                    case Status status -> {
                        if (!status.isOk()) {
                            throw CommandException.failed(status.getDescription() + " [" + status.getCode() + "]");
                        }
                        return reading;
                    }
                    case Object other -> throw new IllegalStateException("unexpected " + other);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandException.failed("interrupted", e);
        }
    }

    private static ManagedChannel channel(Services services, String service) {
        return InProcessChannelBuilder.forName(services.name(service))
                .maxInboundMessageSize(64 << 20)
                .build();
    }

    /** Tokens of each piece, in the order of {@link #pieces}, as the model's own tokenizer counts them. */
    private List<Integer> tokens(Services services, List<Reading> readings) {
        var channel = channel(services, "lm-core");
        try {
            var counts = new ArrayList<Integer>();
            for (var piece : pieces(readings)) {
                var turn = Turn.newBuilder()
                        .setRole(Turn.Role.USER)
                        .addParts(
                                RenderPart.newBuilder().setText(piece.getText()).setMark(piece.getMark()));
                var rendered = LmCoreGrpc.newBlockingStub(channel)
                        .render(RenderRequest.newBuilder()
                                .setModel(options.servedModel())
                                .addTurns(turn)
                                .build());
                // The marked segment is the piece; the rest is the chat template around it.
                counts.add(rendered.getSegmentsList().stream()
                        .filter(segment ->
                                segment.hasText() && segment.getMark().equals(piece.getMark()))
                        .mapToInt(InspectCommand::length)
                        .max()
                        .orElse(rendered.getTotalTokens()));
            }
            return counts;
        } finally {
            channel.shutdownNow();
        }
    }

    private static int length(Segment segment) {
        return segment.getText().getTokenIdsCount();
    }

    private static List<TextPiece> pieces(List<Reading> readings) {
        return readings.stream().flatMap(reading -> reading.pieces().stream()).toList();
    }

    private void report(String mimeType, List<Reading> readings, List<Integer> tokens) {
        var root = describe(mimeType, readings, tokens);
        if (json) {
            System.out.println(
                    GeminiClient.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root));
            return;
        }
        var media = root.path("media");
        var line = new StringBuilder(file.getFileName() + ": " + mimeType);
        media.properties()
                .forEach(entry -> line.append(", ")
                        .append(entry.getKey())
                        .append(' ')
                        .append(entry.getValue().asString()));
        System.out.println(line);
        var pieces = pieces(readings);
        for (int i = 0; i < pieces.size(); i++) {
            var piece = pieces.get(i);
            System.out.printf(
                    "%n[%s, %s, %d tokens]%n%s%n",
                    where(piece), kind(piece), tokens.get(i), piece.getText().strip());
        }
        System.out.printf(
                "%n%d pieces, %d tokens for the model %s%n",
                pieces.size(), tokens.stream().mapToInt(Integer::intValue).sum(), options.model);
    }

    private ObjectNode describe(String mimeType, List<Reading> readings, List<Integer> tokens) {
        var root = GeminiClient.JSON.createObjectNode();
        root.put("file", file.getFileName().toString()).put("mimeType", mimeType);
        var media = root.putObject("media");
        for (var plan :
                readings.stream().flatMap(reading -> reading.plans().stream()).toList()) {
            putPositive(media, "pages", plan.getPages());
            if (plan.getDurationMs() > 0) {
                media.put("seconds", plan.getDurationMs() / 1000.0);
            }
            putPositive(media, "width", plan.getWidth());
            putPositive(media, "height", plan.getHeight());
            putPositive(media, "frames", plan.getFrames());
            if (!plan.getCodec().isEmpty() && !media.has("codec")) {
                media.put("codec", plan.getCodec());
            }
        }
        var counts = root.putObject("counts");
        readings.forEach(reading -> reading.counts().forEach(counts::put));
        root.put("model", options.model);
        root.put("tokens", tokens.stream().mapToInt(Integer::intValue).sum());
        var pages = root.putArray("pages");
        var onScreen = root.putArray("onScreen");
        var transcript = root.putArray("transcript");
        var all = pieces(readings);
        for (int i = 0; i < all.size(); i++) {
            var piece = all.get(i);
            var mark = piece.getMark();
            ObjectNode item;
            if (piece.getKind() == TextPiece.Kind.TRANSCRIPT) {
                item = transcript.addObject();
            } else if (mark.getEndMs() > 0) {
                item = onScreen.addObject();
            } else {
                item = pages.addObject()
                        .put("page", Math.max(1, mark.getPage()))
                        .put("kind", kind(piece));
            }
            if (mark.getEndMs() > 0) {
                item.put("start", mark.getStartMs() / 1000.0).put("end", mark.getEndMs() / 1000.0);
            }
            item.put("text", piece.getText().strip()).put("tokens", tokens.get(i));
        }
        return root;
    }

    private static void putPositive(ObjectNode node, String name, long value) {
        if (value > 0) {
            node.put(name, value);
        }
    }

    private static String kind(TextPiece piece) {
        return switch (piece.getKind()) {
            case TEXT_LAYER -> "text layer";
            case OCR -> "recognised characters";
            case TRANSCRIPT -> "transcript";
            default -> piece.getKind().name().toLowerCase(Locale.ROOT);
        };
    }

    private static String where(TextPiece piece) {
        var mark = piece.getMark();
        if (mark.getEndMs() > 0) {
            return clock(mark.getStartMs()) + " - " + clock(mark.getEndMs());
        }
        return "page " + Math.max(1, mark.getPage());
    }

    private static String clock(long millis) {
        return String.format("%02d:%02d.%d", millis / 60_000, millis / 1000 % 60, millis / 100 % 10);
    }
}
