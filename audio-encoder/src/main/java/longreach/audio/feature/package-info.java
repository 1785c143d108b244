/** Samples to features: the log-mel spectrograms of Whisper and of Gemma 3n. */
package longreach.audio.feature;
