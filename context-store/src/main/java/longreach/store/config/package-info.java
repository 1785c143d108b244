/** Configuration of the store, for the control service and for whoever embeds the library. */
package longreach.store.config;
