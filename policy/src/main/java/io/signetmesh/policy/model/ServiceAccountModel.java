package io.signetmesh.policy.model;

/**
 * A service account. Policy refers to it by name alone; that it exists only matters to findings.
 *
 * @param ref the object
 * @param origin where it is written
 */
public record ServiceAccountModel(ObjectRef ref, String origin) implements PolicyObject {}
