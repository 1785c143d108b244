/** The dialect of OpenAI: its requests to Gemini messages, and the answers back. */
package longreach.gateway.openai;
