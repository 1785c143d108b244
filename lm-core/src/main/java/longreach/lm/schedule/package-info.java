/** Whose turn it is: a bounded queue that is fair to tenants, and the share of each step that prefill may take. */
package longreach.lm.schedule;
