/** One suite over every store: memory, the embedded Redis, and the machine's own where there is one. */
package longreach.tests.contract;
