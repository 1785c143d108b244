/**
 * Whisper (Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, 2022): the CTranslate2 weight
 * file, the encoder, the decoder with its two caches, and greedy decoding with timestamps. Hyper-parameters come from
 * the checkpoint, so that every size of the family runs.
 */
package longreach.audio.whisper;
