/** PDF and text files to text pieces with their pages. */
package longreach.vision.document;
