/** API keys and the tenants that follow from them. */
package longreach.gateway.auth;
