/**
 * Memory of connections: accounts, budgets, and which connections are closed when memory is short.
 */
@NullMarked
package io.signetmesh.proxy.memory;

import org.jspecify.annotations.NullMarked;
