/** What happens when the store is damaged, foreign, slow, dead, full or lying: a miss with a reason, in bounded time. */
package longreach.tests.faults;
