/** From the fragments of a page to its text in reading order. */
package longreach.vision.layout;
