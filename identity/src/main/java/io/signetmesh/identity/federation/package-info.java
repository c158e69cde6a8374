/**
 * Federation with foreign trust domains (SPIFFE Federation): the endpoint that serves the own trust
 * bundle to them, and the bundles fetched from them.
 */
@NullMarked
package io.signetmesh.identity.federation;

import org.jspecify.annotations.NullMarked;
