/**
 * Audio encoder service: any audio track to text with times. Sound is decoded as a stream ({@code decode}), cut into
 * stretches of speech ({@code vad}), packed into windows of at most thirty seconds and transcribed ({@code transcript},
 * {@code whisper}); {@code rpc} is the thin gRPC shell. Everything but the shell and the application class is plain
 * Java.
 */
package longreach.audio;
