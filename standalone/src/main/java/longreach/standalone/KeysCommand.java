package longreach.standalone;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.StringJoiner;
import longreach.gateway.auth.KeyFile;
import longreach.gateway.auth.KeyFile.StoredKey;
import longreach.gateway.auth.Tenant;
import org.springframework.util.unit.DataSize;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** The API keys of a data directory. A server that runs on it takes changes up within a second. */
@Command(
        name = "keys",
        description = "Create, list and revoke API keys.",
        footer = {
            "",
            "From the first key on the server demands one, also after the last one is revoked.",
            "Keys of one tenant share files, contexts and limits; those of different tenants share nothing."
        })
final class KeysCommand implements Runnable {
    /** File name within the data directory. */
    static final String FILE = "keys.json";

    /** What every subcommand has. */
    static final class Where {
        @Option(names = "--data", paramLabel = "DIR", description = "Data directory (default: ${DEFAULT-VALUE}).")
        Path data = DataDirectory.byDefault();

        @Option(names = "--json", description = "Print JSON instead of text.")
        boolean json;

        KeyFile file() {
            return new KeyFile(data.resolve(FILE), Clock.systemUTC());
        }
    }

    @Mixin
    private Where where;

    @Override
    public void run() {
        list(where);
    }

    @Command(name = "create", mixinStandardHelpOptions = true, description = "Create a key and print it, this once.")
    void create(
            @Mixin Where where,
            @Option(
                            names = "--tenant",
                            paramLabel = "NAME",
                            defaultValue = "",
                            description = "Whose it is: lower-case letters, digits, dashes (default: a new tenant).")
                    String tenant,
            @Option(names = "--label", paramLabel = "TEXT", defaultValue = "", description = "What it is for.")
                    String label,
            @Option(
                            names = "--requests",
                            paramLabel = "N",
                            defaultValue = "0",
                            description = "Most requests a minute; 0: no limit.")
                    long requests,
            @Option(
                            names = "--tokens",
                            paramLabel = "N",
                            defaultValue = "0",
                            description = "Most tokens a minute, of prompts and answers; 0: no limit.")
                    long tokens,
            @Option(
                            names = "--bytes",
                            paramLabel = "SIZE",
                            defaultValue = "0",
                            description = "Most bytes sent a minute, such as 500MB; 0: no limit.")
                    String bytes) {
        try {
            var limits = new Tenant.Limits(requests, tokens, size(bytes));
            var created = where.file().create(tenant, label, limits);
            if (where.json) {
                ClientOptions.print(json(created.stored()).put("key", created.key()));
                return;
            }
            System.out.println(created.key());
            System.err.println("key " + created.stored().id() + " of tenant "
                    + created.stored().tenant() + "; it is shown this once and kept nowhere");
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("keys create: " + e.getMessage());
        } catch (IOException e) {
            throw CommandException.failed("keys: " + e.getMessage(), e);
        }
    }

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "List the keys, without the keys themselves.")
    void list(@Mixin Where where) {
        try {
            var keys = where.file().load();
            if (where.json) {
                var out = GeminiClient.JSON.createArrayNode();
                keys.forEach(key -> out.add(json(key)));
                ClientOptions.print(out);
                return;
            }
            for (var key : keys) {
                System.out.printf(
                        "%s  %-20s %s  %-28s  %-24s  %s%n",
                        key.id(),
                        key.tenant(),
                        key.created(),
                        key.active() ? "active" : "revoked " + key.revoked(),
                        described(key.limits()),
                        key.label());
            }
            if (keys.isEmpty()) {
                System.err.println("no keys: a server on this directory takes any, on loopback only");
            }
        } catch (IOException e) {
            throw CommandException.failed("keys: " + e.getMessage(), e);
        }
    }

    @Command(name = "revoke", mixinStandardHelpOptions = true, description = "Let a key in no more.")
    void revoke(@Mixin Where where, @Parameters(paramLabel = "ID", description = "As list shows it.") String id) {
        try {
            if (!where.file().revoke(id)) {
                throw CommandException.failed("keys revoke: " + id + " (expected: the id of an active key)");
            }
            if (where.json) {
                for (var key : where.file().load()) {
                    if (key.id().equals(id)) {
                        ClientOptions.print(json(key));
                    }
                }
                return;
            }
            System.err.println("revoked " + id);
        } catch (IOException e) {
            throw CommandException.failed("keys: " + e.getMessage(), e);
        }
    }

    private static long size(String text) {
        try {
            return DataSize.parse(text).toBytes();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--bytes: " + text + " (expected: a size such as 500MB)", e);
        }
    }

    private static String described(Tenant.Limits limits) {
        var facts = new StringJoiner(", ");
        if (limits.requests() > 0) {
            facts.add(limits.requests() + " requests/min");
        }
        if (limits.tokens() > 0) {
            facts.add(limits.tokens() + " tokens/min");
        }
        if (limits.bytes() > 0) {
            facts.add(limits.bytes() + " bytes/min");
        }
        return facts.length() == 0 ? "no limits" : facts.toString();
    }

    private static ObjectNode json(StoredKey key) {
        var out = GeminiClient.JSON
                .createObjectNode()
                .put("id", key.id())
                .put("tenant", key.tenant())
                .put("label", key.label())
                .put("created", key.created())
                .put("active", key.active());
        if (!key.active()) {
            out.put("revoked", key.revoked());
        }
        out.putObject("limits")
                .put("requestsPerMinute", key.limits().requests())
                .put("tokensPerMinute", key.limits().tokens())
                .put("bytesPerMinute", key.limits().bytes());
        return out;
    }
}
