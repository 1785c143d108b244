package longreach.lm.grammar;

/**
 * What is still to do in one node, and, below, in those around it. Frames of one grammar are shared: equal ones are the
 * same object, so a stack is known by its top.
 *
 * @param state of a leaf its state, else how far the node has come
 * @param below null: nothing is left to do afterwards
 */
record Frame(Node node, long state, Frame below, int depth) {
    static int depthOf(Frame frame) {
        return frame == null ? 0 : frame.depth;
    }

    @Override
    public int hashCode() {
        return (node.hashCode() * 31 + Long.hashCode(state)) * 31 + System.identityHashCode(below);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Frame frame && frame.node.equals(node) && frame.state == state && frame.below == below;
    }
}
