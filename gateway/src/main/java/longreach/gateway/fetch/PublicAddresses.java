package longreach.gateway.fetch;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/**
 * Which addresses are those of the public internet: not the special-purpose blocks of the IANA registries (RFC 6890), nor
 * IPv6 blocks that lead to IPv4 addresses inside them.
 */
final class PublicAddresses {
    private static final List<Block> SPECIAL = blocks(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            // Loopback, unspecified, and IPv4 written as IPv6.
            "0:0:0:0:0:0:0:0/16",
            "64:ff9b:0:0:0:0:0:0/32",
            "100:0:0:0:0:0:0:0/64",
            "2001:0:0:0:0:0:0:0/23",
            "2001:db8:0:0:0:0:0:0/32",
            "2002:0:0:0:0:0:0:0/16",
            "3fff:0:0:0:0:0:0:0/20",
            "5f00:0:0:0:0:0:0:0/16",
            "fc00:0:0:0:0:0:0:0/7",
            "fe80:0:0:0:0:0:0:0/9",
            "ff00:0:0:0:0:0:0:0/8");

    private PublicAddresses() {}

    private record Block(byte[] start, int bits) {
        boolean contains(byte[] address) {
            if (address.length != start.length) {
                return false;
            }
            for (int bit = 0; bit < bits; bit++) {
                int mask = 0x80 >> (bit & 7);
                if ((address[bit >> 3] & mask) != (start[bit >> 3] & mask)) {
                    return false;
                }
            }
            return true;
        }
    }

    private static List<Block> blocks(String... texts) {
        var blocks = new ArrayList<Block>();
        for (var text : texts) {
            int slash = text.indexOf('/');
            try {
                blocks.add(new Block(
                        InetAddress.getByName(text.substring(0, slash)).getAddress(),
                        Integer.parseInt(text.substring(slash + 1))));
            } catch (UnknownHostException e) {
                throw new IllegalStateException("a literal address is never looked up", e);
            }
        }
        return List.copyOf(blocks);
    }

    static boolean contain(InetAddress address) {
        boolean known = address instanceof Inet4Address || address instanceof Inet6Address;
        return known
                && !address.isAnyLocalAddress()
                && !address.isLoopbackAddress()
                && !address.isLinkLocalAddress()
                && !address.isSiteLocalAddress()
                && !address.isMulticastAddress()
                && SPECIAL.stream().noneMatch(block -> block.contains(address.getAddress()));
    }
}
