/** Gemma 3n's audio tower, a conformer, with the embedder that gives soft tokens of the text model's width. */
package longreach.audio.conformer;
