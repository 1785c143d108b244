package longreach.store.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import longreach.store.api.ChunkHeader;
import longreach.store.api.ChunkKey;
import longreach.store.api.Codec;
import longreach.store.api.Digest;
import longreach.store.api.Lookup;
import longreach.store.api.MissReason;
import longreach.store.api.Tenant;
import org.junit.jupiter.api.Test;

class ChunkFormatTest {
    private static final int PAYLOAD = 1000;
    private static final int LAYOUT = 7;
    private static final StoreSecret SECRET = StoreSecret.of(new byte[32]);
    private static final Tenant TENANT = SECRET.tenant("tenant");
    private static final ChunkKey KEY = new ChunkKey(Digest.ofHex("ab".repeat(32)));
    private static final ChunkKey PARENT = new ChunkKey(Digest.ofHex("cd".repeat(32)));

    private final ChunkFormat format = new ChunkFormat(SECRET);

    @Test
    void whatIsSealedIsOpened() {
        MemorySegment value = sealed(format, TENANT);
        Lookup.Hit hit = (Lookup.Hit) format.open(TENANT, LAYOUT, KEY, value);
        assertThat(hit.chunk().header()).isEqualTo(header());
        assertThat(hit.chunk().payload().mismatch(payload())).isEqualTo(-1);
        assertThat(hit.chunk().payload().isReadOnly()).isTrue();
        assertThat(hit.chunk().payload().address() % 64).isZero();
    }

    @Test
    void everyFlippedBitIsAMiss() {
        for (long offset = 0; offset < sealed(format, TENANT).byteSize(); offset++) {
            MemorySegment value = sealed(format, TENANT);
            byte flipped = (byte) (value.get(ValueLayout.JAVA_BYTE, offset) ^ 1 << (offset % 8));
            value.set(ValueLayout.JAVA_BYTE, offset, flipped);
            MissReason reason = miss(format, TENANT, LAYOUT, KEY, value);
            if (offset == 8 || offset == 9) {
                assertThat(reason).as("byte %d", offset).isEqualTo(MissReason.WRONG_VERSION);
            } else if (offset >= value.byteSize() - 32) {
                assertThat(reason).as("byte %d", offset).isEqualTo(MissReason.FORGED);
            } else {
                assertThat(reason).as("byte %d", offset).isEqualTo(MissReason.CORRUPT);
            }
        }
    }

    @Test
    void everyTruncationIsAMiss() {
        MemorySegment value = sealed(format, TENANT);
        for (long length = 0; length < value.byteSize(); length++) {
            assertThat(miss(format, TENANT, LAYOUT, KEY, value.asSlice(0, length)))
                    .isEqualTo(MissReason.CORRUPT);
        }
    }

    @Test
    void foreignSwappedAndOtherLayoutsAreTold() {
        MemorySegment value = sealed(format, TENANT);
        assertThat(miss(new ChunkFormat(StoreSecret.random()), TENANT, LAYOUT, KEY, value))
                .isEqualTo(MissReason.FORGED);
        assertThat(miss(format, SECRET.tenant("other"), LAYOUT, KEY, value)).isEqualTo(MissReason.FORGED);
        assertThat(miss(format, TENANT, LAYOUT, PARENT, value)).isEqualTo(MissReason.WRONG_KEY);
        assertThat(miss(format, TENANT, LAYOUT + 1, KEY, value)).isEqualTo(MissReason.WRONG_VERSION);
    }

    @Test
    void anOlderFormatIsTold() {
        MemorySegment value = sealed(format, TENANT);
        value.set(ValueLayout.JAVA_SHORT_UNALIGNED, 8, (short) (ChunkFormat.FORMAT_VERSION - 1));
        assertThat(miss(format, TENANT, LAYOUT, KEY, value)).isEqualTo(MissReason.WRONG_VERSION);
    }

    /** Beyond one block of the hash, whichever kernel it takes. */
    @Test
    void aFlippedBitOfALargeValueIsAMiss() {
        int bytes = 300_000;
        MemorySegment value = Arena.ofAuto().allocate(bytes + ChunkFormat.OVERHEAD_BYTES, 64);
        var header = new ChunkHeader(LAYOUT, KEY, PARENT, 0, 256, Codec.F16, bytes);
        format.seal(TENANT, header, value);
        assertThat(format.open(TENANT, LAYOUT, KEY, value)).isInstanceOf(Lookup.Hit.class);
        ChunkFormat.warmUp(value.asSlice(0, 64 << 10));
        assertThat(format.open(TENANT, LAYOUT, KEY, value)).isInstanceOf(Lookup.Hit.class);
        Random random = new Random(9);
        for (int i = 0; i < 500; i++) {
            long at = ChunkFormat.HEADER_BYTES + random.nextInt(bytes);
            int bit = 1 << random.nextInt(8);
            value.set(ValueLayout.JAVA_BYTE, at, (byte) (value.get(ValueLayout.JAVA_BYTE, at) ^ bit));
            assertThat(miss(format, TENANT, LAYOUT, KEY, value)).isEqualTo(MissReason.CORRUPT);
            value.set(ValueLayout.JAVA_BYTE, at, (byte) (value.get(ValueLayout.JAVA_BYTE, at) ^ bit));
        }
    }

    /** Whatever stands in Redis: an answer, never an exception, and never a hit. */
    @Test
    void noiseIsNeverTakenAndNeverThrows() {
        long seed = System.nanoTime();
        System.out.println("ChunkFormatTest seed " + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            MemorySegment value;
            if (i % 2 == 0) {
                byte[] noise = new byte[random.nextInt(2 * ChunkFormat.OVERHEAD_BYTES)];
                random.nextBytes(noise);
                value = MemorySegment.ofArray(noise);
            } else {
                // A sound start, so that noise reaches the fields behind it.
                value = sealed(format, TENANT);
                int from = 8 + random.nextInt(ChunkFormat.HEADER_BYTES - 8);
                byte[] noise = new byte[1 + random.nextInt(16)];
                do {
                    random.nextBytes(noise);
                } while (MemorySegment.ofArray(noise).mismatch(value.asSlice(from, noise.length)) == -1);
                MemorySegment.copy(noise, 0, value, ValueLayout.JAVA_BYTE, from, noise.length);
            }
            assertThat(format.open(TENANT, LAYOUT, KEY, value))
                    .as("seed %d, case %d", seed, i)
                    .isInstanceOf(Lookup.Miss.class);
        }
    }

    private static MissReason miss(ChunkFormat format, Tenant tenant, int layout, ChunkKey key, MemorySegment value) {
        return ((Lookup.Miss) format.open(tenant, layout, key, value)).reason();
    }

    private static MemorySegment sealed(ChunkFormat format, Tenant tenant) {
        MemorySegment value = Arena.ofAuto().allocate(PAYLOAD + ChunkFormat.OVERHEAD_BYTES, 64);
        ChunkFormat.payload(value).copyFrom(payload());
        format.seal(tenant, header(), value);
        return value;
    }

    private static ChunkHeader header() {
        return new ChunkHeader(LAYOUT, KEY, PARENT, 256, 200, Codec.F16, PAYLOAD);
    }

    private static MemorySegment payload() {
        byte[] bytes = new byte[PAYLOAD];
        new Random(5).nextBytes(bytes);
        return MemorySegment.ofArray(bytes);
    }
}
