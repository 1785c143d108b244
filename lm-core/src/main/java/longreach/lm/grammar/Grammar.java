package longreach.lm.grammar;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * A pushdown grammar over bytes, run as a lazily made automaton: a {@link Position} is the set of stacks that the bytes so
 * far may have led to, equal positions are one object, and each remembers where a byte led from it.
 *
 * <p>No position is a dead end. Leaves have none; a node is entered only when the stack has room for the deepest that it
 * cannot avoid. Where a grammar is so ambiguous that too many stacks are alive, the later ones are forgotten: what is
 * left still ends well.
 *
 * <p>Safe for use by several threads.
 */
public final class Grammar {
    /** Frames of one stack. A level of nesting takes two. */
    static final int MAX_DEPTH = 200;

    private static final int MAX_STACKS = 256;
    // When so many are remembered, remembering begins anew; those in use live on.
    private static final int MAX_POSITIONS = 4096;
    private static final int MAX_FRAMES = 40_000;
    // State of a frame whose node has not begun.
    private static final long BEGIN = -1;

    private final Node root;
    private final Map<Node, Integer> needs;
    private final Map<Frame, Frame> frames = new HashMap<>();
    private final Map<Position, Position> positions = new HashMap<>();
    private final Position begin;

    /** @throws SchemaException when no finite text is in the language */
    Grammar(Node root) {
        this.root = root;
        needs = Depths.of(root);
        if (needs.get(root) > MAX_DEPTH) {
            throw new SchemaException(
                    "",
                    "$ref",
                    needs.get(root) >= Depths.UNBOUNDED
                            ? "every value contains another one without end"
                            : "every value is nested too deeply",
                    "a schema that small values satisfy");
        }
        var entered = new Entering();
        entered.push(root, null);
        begin = entered.position();
    }

    /** Where texts begin. */
    public Position begin() {
        return begin;
    }

    Node root() {
        return root;
    }

    /** A place in the language. Belongs to its grammar. */
    public final class Position {
        // Tops are leaves that take more bytes.
        private final Frame[] tops;
        private final boolean complete;
        private final int hash;
        private Position[] next;

        private Position(Frame[] tops, boolean complete) {
            this.tops = tops;
            this.complete = complete;
            this.hash = Arrays.hashCode(tops) * 2 + (complete ? 1 : 0);
        }

        /** Whether the bytes so far are a whole text. */
        public boolean complete() {
            return complete;
        }

        /** Whether no byte may follow. */
        public boolean ended() {
            return tops.length == 0;
        }

        Frame[] tops() {
            return tops;
        }

        Grammar grammar() {
            return Grammar.this;
        }

        /** Where the byte leads, or null. */
        public Position step(int b) {
            synchronized (Grammar.this) {
                if (next == null) {
                    next = new Position[256];
                }
                Position known = next[b];
                if (known == null) {
                    known = stepped(this, b);
                    next[b] = known;
                }
                return known == NOWHERE ? null : known;
            }
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Position position
                    && position.grammar() == Grammar.this
                    && position.complete == complete
                    && Arrays.equals(position.tops, tops);
        }
    }

    private final Position NOWHERE = new Position(new Frame[0], false);

    private Position stepped(Position from, int b) {
        var entered = new Entering();
        for (Frame top : from.tops) {
            var leaf = (Leaf) top.node();
            long state = leaf.step(top.state(), b);
            if (state >= 0) {
                entered.take(leaf, state, top.below());
            }
        }
        return entered.isEmpty() ? NOWHERE : entered.position();
    }

    /** Where the end of a leaf with these frames below leads. */
    Position after(Frame below) {
        synchronized (this) {
            var entered = new Entering();
            entered.resume(below);
            return entered.position();
        }
    }

    /** Collects the stacks of a position. */
    private final class Entering {
        private final Set<Frame> tops = new LinkedHashSet<>();
        // Many ways may lead to the same work; it is done once.
        private final Set<Frame> resumed = new HashSet<>();
        private final Set<Frame> begun = new HashSet<>();
        private boolean complete;

        boolean isEmpty() {
            return tops.isEmpty() && !complete;
        }

        Position position() {
            if (positions.size() >= MAX_POSITIONS || frames.size() >= MAX_FRAMES) {
                positions.clear();
                frames.clear();
            }
            var position = new Position(tops.toArray(Frame[]::new), complete);
            Position known = positions.putIfAbsent(position, position);
            return known == null ? position : known;
        }

        void take(Leaf leaf, long state, Frame below) {
            if (leaf.continues(state) && tops.size() < MAX_STACKS) {
                tops.add(frame(leaf, state, below));
            }
            if (leaf.accepting(state)) {
                resume(below);
            }
        }

        /** Begins a node. */
        void push(Node node, Frame below) {
            if (tops.size() >= MAX_STACKS || Frame.depthOf(below) + needs.get(node) > MAX_DEPTH) {
                return;
            }
            switch (node) {
                case Leaf leaf -> take(leaf, leaf.start(), below);
                case Node.All all -> push(all.parts.getFirst(), all.parts.size() > 1 ? frame(all, 1, below) : below);
                case Node.Any any -> any.choices.forEach(choice -> push(choice, below));
                case Node.Rule rule -> {
                    if (begun.add(frame(rule, BEGIN, below))) {
                        push(rule.target, below);
                    }
                }
                case Node.Members members -> members(members, 0, 0, below);
                case Node.Items items -> items(items, 0, below);
            }
        }

        /** Goes on with what lies on top. */
        void resume(Frame top) {
            if (top == null) {
                complete = true;
                return;
            }
            if (!resumed.add(top)) {
                return;
            }
            if (top.state() == BEGIN) {
                push(top.node(), top.below());
                return;
            }
            int state = (int) top.state();
            switch (top.node()) {
                case Node.All all ->
                    push(
                            all.parts.get(state),
                            state + 1 < all.parts.size() ? frame(all, state + 1, top.below()) : top.below());
                case Node.Members members ->
                    members(members, (int) (top.state() >> 32), (int) top.state(), top.below());
                case Node.Items items -> items(items, state, top.below());
                case Leaf leaf -> throw nothingLeft();
                case Node.Any any -> throw nothingLeft();
                case Node.Rule rule -> throw nothingLeft();
            }
        }

        private static IllegalStateException nothingLeft() {
            return new IllegalStateException("nothing is left to do in such a node");
        }

        private boolean hasRoom(Frame after, Node value) {
            return Frame.depthOf(after) + Math.max(Depths.KEY, needs.get(value)) <= MAX_DEPTH;
        }

        /** @param index of the next member @param count of members so far */
        private void members(Node.Members node, int index, int count, Frame below) {
            int last = node.members.size();
            for (int i = index; i < last; i++) {
                var member = node.members.get(i);
                boolean fits = count + 1 + node.requiredFrom[i + 1] <= node.max;
                boolean enough = node.otherFits || count + node.possibleFrom[i] >= node.min;
                if ((fits || member.required()) && enough) {
                    member(member, frame(node, (long) (i + 1) << 32 | count + 1, below), count);
                }
                if (member.required()) {
                    return;
                }
            }
            if (node.otherFits && count < node.max) {
                member(node.other, frame(node, (long) last << 32 | count + 1, below), count);
            }
            if (count >= node.min) {
                resume(below);
            }
        }

        private void member(Node.Members.Member member, Frame after, int count) {
            if (hasRoom(after, member.value())) {
                push(count == 0 ? member.first() : member.later(), frame(member.value(), BEGIN, after));
            }
        }

        private void items(Node.Items node, int count, Frame below) {
            Node item = node.item(count);
            if (item != null && count < node.max) {
                Frame after = frame(node, count + 1, below);
                if (count == 0) {
                    push(item, after);
                } else if (hasRoom(after, item)) {
                    push(JsonText.COMMA, frame(item, BEGIN, after));
                }
            }
            if (count >= node.min) {
                resume(below);
            }
        }
    }

    private Frame frame(Node node, long state, Frame below) {
        var frame = new Frame(node, state, below, Frame.depthOf(below) + 1);
        Frame known = frames.putIfAbsent(frame, frame);
        return known == null ? frame : known;
    }
}
