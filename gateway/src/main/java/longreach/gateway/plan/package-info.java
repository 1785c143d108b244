/** From a checked request to the conversation that the model sees: what is shown, in which order, with which marks. */
package longreach.gateway.plan;
