package longreach.gateway.files;

import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;
import longreach.gateway.auth.Tenant;
import longreach.gateway.error.ApiException;
import longreach.gemini.v1beta.File;

/**
 * Uploads that are under way: {@code uploads/TENANT/ID} holds the bytes, {@code ID.json} what the caller said of them.
 * The length of the first is the offset, so an upload goes on after a restart. An upload's id is 192 random bits and
 * is all that a chunk needs: clients send no key with their chunks.
 */
public final class Uploads {
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-]{32}");
    private static final int ID_BYTES = 24;
    private static final int BLOCK = 256 << 10;

    private final Path root;
    private final FileLibrary library;
    private final long maxBytes;
    private final Duration life;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Session> open = new ConcurrentHashMap<>();

    /** What a chunk's sender is told: bytes held, and the file once it is whole. */
    public record Progress(long received, File done) {
        public boolean isFinal() {
            return done != null;
        }
    }

    private static final class Session {
        final ReentrantLock lock = new ReentrantLock();
        final Tenant tenant;
        final Path bytes;
        final Path meta;
        /** As announced; its size is 0 where none was announced. */
        final File wanted;
        /** Of the bytes so far; null when it must be made from the disk. */
        MessageDigest sha;

        File done;
        boolean cancelled;

        Session(Tenant tenant, Path bytes, Path meta, File wanted) {
            this.tenant = tenant;
            this.bytes = bytes;
            this.meta = meta;
            this.wanted = wanted;
        }
    }

    /** @param maxBytes largest file @param life how long an unfinished upload is kept */
    public Uploads(Path data, FileLibrary library, long maxBytes, Duration life, Clock clock) throws IOException {
        root = Files.createDirectories(data.resolve("uploads"));
        this.library = library;
        this.maxBytes = maxBytes;
        this.life = life;
        this.clock = clock;
        restore();
    }

    private void restore() throws IOException {
        try (var tenants = Files.list(root)) {
            for (var tenant : tenants.filter(Files::isDirectory).toList()) {
                try (var metas = Files.list(tenant)) {
                    for (var meta : metas.filter(path -> path.toString().endsWith(".json"))
                            .toList()) {
                        restore(new Tenant(tenant.getFileName().toString()), meta);
                    }
                }
            }
        }
    }

    private void restore(Tenant tenant, Path meta) throws IOException {
        var id = meta.getFileName().toString().replace(".json", "");
        var bytes = meta.resolveSibling(id);
        var wanted = File.newBuilder();
        JsonFormat.parser().ignoringUnknownFields().merge(Files.readString(meta), wanted);
        if (Files.exists(bytes)) {
            open.put(id, new Session(tenant, bytes, meta, wanted.build()));
        } else {
            Files.delete(meta);
        }
    }

    /**
     * @param wanted what the caller says of the file; its size is what was announced, or 0
     * @return the upload's id
     */
    public String start(Tenant tenant, File wanted, String contentType) throws IOException {
        checkSize(wanted.getSizeBytes());
        var checked = library.checkNew(tenant, wanted, contentType);
        var raw = new byte[ID_BYTES];
        random.nextBytes(raw);
        var id = Base64.getUrlEncoder().withoutPadding().encodeToString(raw);
        var directory = Files.createDirectories(root.resolve(tenant.name()));
        var session = new Session(tenant, directory.resolve(id), directory.resolve(id + ".json"), checked);
        session.sha = sha256();
        Files.createFile(session.bytes);
        FileShelf.replace(session.meta, JsonFormat.printer().print(checked).getBytes(StandardCharsets.UTF_8));
        open.put(id, session);
        return id;
    }

    private void checkSize(long bytes) {
        // Not RESOURCE_EXHAUSTED: clients would try the same file again and again.
        if (bytes < 0 || bytes > maxBytes) {
            throw ApiException.badField("file size", bytes + " bytes", "1 to " + maxBytes + " bytes");
        }
    }

    /** How far an upload is. */
    public Progress query(String id) throws IOException {
        var session = session(id);
        session.lock.lock();
        try {
            return session.done != null
                    ? new Progress(session.done.getSizeBytes(), session.done)
                    : new Progress(Files.size(session.bytes), null);
        } finally {
            session.lock.unlock();
        }
    }

    /**
     * Takes a chunk. Bytes that are here already are skipped, so a chunk may be sent again after a lost answer; one
     * that would leave a gap is refused.
     *
     * @param offset of the chunk's first byte; -1: where the upload stands
     * @param last whether the file is whole with this chunk
     */
    public Progress append(String id, long offset, InputStream chunk, boolean last) throws IOException {
        var session = session(id);
        session.lock.lock();
        try {
            if (session.done != null) {
                return new Progress(session.done.getSizeBytes(), session.done);
            }
            if (session.cancelled) {
                throw unknown();
            }
            long have = Files.size(session.bytes);
            if (offset > have) {
                throw ApiException.badField("X-Goog-Upload-Offset", offset, "at most " + have + ", the bytes received");
            }
            if (offset >= 0 && offset < have) {
                skip(chunk, have - offset);
            }
            have = write(session, chunk, have);
            return last ? finish(id, session, have) : new Progress(have, null);
        } finally {
            session.lock.unlock();
        }
    }

    /** A repeated chunk may be shorter than what is held: then all of it is skipped. */
    private static void skip(InputStream chunk, long bytes) throws IOException {
        var block = new byte[BLOCK];
        long left = bytes;
        while (left > 0) {
            int n = chunk.read(block, 0, (int) Math.min(block.length, left));
            if (n < 0) {
                return;
            }
            left -= n;
        }
    }

    private long write(Session session, InputStream chunk, long have) throws IOException {
        long size = have;
        long cap = session.wanted.getSizeBytes() > 0 ? session.wanted.getSizeBytes() : maxBytes;
        try (var out = FileChannel.open(session.bytes, StandardOpenOption.APPEND)) {
            var block = new byte[BLOCK];
            for (int n = chunk.read(block); n >= 0; n = chunk.read(block)) {
                if (size + n > cap) {
                    session.sha = null;
                    throw ApiException.badField(
                            "file size", "more than " + cap + " bytes sent", "at most " + cap + " bytes");
                }
                var buffer = ByteBuffer.wrap(block, 0, n);
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
                if (session.sha != null) {
                    session.sha.update(block, 0, n);
                }
                size += n;
            }
        } catch (IOException e) {
            // Some of the block may be on disk and not in the digest.
            session.sha = null;
            throw e;
        }
        return size;
    }

    private Progress finish(String id, Session session, long have) throws IOException {
        long announced = session.wanted.getSizeBytes();
        if (have == 0) {
            cancel(id);
            String name = session.wanted.getDisplayName();
            throw ApiException.badField(name.isEmpty() ? "file" : name, "empty", "at least one byte");
        }
        if (announced > 0 && have != announced) {
            throw ApiException.badField(
                    "file size",
                    have + " bytes received",
                    announced + " bytes, as X-Goog-Upload-Header-Content-Length" + " announced");
        }
        var sha = session.sha == null ? hash(session.bytes) : session.sha;
        session.done = library.add(session.tenant, session.wanted, session.bytes, have, sha.digest());
        session.sha = null;
        Files.deleteIfExists(session.meta);
        return new Progress(have, session.done);
    }

    private static MessageDigest hash(Path bytes) throws IOException {
        var sha = sha256();
        try (var in = new DigestInputStream(Files.newInputStream(bytes), sha)) {
            in.transferTo(java.io.OutputStream.nullOutputStream());
        }
        return sha;
    }

    /** Forgets an upload and its bytes. */
    public void cancel(String id) throws IOException {
        var session = session(id);
        session.lock.lock();
        try {
            session.cancelled = true;
            open.remove(id);
            Files.deleteIfExists(session.bytes);
            Files.deleteIfExists(session.meta);
        } finally {
            session.lock.unlock();
        }
    }

    /** A whole file in one go. */
    public File whole(Tenant tenant, File wanted, String contentType, InputStream bytes) throws IOException {
        var id = start(tenant, wanted, contentType);
        boolean done = false;
        try {
            var file = append(id, 0, bytes, true).done();
            done = true;
            return file;
        } finally {
            if (!done && open.containsKey(id)) {
                cancel(id);
            } else {
                open.remove(id);
            }
        }
    }

    /** Drops uploads that nobody has gone on with, and the memory of finished ones. */
    public void sweep() throws IOException {
        long before = clock.millis() - life.toMillis();
        for (var entry : open.entrySet()) {
            var session = entry.getValue();
            var last = session.done != null
                    ? session.done.getCreateTime().getSeconds() * 1000
                    : Files.exists(session.bytes)
                            ? Files.getLastModifiedTime(session.bytes).toMillis()
                            : 0;
            if (last < before) {
                cancel(entry.getKey());
            }
        }
    }

    private Session session(String id) {
        var session = id != null && ID.matcher(id).matches() ? open.get(id) : null;
        if (session == null) {
            throw unknown();
        }
        return session;
    }

    private static ApiException unknown() {
        return ApiException.notFound("upload_id: no such upload (expected: the x-goog-upload-url of a start that is"
                + " neither cancelled nor past its time)");
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
