package io.signetmesh.policy.facts;

/**
 * A namespace.
 *
 * @param ref the object
 * @param origin where it is written
 * @param annotations what workloads without such annotations take over
 */
public record NamespaceFact(ObjectRef ref, String origin, PolicyAnnotations annotations)
    implements Fact {}
