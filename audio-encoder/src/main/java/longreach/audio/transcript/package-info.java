/** A recording of any length to timed text: stretches of speech, packed into windows, batched, mapped back in time. */
package longreach.audio.transcript;
