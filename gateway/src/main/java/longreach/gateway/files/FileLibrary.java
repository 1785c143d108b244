package longreach.gateway.files;

import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.regex.Pattern;
import longreach.gateway.auth.Tenant;
import longreach.gateway.call.Caller;
import longreach.gateway.error.ApiException;
import longreach.gateway.error.ErrorMapper;
import longreach.gateway.media.MediaBytes;
import longreach.gateway.media.MediaItem;
import longreach.gateway.media.MediaKind;
import longreach.gateway.media.MediaReader;
import longreach.gateway.request.Requests;
import longreach.gemini.v1beta.File;
import longreach.gemini.v1beta.ListFilesResponse;
import longreach.gemini.v1beta.MediaReport;
import longreach.gemini.v1beta.VideoFileMetadata;
import longreach.v1.EncodedMedia;
import longreach.v1.MediaOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of all tenants: added when their upload is complete, read once in the background (PROCESSING to ACTIVE or
 * FAILED with the reason), listed, asked about and deleted. What was unfinished when the server stopped goes on when it
 * starts again.
 */
public final class FileLibrary implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(FileLibrary.class);
    private static final Pattern NAME = Pattern.compile("files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?");
    private static final String ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final int ID_LENGTH = 12;
    private static final int DEFAULT_PAGE = 10;
    private static final int MAX_PAGE = 100;
    private static final int MAX_DISPLAY_NAME = 512;
    /** While an encoder is down, files wait for it this long between tries. */
    private static final Duration RETRY = Duration.ofSeconds(3);

    private final FileShelf shelf;
    private final MediaReader reader;
    private final Duration life;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, ConcurrentMap<String, File>> files = new ConcurrentHashMap<>();
    private final Map<String, Thread> working = new ConcurrentHashMap<>();
    private volatile boolean closed;

    /** @param data directory of everything here @param life how long a file is kept */
    public FileLibrary(Path data, MediaReader reader, Duration life, Clock clock) throws IOException {
        this.reader = reader;
        this.life = life;
        this.clock = clock;
        shelf = new FileShelf(data);
        for (var stored : shelf.load()) {
            of(stored.tenant()).put(stored.file().getName(), stored.file());
        }
    }

    /** Goes on with the files that were not read to their end. */
    public void resume() {
        files.forEach((tenant, own) -> own.values().stream()
                .filter(file -> file.getState() == File.State.PROCESSING)
                .forEach(file -> process(tenant, file)));
    }

    private ConcurrentMap<String, File> of(String tenant) {
        return files.computeIfAbsent(tenant, each -> new ConcurrentHashMap<>());
    }

    /**
     * Checks what a caller says about a file before any byte is taken.
     *
     * @return the same with its MIME type settled
     * @throws ApiException naming the field that will not do
     */
    public File checkNew(Tenant tenant, File wanted, String contentType) {
        if (wanted.getDisplayName().length() > MAX_DISPLAY_NAME) {
            throw ApiException.badField(
                    "file.displayName",
                    wanted.getDisplayName().length() + " characters",
                    "at most " + MAX_DISPLAY_NAME);
        }
        if (!wanted.getName().isEmpty()) {
            checkName(wanted.getName());
            if (of(tenant.name()).containsKey(wanted.getName())) {
                throw ApiException.alreadyExists("file.name: " + wanted.getName() + " (expected: a name not in use)");
            }
        }
        var type = Requests.mimeType(wanted.getMimeType().isBlank() ? contentType : wanted.getMimeType());
        if (type.isEmpty() || type.equals("application/octet-stream")) {
            type = MediaKind.typeByName(wanted.getDisplayName()).orElse(type);
        }
        if (MediaKind.of(type).isEmpty()) {
            throw ApiException.badField("file.mimeType", type.isEmpty() ? "empty" : type, MediaKind.EXPECTED);
        }
        return wanted.toBuilder().setMimeType(type).build();
    }

    /** @throws ApiException INVALID_ARGUMENT */
    public static String checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw ApiException.badField(
                    "name",
                    name.length() > 80 ? name.length() + " characters" : name,
                    "files/ and 1 to 40 lower-case letters, digits and inner dashes");
        }
        return name;
    }

    /**
     * Takes a complete upload over and begins to read it.
     *
     * @param checked from {@link #checkNew}
     * @param uploaded moved from its place
     * @param sha256 of its bytes
     */
    public File add(Tenant tenant, File checked, Path uploaded, long size, byte[] sha256) throws IOException {
        var now = now();
        var name = checked.getName().isEmpty() ? newName(tenant) : checked.getName();
        var file = File.newBuilder()
                .setName(name)
                .setDisplayName(checked.getDisplayName())
                .setMimeType(checked.getMimeType())
                .setSizeBytes(size)
                .setCreateTime(now)
                .setUpdateTime(now)
                .setExpirationTime(Timestamps.add(now, Durations.fromMillis(life.toMillis())))
                .setSha256Hash(ByteString.copyFromUtf8(HexFormat.of().formatHex(sha256)))
                .setState(File.State.PROCESSING)
                .setSource(File.Source.UPLOADED)
                .build();
        if (of(tenant.name()).putIfAbsent(name, file) != null) {
            throw ApiException.alreadyExists("file.name: " + name + " (expected: a name not in use)");
        }
        try {
            shelf.add(tenant.name(), file, uploaded);
        } catch (IOException e) {
            of(tenant.name()).remove(name);
            throw e;
        }
        process(tenant.name(), file);
        return file;
    }

    private String newName(Tenant tenant) {
        while (true) {
            var id = new StringBuilder("files/");
            for (int i = 0; i < ID_LENGTH; i++) {
                id.append(ID_LETTERS.charAt(random.nextInt(ID_LETTERS.length())));
            }
            if (!of(tenant.name()).containsKey(id.toString())) {
                return id.toString();
            }
        }
    }

    /** @throws ApiException NOT_FOUND */
    public File get(Tenant tenant, String name) {
        var file = of(tenant.name()).get(checkName(name));
        if (file == null || expired(file)) {
            throw ApiException.notFound(name + ": no such file (expected: one of GET files; files are kept for "
                    + life.toHours() + " hours)");
        }
        return file;
    }

    /** Newest first. */
    public ListFilesResponse list(Tenant tenant, int pageSize, String pageToken) {
        if (pageSize < 0 || pageSize > MAX_PAGE) {
            throw ApiException.badField("pageSize", pageSize, "0 <= pageSize <= " + MAX_PAGE);
        }
        int size = pageSize == 0 ? DEFAULT_PAGE : pageSize;
        var order = Comparator.comparing(FileLibrary::position).reversed();
        var after = pageToken.isEmpty() ? null : decodeToken(pageToken);
        List<File> rest = of(tenant.name()).values().stream()
                .filter(file -> !expired(file))
                .filter(file -> after == null || position(file).compareTo(after) < 0)
                .sorted(order)
                .toList();
        var page = ListFilesResponse.newBuilder().addAllFiles(rest.subList(0, Math.min(size, rest.size())));
        if (rest.size() > size) {
            page.setNextPageToken(encodeToken(position(rest.get(size - 1))));
        }
        return page.build();
    }

    /** Sorts as text: time, then name. */
    private static String position(File file) {
        return String.format(
                "%014d.%09d %s",
                file.getCreateTime().getSeconds(), file.getCreateTime().getNanos(), file.getName());
    }

    private static String encodeToken(String position) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(position.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private static String decodeToken(String token) {
        try {
            return new String(Base64.getUrlDecoder().decode(token), java.nio.charset.StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw ApiException.badField("pageToken", "not readable", "nextPageToken of the page before");
        }
    }

    public void delete(Tenant tenant, String name) throws IOException {
        get(tenant, name);
        drop(tenant.name(), name);
    }

    /** Deletes all of a tenant's files, and forgets what was read of them. @return how many there were */
    public int eraseAll(Tenant tenant) throws IOException {
        int erased = 0;
        for (var name : of(tenant.name()).keySet()) {
            drop(tenant.name(), name);
            erased++;
        }
        reader.forget(tenant.name());
        return erased;
    }

    private void drop(String tenant, String name) throws IOException {
        if (of(tenant).remove(name) == null) {
            return;
        }
        var worker = working.get(tenant + '/' + name);
        if (worker != null) {
            worker.interrupt();
        }
        shelf.remove(tenant, name);
    }

    /** The bytes as they were uploaded. */
    public Path content(Tenant tenant, String name) {
        return shelf.content(tenant.name(), get(tenant, name).getName());
    }

    /** Deletes what is past its time. */
    public void sweep() throws IOException {
        for (var own : files.entrySet()) {
            for (var file : own.getValue().values()) {
                if (expired(file)) {
                    drop(own.getKey(), file.getName());
                }
            }
        }
    }

    /**
     * What was read of an ACTIVE file, with the given options.
     *
     * @throws ApiException NOT_FOUND, or FAILED_PRECONDITION while the file is not ACTIVE
     */
    public EncodedMedia media(Tenant tenant, String name, MediaOptions options, Caller caller)
            throws InterruptedException, IOException {
        var file = active(tenant, name);
        if (options.equals(MediaOptions.getDefaultInstance())) {
            var kept = shelf.pieces(tenant.name(), name);
            if (kept.isPresent() && current(file, kept.get())) {
                return kept.get();
            }
        }
        var media = reader.read(item(tenant.name(), file, options), (stage, at) -> {}, caller)
                .media();
        if (options.equals(MediaOptions.getDefaultInstance())) {
            shelf.savePieces(tenant.name(), name, media);
        }
        return media;
    }

    /**
     * A file's bytes, to be encoded otherwise than as text.
     *
     * @throws ApiException NOT_FOUND, or FAILED_PRECONDITION while the file is not ACTIVE
     */
    public MediaItem item(Tenant tenant, String name, MediaOptions options) {
        return item(tenant.name(), active(tenant, name), options);
    }

    private File active(Tenant tenant, String name) {
        var file = get(tenant, name);
        if (file.getState() != File.State.ACTIVE) {
            var why = file.getState() == File.State.FAILED
                    ? "FAILED: " + file.getError().getMessage()
                    : file.getState() + ", "
                            + (int) (100 * file.getLongreachMedia().getProgress()) + " % done";
            throw ApiException.failedPrecondition(name + " is " + why + " (expected: ACTIVE)");
        }
        return file;
    }

    /** Whether the pieces are what the encoders of today would make; encoders that are down are taken as unchanged. */
    private boolean current(File file, EncodedMedia kept) {
        try {
            return kept.getFingerprint()
                    .equals(reader.fingerprint(MediaKind.of(file.getMimeType()).orElseThrow()));
        } catch (ApiException e) {
            LOG.debug("encoders not asked for their fingerprint: {}", e.getMessage());
            return true;
        }
    }

    private MediaItem item(String tenant, File file, MediaOptions options) {
        return new MediaItem(
                tenant,
                HexFormat.of().parseHex(file.getSha256Hash().toStringUtf8()),
                file.getMimeType(),
                file.getDisplayName(),
                new MediaBytes.OnDisk(shelf.content(tenant, file.getName())),
                options);
    }

    private void process(String tenant, File file) {
        var key = tenant + '/' + file.getName();
        var worker = Thread.ofVirtual().name("read " + file.getName()).unstarted(() -> {
            try {
                read(tenant, file);
            } catch (InterruptedException e) {
                // Deleted, or the server stops: the file stays PROCESSING on disk and goes on after the next start.
                Thread.currentThread().interrupt();
            } finally {
                working.remove(key);
            }
        });
        working.put(key, worker);
        worker.start();
    }

    private void read(String tenant, File file) throws InterruptedException {
        var name = file.getName();
        while (!closed) {
            try {
                var read = reader.read(
                        item(tenant, file, MediaOptions.getDefaultInstance()),
                        (stage, at) -> of(tenant).computeIfPresent(name, (n, now) -> progress(now, stage, at)),
                        Caller.PATIENT);
                if (of(tenant).containsKey(name)) {
                    shelf.savePieces(tenant, name, read.media());
                    finish(tenant, name, active(file, read));
                }
                return;
            } catch (ApiException e) {
                if (e.code() != io.grpc.Status.Code.UNAVAILABLE) {
                    fail(tenant, file, e);
                    return;
                }
                of(tenant).computeIfPresent(name, (n, now) -> progress(now, e.getMessage(), 0));
                Thread.sleep(RETRY);
            } catch (IOException | RuntimeException | Error e) {
                if (closed || !of(tenant).containsKey(name)) {
                    return;
                }
                fail(tenant, file, e);
                return;
            }
        }
    }

    private static File progress(File now, String stage, double at) {
        return now.toBuilder()
                .setLongreachMedia(
                        now.getLongreachMedia().toBuilder().setStage(stage).setProgress(at))
                .build();
    }

    private File active(File file, MediaReader.Read read) {
        var plan = read.media().getPlan();
        var report = MediaReport.newBuilder()
                .setProgress(1)
                .setPages(plan.getPages())
                .setTextPieces(read.media().getPiecesCount())
                .setTextChars(read.media().getPiecesList().stream()
                        .mapToInt(piece -> piece.getText().length())
                        .sum())
                .setFromCache(read.fromCache())
                .setEncodeMillis(read.media().getEncodeMillis())
                .putAllCounts(read.media().getCountsMap());
        var out = file.toBuilder().setState(File.State.ACTIVE).setUpdateTime(now());
        if (plan.getDurationMs() > 0) {
            report.setDuration(Durations.fromMillis(plan.getDurationMs()));
            if (plan.getHasVideo()) {
                out.setVideoMetadata(
                        VideoFileMetadata.newBuilder().setVideoDuration(Durations.fromMillis(plan.getDurationMs())));
            }
        }
        return out.setLongreachMedia(report).build();
    }

    private void fail(String tenant, File file, Throwable error) {
        finish(
                tenant,
                file.getName(),
                file.toBuilder()
                        .setState(File.State.FAILED)
                        .setUpdateTime(now())
                        .setError(ErrorMapper.toStatus(error))
                        .build());
    }

    /** Memory first, so that a caller who polls sees the outcome even when the disk is full. */
    private void finish(String tenant, String name, File file) {
        if (of(tenant).computeIfPresent(name, (n, now) -> file) == null) {
            return;
        }
        try {
            shelf.save(tenant, file);
        } catch (IOException e) {
            LOG.error("the state of {} could not be written; after a restart it will be read again", name, e);
        }
    }

    private boolean expired(File file) {
        return Timestamps.compare(file.getExpirationTime(), now()) <= 0;
    }

    private Timestamp now() {
        Instant now = clock.instant();
        return Timestamp.newBuilder()
                .setSeconds(now.getEpochSecond())
                .setNanos(now.getNano() / 1000 * 1000)
                .build();
    }

    @Override
    public void close() {
        closed = true;
        working.values().forEach(Thread::interrupt);
    }
}
