/** Video: frames sampled at a rate, unchanged ones passed over, and the text on screen with its time. */
package longreach.vision.video;
