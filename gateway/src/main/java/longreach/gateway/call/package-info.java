/** Calls to the other services: blocking, with back-pressure, and cancelled as soon as the caller is gone. */
package longreach.gateway.call;
