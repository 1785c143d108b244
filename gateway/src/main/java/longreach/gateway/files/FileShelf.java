package longreach.gateway.files;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import longreach.gemini.v1beta.File;
import longreach.v1.EncodedMedia;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files on disk: {@code files/TENANT/ID/{content,meta.json,pieces.pb}}. Whatever is replaced is written beside its
 * place, forced and renamed, so a crash leaves the old or the new, never half. {@code meta.json} is written last when a
 * file comes and its directory is renamed away first when it goes, so no half file is ever listed.
 */
final class FileShelf {
    private static final Logger LOG = LoggerFactory.getLogger(FileShelf.class);
    private static final String META = "meta.json";
    private static final String CONTENT = "content";
    private static final String PIECES = "pieces.pb";

    private final Path root;
    private final Path gone;

    /** A file and whose it is. */
    record Stored(String tenant, File file) {}

    FileShelf(Path data) throws IOException {
        root = Files.createDirectories(data.resolve("files"));
        gone = Files.createDirectories(data.resolve("deleted"));
        deleteTree(gone);
        Files.createDirectories(gone);
    }

    private Path directory(String tenant, String name) {
        return root.resolve(tenant).resolve(name.substring(name.indexOf('/') + 1));
    }

    Path content(String tenant, String name) {
        return directory(tenant, name).resolve(CONTENT);
    }

    /** Takes the uploaded bytes over and makes the file known. */
    void add(String tenant, File file, Path uploaded) throws IOException {
        Files.createDirectories(directory(tenant, file.getName()));
        Files.move(uploaded, content(tenant, file.getName()), StandardCopyOption.REPLACE_EXISTING);
        save(tenant, file);
    }

    void save(String tenant, File file) throws IOException {
        var json = JsonFormat.printer().print(file);
        replace(directory(tenant, file.getName()).resolve(META), json.getBytes(StandardCharsets.UTF_8));
    }

    void savePieces(String tenant, String name, EncodedMedia media) throws IOException {
        replace(directory(tenant, name).resolve(PIECES), media.toByteArray());
    }

    /** Empty when there are none or they are not readable. */
    Optional<EncodedMedia> pieces(String tenant, String name) {
        try {
            return Optional.of(EncodedMedia.parseFrom(
                    Files.readAllBytes(directory(tenant, name).resolve(PIECES))));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            LOG.warn("the pieces of {} are not readable and will be made again: {}", name, e.toString());
            return Optional.empty();
        }
    }

    void remove(String tenant, String name) throws IOException {
        var away = gone.resolve(tenant + "-" + name.replace('/', '-') + "-" + System.nanoTime());
        Files.move(directory(tenant, name), away, StandardCopyOption.ATOMIC_MOVE);
        deleteTree(away);
    }

    /** Every file that has its metadata; directories without are what a crash left and are cleared. */
    List<Stored> load() throws IOException {
        var found = new ArrayList<Stored>();
        for (var tenant : children(root)) {
            for (var directory : children(tenant)) {
                var file = read(directory);
                if (file.isPresent()) {
                    found.add(new Stored(tenant.getFileName().toString(), file.get()));
                } else {
                    deleteTree(directory);
                }
            }
        }
        return found;
    }

    private static Optional<File> read(Path directory) throws IOException {
        var builder = File.newBuilder();
        try {
            JsonFormat.parser().ignoringUnknownFields().merge(Files.readString(directory.resolve(META)), builder);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (InvalidProtocolBufferException e) {
            LOG.warn("{} is not readable; its file is dropped", directory.resolve(META));
            return Optional.empty();
        }
        return builder.getName().equals("files/" + directory.getFileName()) && Files.exists(directory.resolve(CONTENT))
                ? Optional.of(builder.build())
                : Optional.empty();
    }

    private static List<Path> children(Path directory) throws IOException {
        try (var list = Files.list(directory)) {
            return list.filter(Files::isDirectory).toList();
        }
    }

    static void replace(Path target, byte[] bytes) throws IOException {
        var beside = target.resolveSibling(target.getFileName() + "." + System.nanoTime() + ".tmp");
        try (var channel = FileChannel.open(beside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        }
        Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    static void deleteTree(Path top) throws IOException {
        if (!Files.exists(top)) {
            return;
        }
        try (var walk = Files.walk(top)) {
            for (var path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }
}
