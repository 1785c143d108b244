/** The exceptions that a request can end with, and their one mapping to status, JSON and HTTP. */
package longreach.gateway.error;
