/**
 * Sound out of any container and codec that FFmpeg reads, as a stream of 16 kHz mono f32 samples. Only plain files are
 * opened: no network protocol, no playlist format, no device.
 */
package longreach.audio.decode;
