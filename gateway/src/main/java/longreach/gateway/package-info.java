/**
 * The public front of Longreach: Gemini's wire format over gRPC and over REST with SSE. A request is authenticated,
 * checked, planned into a conversation that the language model can read, sent to lm-core and answered with usage,
 * citations and a cache receipt. Files are kept on disk and read once, when they are uploaded.
 */
package longreach.gateway;
