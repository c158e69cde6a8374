package io.signetmesh.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.audit.AdministrativeEvent;
import io.signetmesh.audit.AuditEvent;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PortListener;
import io.signetmesh.policy.model.ObjectRef;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Manifests of a directory, followed while they are edited. */
final class ManifestsIT {
  private static final String SHOP =
      """
      apiVersion: v1
      kind: Pod
      metadata:
        name: web
        namespace: shop
        labels: {app: web, linkerd.io/control-plane-ns: linkerd}
      spec:
        serviceAccountName: web
        containers:
          - name: web
            image: web
            ports: [{name: http, containerPort: 8080}]
      ---
      apiVersion: policy.linkerd.io/v1beta3
      kind: Server
      metadata: {name: web, namespace: shop}
      spec:
        podSelector:
          matchLabels: {app: web}
        port: http
        proxyProtocol: HTTP/1
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: AuthorizationPolicy
      metadata: {name: web, namespace: shop}
      spec:
        targetRef: {group: policy.linkerd.io, kind: Server, name: web}
        requiredAuthenticationRefs:
          - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: storefront}
          - {group: policy.linkerd.io, kind: NetworkAuthentication, name: office}
      """;
  private static final String AUTHENTICATIONS =
      """
      apiVersion: policy.linkerd.io/v1alpha1
      kind: MeshTLSAuthentication
      metadata: {name: storefront, namespace: shop}
      spec:
        identityRefs:
          - kind: ServiceAccount
            name: frontend
      ---
      apiVersion: policy.linkerd.io/v1alpha1
      kind: NetworkAuthentication
      metadata: {name: office, namespace: shop}
      spec:
        networks:
          - cidr: 127.10.0.64/28
      """;
  private static final String DOMAIN = ".shop.serviceaccount.identity.linkerd.cluster.local";

  @TempDir private Path manifests;
  private final ControlLoops loops = ControlLoops.start(1);
  private final BlockingQueue<AuditEvent> audit = new LinkedBlockingQueue<>();
  private final BlockingQueue<EffectivePolicy> web = new LinkedBlockingQueue<>();
  private DirectorySource source;
  private PolicyServer server;

  @BeforeEach
  void start() throws Exception {
    Files.writeString(manifests.resolve("shop.yaml"), SHOP);
    Files.writeString(manifests.resolve("authentications.yaml"), AUTHENTICATIONS);
    source = DirectorySource.open(manifests);
    server =
        PolicyServer.start(
            new PolicyServer.Config(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Security.Cleartext(),
                PolicyConfig.defaults("linkerd", "cluster.local")),
            source,
            List.of(),
            loops,
            audit::add,
            InstantSource.system());
    PolicyIndex index = server.index();
    assertThat(
            index.watch(
                ObjectRef.pod("shop", "web"),
                8080,
                new PortListener() {
                  @Override
                  public void onPolicy(EffectivePolicy policy) {
                    web.add(policy);
                  }

                  @Override
                  public void onWorkloadGone() {}
                }))
        .isPresent();
  }

  @AfterEach
  void stop() {
    server.close();
    source.close();
    loops.close();
  }

  @Test
  void manifestsBecomeThePolicyOfTheirPorts() throws Exception {
    EffectivePolicy policy = next();
    assertThat(policy.serverLabel()).isEqualTo("policy.linkerd.io/server/web");
    assertThat(policy.server().getProtocol().hasHttp1()).isTrue();
    assertThat(allowed(policy.server())).containsExactly("frontend" + DOMAIN);
    assertThat(server.findings()).isEmpty();
  }

  @Test
  void anEditOfAnAuthenticationReachesThePortsBehindIt() throws Exception {
    EffectivePolicy before = next();
    edit("authentications.yaml", "name: frontend", "name: backoffice");
    EffectivePolicy after = next();
    assertThat(allowed(after.server())).containsExactly("backoffice" + DOMAIN);
    assertThat(after.generation()).isGreaterThan(before.generation());
  }

  @Test
  void anInvalidEditIsOnRecordAndLeavesTheObjectAsItWas() throws Exception {
    next();
    audit.clear();
    long generation = server.index().generation();
    edit("authentications.yaml", "cidr: 127.10.0.64/28", "cidr: 127.10.0.64/88");
    AdministrativeEvent record = (AdministrativeEvent) audit.poll(10, TimeUnit.SECONDS);
    assertThat(record.act()).isEqualTo("policy-rejected");
    assertThat(record.attributes().get("findings"))
        .contains("authentications.yaml:")
        .contains("127.10.0.64/88");
    assertThat(server.index().generation()).isEqualTo(generation);
    assertThat(web).isEmpty();
    assertThat(server.status("shop").getFindingsList())
        .singleElement()
        .asString()
        .contains("authentications.yaml:")
        .contains("127.10.0.64/88");

    edit("authentications.yaml", "name: frontend", "name: backoffice");
    assertThat(allowed(next().server())).containsExactly("backoffice" + DOMAIN);
    assertThat(server.status("").getFindingsList()).hasSize(1);

    edit("authentications.yaml", "cidr: 127.10.0.64/88", "cidr: 127.10.0.64/27");
    next();
    assertThat(server.status("").getFindingsList()).isEmpty();
  }

  private EffectivePolicy next() throws InterruptedException {
    EffectivePolicy policy = web.poll(10, TimeUnit.SECONDS);
    assertThat(policy).as("next state").isNotNull();
    return policy;
  }

  private void edit(String file, String text, String replacement) throws IOException {
    Path path = manifests.resolve(file);
    String before = Files.readString(path);
    assertThat(before).contains(text);
    Files.writeString(path, before.replace(text, replacement));
  }

  private static List<String> allowed(Server server) {
    return server.getAuthorizationsList().stream()
        .map(Authz::getAuthentication)
        .flatMap(
            authentication ->
                authentication.getMeshTLS().getIdentities().getIdentitiesList().stream())
        .map(Identity::getName)
        .toList();
  }
}
