package longreach.lm.grammar;

import java.util.List;

/** A piece of a grammar. Nodes are told apart by identity; a graph of them is closed by {@link Rule}. */
sealed interface Node permits Leaf, Node.All, Node.Any, Node.Rule, Node.Members, Node.Items {
    /** One after the other; at least one. */
    final class All implements Node {
        final List<Node> parts;

        All(List<Node> parts) {
            this.parts = List.copyOf(parts);
        }

        static Node of(Node... parts) {
            return parts.length == 1 ? parts[0] : new All(List.of(parts));
        }
    }

    /** One of them. */
    final class Any implements Node {
        final List<Node> choices;

        Any(List<Node> choices) {
            this.choices = List.copyOf(choices);
        }
    }

    /** A node that is known later, so that a grammar may contain itself. */
    final class Rule implements Node {
        Node target;
    }

    /**
     * The inside of an object after its opening brace: members in their order, those that are not required may be left
     * out, and then others with keys of their own. The count is of members so far.
     */
    final class Members implements Node {
        /** @param first spelling of the key with its colon @param later the same behind a comma */
        record Member(Node first, Node later, Node value, boolean required) {}

        final List<Member> members;
        /** May come at the end, any number of times; null: none. */
        final Member other;

        final int min;
        final int max;
        /** Required members from each index on. */
        final int[] requiredFrom;
        /** Members from each index on that have a value of finite depth. */
        int[] possibleFrom;
        /** Whether there are others, and they have one. */
        boolean otherFits;

        /** @param max {@link Integer#MAX_VALUE}: without end */
        Members(List<Member> members, Member other, int min, int max) {
            this.members = List.copyOf(members);
            this.other = other;
            this.min = min;
            this.max = max;
            requiredFrom = new int[members.size() + 1];
            for (int i = members.size() - 1; i >= 0; i--) {
                requiredFrom[i] = requiredFrom[i + 1] + (members.get(i).required() ? 1 : 0);
            }
        }
    }

    /** The inside of an array after its opening bracket: the first items by their own nodes, the rest by one. */
    final class Items implements Node {
        final List<Node> first;
        /** Null: none after the first ones. */
        final Node rest;

        final int min;
        final int max;

        Items(List<Node> first, Node rest, int min, int max) {
            this.first = List.copyOf(first);
            this.rest = rest;
            this.min = min;
            this.max = max;
        }

        Node item(int index) {
            return index < first.size() ? first.get(index) : rest;
        }
    }
}
