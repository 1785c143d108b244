/** Models that see: pictures through the tower into the language model, against the reference. */
package longreach.tests.eyes;
