/**
 * The decision engine: one workload port's policy, compiled and indexed, and the decisions it
 * makes.
 */
@NullMarked
package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.NullMarked;
