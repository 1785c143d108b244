/** A core that computes nothing, and clients that cost little, to measure what stands between the two. */
package longreach.standalone.load;
