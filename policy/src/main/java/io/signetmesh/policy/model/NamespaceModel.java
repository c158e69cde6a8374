package io.signetmesh.policy.model;

/**
 * A namespace.
 *
 * @param ref the object
 * @param origin where it is written
 * @param annotations what workloads without such annotations inherit
 */
public record NamespaceModel(ObjectRef ref, String origin, PolicyAnnotations annotations)
    implements PolicyObject {}
