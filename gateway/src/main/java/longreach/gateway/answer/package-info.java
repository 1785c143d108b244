/** From the plan to the answer: the call to lm-core, usage, citations and the cache receipt. */
package longreach.gateway.answer;
