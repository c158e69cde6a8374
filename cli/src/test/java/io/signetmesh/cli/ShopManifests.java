package io.signetmesh.cli;

/** A small shop: a web server that its frontend may call, and an open metrics port. */
public final class ShopManifests {
  public static final String YAML =
      """
      apiVersion: v1
      kind: Pod
      metadata:
        name: web
        namespace: shop
        labels: {app: web, linkerd.io/control-plane-ns: linkerd}
        ownerReferences:
          - {apiVersion: apps/v1, kind: ReplicaSet, name: store-5d4f8c, uid: "1"}
      spec:
        serviceAccountName: web
        containers:
          - name: app
            image: example/web
            ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9000}]
      ---
      apiVersion: v1
      kind: Pod
      metadata:
        name: frontend
        namespace: shop
        labels: {app: frontend, linkerd.io/control-plane-ns: linkerd}
      spec:
        serviceAccountName: frontend
        containers: [{name: app, image: example/frontend}]
      status: {phase: Running, podIP: 10.0.0.7}
      ---
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web, namespace: shop}
      spec:
        podSelector: {matchLabels: {app: web}}
        port: http
        proxyProtocol: HTTP/1
      ---
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: metrics, namespace: shop}
      spec:
        podSelector: {matchLabels: {app: web}}
        port: metrics
        proxyProtocol: opaque
        accessPolicy: all-unauthenticated
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: MeshTLSAuthentication
      metadata: {name: frontend, namespace: shop}
      spec:
        identityRefs: [{kind: ServiceAccount, name: frontend}]
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: AuthorizationPolicy
      metadata: {name: web-clients, namespace: shop}
      spec:
        targetRef: {group: policy.linkerd.io, kind: Server, name: web}
        requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: frontend}
      """;

  private ShopManifests() {}
}
