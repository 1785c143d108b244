package longreach.tensor.kernel;

/** The error function in f64, absolute error below 1e-13 (far below f32's resolution). */
final class Erf {
    private Erf() {}

    /**
     * erf(z): its Taylor series (Abramowitz and Stegun 7.1.6) up to |z| = 3, beyond that the continued fraction of erfc
     * (7.1.14), both in the form without cancellation.
     */
    static double erf(double z) {
        double a = Math.abs(z);
        if (a > 6) {
            return Double.isNaN(z) ? z : Math.signum(z);
        }
        if (a <= 3) {
            double term = z;
            double sum = z;
            for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
                term *= 2 * z * z / (2 * n + 1);
                sum += term;
            }
            return 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
        }
        double fraction = a;
        for (int n = 60; n > 0; n--) {
            fraction = a + n / 2.0 / fraction;
        }
        return Math.copySign(1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction, z);
    }
}
