/** Model families, one readable file each, written against {@link longreach.tensor.kernel.Kernels}. */
package longreach.lm.model;
