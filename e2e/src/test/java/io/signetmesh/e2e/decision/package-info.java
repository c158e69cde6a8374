/**
 * The decision cases of {@code decision-cases/}: the same ones offline and through real proxies.
 */
@NullMarked
package io.signetmesh.e2e.decision;

import org.jspecify.annotations.NullMarked;
