/** Media to text pieces, through the encoder services, once for the same bytes and options. */
package longreach.gateway.media;
