/** API keys, the tenants that follow from them, what tenants may use, and what is written down of their calls. */
package longreach.gateway.auth;
