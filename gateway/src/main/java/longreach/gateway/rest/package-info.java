/** The HTTP surface: JSON in and out, server-sent events, and the upload protocols. No logic of its own. */
package longreach.gateway.rest;
