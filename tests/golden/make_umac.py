"""Tags of UMAC-128 (RFC 4418) from GNU Nettle, for context-store's UniversalHashTest.

    python3 make_umac.py > ../../context-store/src/test/resources/umac128.csv

Lines: key, kind of message, length, tag; the nonce is 16 bytes of 7. Messages: "pattern" has byte i =
(31 i i + 7 i + i / 1000) mod 256, "ones" has 255 everywhere.
"""

import ctypes
import ctypes.util

LENGTHS = [0, 1, 3, 31, 32, 33, 64, 1000, 1023, 1024, 1025, 1056, 2048, 2049, 5000, 65536, 1 << 20, (1 << 24) - 1, 1 << 24,
           (1 << 24) + 1, (1 << 24) + 1024, (1 << 24) + 1025, (1 << 24) + 2048, (1 << 24) + 5000, (1 << 25) + 100]
KEYS = [bytes(range(16)), b"\xff" * 16, b"abcdefghijklmnop"]


def message(kind, length):
    if kind == "ones":
        return b"\xff" * length
    return bytes((31 * i * i + 7 * i + i // 1000) & 255 for i in range(length))


def main():
    nettle = ctypes.CDLL(ctypes.util.find_library("nettle"))
    pattern = message("pattern", max(LENGTHS))
    nonce = b"\x07" * 16
    for key in KEYS:
        for kind in ("pattern", "ones"):
            for length in LENGTHS:
                if kind == "ones" and length not in (0, 33, 1024, 5000, (1 << 24) + 5000):
                    continue
                data = pattern[:length] if kind == "pattern" else message(kind, length)
                context = ctypes.create_string_buffer(1 << 16)
                nettle.nettle_umac128_set_key(context, key)
                nettle.nettle_umac128_set_nonce(context, ctypes.c_size_t(16), nonce)
                nettle.nettle_umac128_update(context, ctypes.c_size_t(len(data)), data)
                tag = ctypes.create_string_buffer(16)
                nettle.nettle_umac128_digest(context, ctypes.c_size_t(16), tag)
                print(f"{key.hex()},{kind},{length},{tag.raw.hex()}")


main()
