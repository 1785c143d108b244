package longreach.tensor.kernel;

import org.bytedeco.javacpp.Pointer;

/** Native memory at a given address, for JavaCPP; nobody's owner. */
final class NativeAddress extends Pointer {
    NativeAddress at(long address) {
        this.address = address;
        return this;
    }
}
