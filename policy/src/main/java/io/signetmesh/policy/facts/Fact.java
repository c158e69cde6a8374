package io.signetmesh.policy.facts;

/** What is known about one object. */
public sealed interface Fact
    permits ClientPolicyFact,
        MeshTlsFact,
        NamespaceFact,
        NetworkFact,
        RateLimitFact,
        RouteFact,
        ServerAuthorizationFact,
        ServerFact,
        ServiceAccountFact,
        UnusableFact,
        WorkloadFact {
  /** The object. */
  ObjectRef ref();

  /** Where the object is written, {@code file:line:column}; empty when it has no such place. */
  String origin();
}
