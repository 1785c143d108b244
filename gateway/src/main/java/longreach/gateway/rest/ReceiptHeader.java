package longreach.gateway.rest;

import jakarta.servlet.http.HttpServletResponse;
import longreach.gemini.v1beta.LongreachReceipt;

/** The receipt as a header, for clients whose types have no field for it. */
final class ReceiptHeader {
    static final String NAME = "x-longreach-receipt";

    private ReceiptHeader() {}

    static void set(HttpServletResponse response, LongreachReceipt receipt) {
        response.setHeader(NAME, ascii(Json.print(receipt)));
    }

    /** Headers are ASCII, and JSON can say everything in it. */
    static String ascii(String json) {
        var out = new StringBuilder(json.length());
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (c < 0x7f) {
                out.append(c);
            } else {
                out.append(String.format("\\u%04x", (int) c));
            }
        }
        return out.toString();
    }
}
