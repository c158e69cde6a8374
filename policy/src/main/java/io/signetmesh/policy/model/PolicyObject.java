package io.signetmesh.policy.model;

/** One object of the policy model. */
public sealed interface PolicyObject
    permits ClientPolicyModel,
        JwtModel,
        MeshTlsModel,
        NamespaceModel,
        NetworkModel,
        RateLimitModel,
        RegoModel,
        RouteModel,
        ServerAuthorizationModel,
        ServerModel,
        ServiceAccountModel,
        UnusableModel,
        WorkloadModel {
  /** The object. */
  ObjectRef ref();

  /** Where the object is written, {@code file:line:column}; empty when it has no such place. */
  String origin();
}
