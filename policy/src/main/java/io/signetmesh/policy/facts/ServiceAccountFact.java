package io.signetmesh.policy.facts;

/**
 * A service account. Policy refers to it by name alone; that it exists only matters to findings.
 *
 * @param ref the object
 * @param origin where it is written
 */
public record ServiceAccountFact(ObjectRef ref, String origin) implements Fact {}
