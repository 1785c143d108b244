package longreach.lm.grammar;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How many frames the shallowest text of each node needs; the graph is searched for nodes that begin with themselves. */
final class Depths {
    static final int UNBOUNDED = Integer.MAX_VALUE / 2;
    /** In front of a value: a frame that remembers it, and a key of several leaves. */
    static final int KEY = 3;

    private final Map<Node, Integer> needs = new HashMap<>();
    // Parts before their wholes, as far as there is such an order.
    private final List<Node> order = new ArrayList<>();

    private Depths() {}

    /** @throws SchemaException when a node may begin with itself */
    static Map<Node, Integer> of(Node root) {
        var depths = new Depths();
        depths.collect(root);
        depths.refuseLeftRecursion();
        boolean changed = true;
        while (changed) {
            changed = false;
            for (Node node : depths.order) {
                int need = Math.min(UNBOUNDED, depths.need(node));
                changed |= depths.needs.put(node, need) != need;
            }
        }
        for (Node node : depths.order) {
            if (node instanceof Node.Members members) {
                depths.setPossible(members);
            }
        }
        return depths.needs;
    }

    private void collect(Node node) {
        if (needs.putIfAbsent(node, UNBOUNDED) != null) {
            return;
        }
        switch (node) {
            case Leaf leaf -> {}
            case Node.All all -> all.parts.forEach(this::collect);
            case Node.Any any -> any.choices.forEach(this::collect);
            case Node.Rule rule -> collect(rule.target);
            case Node.Members members -> {
                members.members.forEach(this::collect);
                if (members.other != null) {
                    collect(members.other);
                }
            }
            case Node.Items items -> {
                items.first.forEach(this::collect);
                if (items.rest != null) {
                    collect(items.rest);
                }
                collect(JsonText.COMMA);
            }
        }
        order.add(node);
    }

    private void collect(Node.Members.Member member) {
        collect(member.first());
        collect(member.later());
        collect(member.value());
    }

    private int need(Node node) {
        return switch (node) {
            case Leaf leaf -> 1;
            case Node.All all -> {
                int most = needs.get(all.parts.getLast());
                for (Node part : all.parts.subList(0, all.parts.size() - 1)) {
                    most = Math.max(most, 1 + needs.get(part));
                }
                yield most;
            }
            case Node.Any any -> any.choices.stream().mapToInt(needs::get).min().orElse(UNBOUNDED);
            case Node.Rule rule -> needs.get(rule.target);
            case Node.Members members -> need(members);
            case Node.Items items -> {
                int most = 1;
                for (int i = 0; i < Math.min(items.min, items.first.size() + 1); i++) {
                    most = Math.max(most, inner(items.item(i)));
                }
                yield most;
            }
        };
    }

    /** With the frame of the node around. */
    private int inner(Node value) {
        return 1 + Math.max(KEY, needs.get(value));
    }

    private int need(Node.Members members) {
        int most = 1;
        boolean optionalToo = members.min > members.requiredFrom[0];
        int possible = 0;
        for (var member : members.members) {
            int need = inner(member.value());
            possible += need < UNBOUNDED ? 1 : 0;
            if (member.required() || optionalToo && need < UNBOUNDED) {
                most = Math.max(most, need);
            }
        }
        if (optionalToo && possible < members.min) {
            most = Math.max(most, members.other == null ? UNBOUNDED : inner(members.other.value()));
        }
        return most;
    }

    private void setPossible(Node.Members members) {
        int count = members.members.size();
        int[] possibleFrom = new int[count + 1];
        for (int i = count - 1; i >= 0; i--) {
            possibleFrom[i] =
                    possibleFrom[i + 1] + (needs.get(members.members.get(i).value()) < UNBOUNDED ? 1 : 0);
        }
        members.possibleFrom = possibleFrom;
        members.otherFits = members.other != null && needs.get(members.other.value()) < UNBOUNDED;
    }

    private void refuseLeftRecursion() {
        Set<Node> done = new HashSet<>();
        Set<Node> entered = new HashSet<>();
        for (Node node : order) {
            visit(node, entered, done);
        }
    }

    private static void visit(Node node, Set<Node> entered, Set<Node> done) {
        if (done.contains(node)) {
            return;
        }
        if (!entered.add(node)) {
            throw new SchemaException(
                    "",
                    "$ref",
                    "a schema that is an alternative of itself",
                    "references inside objects or arrays only");
        }
        switch (node) {
            case Node.Any any -> any.choices.forEach(choice -> visit(choice, entered, done));
            case Node.Rule rule -> visit(rule.target, entered, done);
            case Node.All all -> visit(all.parts.getFirst(), entered, done);
            case Leaf leaf -> {}
            case Node.Members members -> {}
            case Node.Items items -> {}
        }
        entered.remove(node);
        done.add(node);
    }
}
