package longreach.gateway.plan;

import longreach.v1.SourceMark;

/** The smallest run of source text that an answer can cite: a page's text, or what was said or seen in a span of time. */
public record Passage(SourceMark mark, String text) {}
