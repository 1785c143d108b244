/** What serves a model: the engine here, or another server behind this one. */
package longreach.lm.backend;
