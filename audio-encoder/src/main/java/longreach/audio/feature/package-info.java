/** Samples to features: Whisper's log-mel spectrogram. */
package longreach.audio.feature;
