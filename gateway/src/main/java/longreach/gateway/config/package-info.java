/** Settings, channels to the other services, and the servers' shape. */
package longreach.gateway.config;
