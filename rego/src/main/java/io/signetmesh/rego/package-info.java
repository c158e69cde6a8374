/**
 * Decides on requests by policies in Rego that Open Policy Agent compiled to WebAssembly.
 *
 * <p>A bundle is written by whoever may write policy, and runs in the proxy. Its time and memory
 * are bounded, it reaches nothing but its input and its own data, and whatever goes wrong in it is
 * an answer, never an exception.
 */
@NullMarked
package io.signetmesh.rego;

import org.jspecify.annotations.NullMarked;
