/**
 * Request paths and the paths of routes, read in one way by everybody: the proxy that decides, and
 * the admission checks that say what a route will match.
 */
@org.jspecify.annotations.NullMarked
package io.signetmesh.path;
