/** What the readers share: the type of a file, its limits, the steps they compute in, and where pieces go. */
package longreach.vision.media;
