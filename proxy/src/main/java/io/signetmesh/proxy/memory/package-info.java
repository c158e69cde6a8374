/**
 * What connections hold of the proxy's memory: accounts, budgets, and who goes first when there is
 * too little.
 */
@NullMarked
package io.signetmesh.proxy.memory;

import org.jspecify.annotations.NullMarked;
