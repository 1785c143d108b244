/** What may depend on what. */
package longreach.tests.arch;
