/**
 * Request paths and paths of routes. The proxy, which decides, and the admission rules, which say
 * what a route will match, share this one interpretation.
 */
@org.jspecify.annotations.NullMarked
package io.signetmesh.path;
