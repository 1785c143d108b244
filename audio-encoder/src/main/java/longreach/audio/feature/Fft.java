package longreach.audio.feature;

/**
 * Discrete Fourier transform of a fixed length of small prime factors, in f64, by Stockham's self-sorting algorithm
 * (Van Loan, Computational Frameworks for the FFT, 1992, section 1.7, with mixed radices). Not thread-safe.
 */
final class Fft {
    private final int n;
    private final int[] radices;
    // cos and -sin of 2 pi i / n.
    private final double[] cos;
    private final double[] sin;
    private final double[] spareRe;
    private final double[] spareIm;

    Fft(int n) {
        this.n = n;
        radices = factors(n);
        cos = new double[n];
        sin = new double[n];
        for (int i = 0; i < n; i++) {
            cos[i] = Math.cos(2 * Math.PI * i / n);
            sin[i] = -Math.sin(2 * Math.PI * i / n);
        }
        spareRe = new double[n];
        spareIm = new double[n];
    }

    private static int[] factors(int n) {
        int[] found = new int[32];
        int count = 0;
        for (int radix : new int[] {4, 5, 3, 2}) {
            while (n % radix == 0) {
                found[count++] = radix;
                n /= radix;
            }
        }
        if (n != 1) {
            throw new IllegalArgumentException("FFT length: factor " + n + " (expected: only 2, 3 and 5)");
        }
        return java.util.Arrays.copyOf(found, count);
    }

    /** X[k] = sum_j x[j] exp(-2 pi i j k / n), in place. */
    void transform(double[] re, double[] im) {
        double[] xr = re;
        double[] xi = im;
        double[] yr = spareRe;
        double[] yi = spareIm;
        int length = n;
        int stride = 1;
        for (int radix : radices) {
            pass(xr, xi, yr, yi, length, stride, radix);
            double[] tr = xr;
            double[] ti = xi;
            xr = yr;
            xi = yi;
            yr = tr;
            yi = ti;
            length /= radix;
            stride *= radix;
        }
        if (xr != re) {
            System.arraycopy(xr, 0, re, 0, n);
            System.arraycopy(xi, 0, im, 0, n);
        }
    }

    // y[q + s (r p + k)] = w^(p k s) sum_j x[q + s (p + j m)] v^(j k), with w of order n and v of order r.
    private void pass(double[] xr, double[] xi, double[] yr, double[] yi, int length, int s, int radix) {
        int m = length / radix;
        int rootStep = n / radix;
        for (int p = 0; p < m; p++) {
            for (int k = 0; k < radix; k++) {
                int turn = p * k * s;
                double wr = cos[turn];
                double wi = sin[turn];
                int to = s * (radix * p + k);
                for (int q = 0; q < s; q++) {
                    double sumRe = xr[q + s * p];
                    double sumIm = xi[q + s * p];
                    for (int j = 1, root = k * rootStep; j < radix; j++, root += k * rootStep) {
                        int index = root % n;
                        double vr = cos[index];
                        double vi = sin[index];
                        double ar = xr[q + s * (p + j * m)];
                        double ai = xi[q + s * (p + j * m)];
                        sumRe += ar * vr - ai * vi;
                        sumIm += ar * vi + ai * vr;
                    }
                    yr[to + q] = sumRe * wr - sumIm * wi;
                    yi[to + q] = sumRe * wi + sumIm * wr;
                }
            }
        }
    }
}
