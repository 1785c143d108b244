/** The models that are served, as Gemini describes models. */
package longreach.gateway.models;
