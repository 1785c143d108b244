/**
 * Where somebody speaks: Silero VAD's probability per 32 ms, and the rules that make stretches of speech of it.
 */
package longreach.audio.vad;
