/**
 * The binary forms: header, payload and seal of a chunk or an artifact in one value, and the secret they are sealed
 * with. Everything read here is hostile until its seal is verified.
 */
package longreach.store.codec;
