package longreach.vision.ocr;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * From a map of text probabilities to text regions: the post-processing of differentiable binarization (Liao et al.,
 * "Real-time Scene Text Detection with Differentiable Binarization", arXiv 1911.08947, section 3.4). Connected
 * components above a threshold, the smallest rotated rectangle around each, grown by area * ratio / perimeter because
 * the network is trained on shrunken text.
 */
final class RegionFinder {
    // The network's published settings, but for the growth, which keeps ascenders of large slide text whole.
    private static final float PIXEL_THRESHOLD = 0.3f;
    private static final float REGION_THRESHOLD = 0.55f;
    private static final float GROWTH = 1.6f;
    private static final float MIN_SIDE = 3f;

    private final float[] map;
    private final int width;
    private final int height;
    private final boolean[] visited;
    // Flood-fill queue; a component's pixels lie in it in the order in which they were reached.
    private final int[] queue;

    /** @param map text probabilities, f32[height, width] */
    RegionFinder(float[] map, int width, int height) {
        this.map = map;
        this.width = width;
        this.height = height;
        this.visited = new boolean[width * height];
        this.queue = new int[width * height];
    }

    /** Regions in pixels of an image that is scaleX, scaleY times as large as the map; at most {@code limit}. */
    List<TextRegion> find(float scaleX, float scaleY, int limit) {
        var regions = new ArrayList<TextRegion>();
        for (int start = 0; start < map.length && regions.size() < limit; start++) {
            if (visited[start] || map[start] < PIXEL_THRESHOLD) {
                continue;
            }
            int size = fill(start);
            double sum = 0;
            for (int i = 0; i < size; i++) {
                sum += map[queue[i]];
            }
            float score = (float) (sum / size);
            if (score < REGION_THRESHOLD) {
                continue;
            }
            TextRegion region = smallestRectangle(hull(size), scaleX, scaleY, score);
            if (region != null) {
                regions.add(region);
            }
        }
        return regions;
    }

    private int fill(int start) {
        int head = 0;
        int tail = 0;
        queue[tail++] = start;
        visited[start] = true;
        while (head < tail) {
            int at = queue[head++];
            int x = at % width;
            int y = at / width;
            for (int ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
                for (int nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
                    int next = ny * width + nx;
                    if (!visited[next] && map[next] >= PIXEL_THRESHOLD) {
                        visited[next] = true;
                        queue[tail++] = next;
                    }
                }
            }
        }
        return tail;
    }

    /** Convex hull (monotone chain) of the component's row ends, as x, y pairs in order. */
    private double[] hull(int size) {
        int minY = height;
        int maxY = 0;
        for (int i = 0; i < size; i++) {
            minY = Math.min(minY, queue[i] / width);
            maxY = Math.max(maxY, queue[i] / width);
        }
        int rows = maxY - minY + 1;
        int[] lefts = new int[rows];
        int[] rights = new int[rows];
        Arrays.fill(lefts, width);
        Arrays.fill(rights, -1);
        for (int i = 0; i < size; i++) {
            int row = queue[i] / width - minY;
            int x = queue[i] % width;
            lefts[row] = Math.min(lefts[row], x);
            rights[row] = Math.max(rights[row], x + 1);
        }
        // Pixel areas, not centres: each row gives its two ends at its upper and lower edge.
        double[][] points = new double[rows * 4][];
        int n = 0;
        for (int row = 0; row < rows; row++) {
            for (int edge = 0; edge <= 1; edge++) {
                points[n++] = new double[] {lefts[row], minY + row + edge};
                points[n++] = new double[] {rights[row], minY + row + edge};
            }
        }
        Arrays.sort(points, (a, b) -> a[0] != b[0] ? Double.compare(a[0], b[0]) : Double.compare(a[1], b[1]));
        double[][] chain = new double[2 * n + 2][];
        int k = 0;
        for (double[] p : points) {
            while (k >= 2 && cross(chain[k - 2], chain[k - 1], p) <= 0) {
                k--;
            }
            chain[k++] = p;
        }
        int lower = k + 1;
        for (int i = n - 2; i >= 0; i--) {
            while (k >= lower && cross(chain[k - 2], chain[k - 1], points[i]) <= 0) {
                k--;
            }
            chain[k++] = points[i];
        }
        double[] out = new double[2 * (k - 1)];
        for (int i = 0; i < k - 1; i++) {
            out[2 * i] = chain[i][0];
            out[2 * i + 1] = chain[i][1];
        }
        return out;
    }

    private static double cross(double[] o, double[] a, double[] b) {
        return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    }

    /** One side of the smallest rectangle lies on a side of the hull, so each side is tried. */
    private static TextRegion smallestRectangle(double[] hull, float scaleX, float scaleY, float score) {
        int n = hull.length / 2;
        double best = Double.MAX_VALUE;
        double[] found = null;
        for (int i = 0; i < n; i++) {
            int j = (i + 1) % n;
            double dx = (hull[2 * j] - hull[2 * i]) * scaleX;
            double dy = (hull[2 * j + 1] - hull[2 * i + 1]) * scaleY;
            double length = Math.hypot(dx, dy);
            if (length < 1e-9) {
                continue;
            }
            dx /= length;
            dy /= length;
            double minU = Double.MAX_VALUE;
            double maxU = -Double.MAX_VALUE;
            double minV = Double.MAX_VALUE;
            double maxV = -Double.MAX_VALUE;
            for (int p = 0; p < n; p++) {
                double x = hull[2 * p] * scaleX;
                double y = hull[2 * p + 1] * scaleY;
                double u = x * dx + y * dy;
                double v = -x * dy + y * dx;
                minU = Math.min(minU, u);
                maxU = Math.max(maxU, u);
                minV = Math.min(minV, v);
                maxV = Math.max(maxV, v);
            }
            double area = (maxU - minU) * (maxV - minV);
            if (area < best) {
                best = area;
                found = new double[] {dx, dy, minU, maxU, minV, maxV};
            }
        }
        if (found == null) {
            return null;
        }
        double ux = found[0];
        double uy = found[1];
        double midU = (found[2] + found[3]) / 2;
        double midV = (found[4] + found[5]) / 2;
        double w = found[3] - found[2];
        double h = found[5] - found[4];
        double centreX = midU * ux - midV * uy;
        double centreY = midU * uy + midV * ux;
        // The width axis is the one nearer to the horizontal, pointing right.
        if (Math.abs(ux) < Math.abs(uy)) {
            double t = ux;
            ux = uy;
            uy = -t;
            t = w;
            w = h;
            h = t;
        }
        if (ux < 0) {
            ux = -ux;
            uy = -uy;
        }
        if (Math.min(w / scaleX, h / scaleY) < MIN_SIDE) {
            return null;
        }
        double grow = w * h * GROWTH / (2 * (w + h));
        return new TextRegion(
                (float) centreX,
                (float) centreY,
                (float) (w + 2 * grow),
                (float) (h + 2 * grow),
                (float) ux,
                (float) uy,
                score);
    }
}
