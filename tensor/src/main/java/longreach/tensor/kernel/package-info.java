/**
 * The arithmetic of the models. {@link longreach.tensor.kernel.Kernels} is what model families are written against;
 * {@link longreach.tensor.kernel.ScalarKernels} says what each operation means, and
 * {@link longreach.tensor.kernel.KernelSelector} chooses the fastest implementation that this machine has.
 */
package longreach.tensor.kernel;
