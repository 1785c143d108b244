/** Hostile files: whole ones and their mutations, read by the code that users' files reach. */
package longreach.tests.fuzz;
