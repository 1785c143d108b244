/** What an operator starts: the compose file and the image, checked without a container engine. */
package longreach.tests.deploy;
