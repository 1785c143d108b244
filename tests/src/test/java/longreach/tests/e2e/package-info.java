/** The standalone server as its users meet it: real weights, a real Redis, real media, over HTTP. */
package longreach.tests.e2e;
