/** Media from web addresses, fetched so that nobody can have the server read what only the server can reach. */
package longreach.gateway.fetch;
