/**
 * Work on hostile bytes by native code, in a process of its own: started ahead, limited, cut off from files and network,
 * and killed when it crashes, hangs or is no longer wanted. {@link longreach.tensor.process.ChildPool} and {@link
 * longreach.tensor.process.Child} are the service's side, {@link longreach.tensor.process.ChildMain} the child's.
 */
package longreach.tensor.process;
