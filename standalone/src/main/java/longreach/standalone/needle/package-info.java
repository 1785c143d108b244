/** Needles in haystacks: facts planted in long prose, asked for under each way of seeing the context. */
package longreach.standalone.needle;
