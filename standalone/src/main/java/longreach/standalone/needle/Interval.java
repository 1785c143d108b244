package longreach.standalone.needle;

/** Wilson's interval of a proportion (Wilson 1927), at 95 %. */
record Interval(double low, double high) {
    private static final double Z = 1.959964;

    static Interval of(int found, int asked) {
        if (asked == 0) {
            return new Interval(0, 1);
        }
        double p = (double) found / asked;
        double z2 = Z * Z;
        double centre = (p + z2 / (2 * asked)) / (1 + z2 / asked);
        double half = Z / (1 + z2 / asked) * Math.sqrt(p * (1 - p) / asked + z2 / (4.0 * asked * asked));
        return new Interval(Math.max(0, centre - half), Math.min(1, centre + half));
    }
}
