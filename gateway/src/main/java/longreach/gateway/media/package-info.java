/** Media to text pieces or soft tokens, through the encoder services, once for the same bytes and options. */
package longreach.gateway.media;
