/** Requests as they are checked: every later package relies on the ranges that are enforced here. */
package longreach.gateway.request;
