/** Images to soft tokens: the SigLIP tower and the projector of Gemma 3, and what is done to pixels before them. */
package longreach.vision.siglip;
