/** Still images: size checked before anything is decoded, turned as the camera says, and read. */
package longreach.vision.image;
