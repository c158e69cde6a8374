package io.signetmesh.cli.demo;

import io.signetmesh.cli.demo.service.DemoServices;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.mesh.LoopbackNet;
import io.signetmesh.crds.network.Cidr;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * The shop of {@code examples/quickstart} in a loopback network of its own.
 *
 * @param net the network; stands in for 127.10.0.0/24 of the example
 */
record Shop(LoopbackNet net) {
  /** Namespace of the shop. */
  static final String NAMESPACE = "shop";

  private static final String EXAMPLE_PREFIX = "127.10.0.";
  private static final String AUTHENTICATIONS = "authentications.yaml";
  private static final String STOREFRONT = "name: frontend";
  private static final String NOBODY = "name: backoffice";

  /** An application of the shop. */
  enum Service {
    /** HTTP/1.1. */
    WEB("web", "HTTP/1.1", DemoServices.Kind.HTTP, 10, 8080, 18_080),
    /** gRPC. */
    GREETER("greeter", "gRPC", DemoServices.Kind.GRPC, 11, 9090, 19_090),
    /** A TCP protocol of its own. */
    LEDGER("ledger", "TCP", DemoServices.Kind.TCP, 12, 7070, 17_070),
    /** HTTP/1.1, for customers with a token. */
    ACCOUNT("account", "HTTP/1.1", DemoServices.Kind.HTTP, 13, 8081, 18_081);

    private final String pod;
    private final String protocol;
    private final DemoServices.Kind kind;
    private final int host;
    private final int port;
    private final int meshPort;

    Service(String pod, String protocol, DemoServices.Kind kind, int host, int port, int meshPort) {
      this.pod = pod;
      this.protocol = protocol;
      this.kind = kind;
      this.host = host;
      this.port = port;
      this.meshPort = meshPort;
    }

    String pod() {
      return pod;
    }

    String protocol() {
      return protocol;
    }

    DemoServices.Kind kind() {
      return kind;
    }
  }

  /** Who calls the services. */
  enum Client {
    /** A meshed workload that the policies name. */
    FRONTEND("frontend", "meshed", 20, true),
    /** A meshed workload that no policy names. */
    INTRUDER("intruder", "meshed", 21, true),
    /** A host without proxy in the network that one policy names. */
    ACCOUNTING("accounting", "unmeshed", 65, false),
    /** A host without proxy that no policy names. */
    STRANGER("stranger", "unmeshed", 200, false);

    private final String label;
    private final String kind;
    private final int host;
    private final boolean meshed;

    Client(String label, String kind, int host, boolean meshed) {
      this.label = label;
      this.kind = kind;
      this.host = host;
      this.meshed = meshed;
    }

    String label() {
      return label;
    }

    /** {@code meshed} or {@code unmeshed}. */
    String kind() {
      return kind;
    }

    boolean isMeshed() {
      return meshed;
    }
  }

  /** Where the control plane listens. */
  ControlPlane controlPlane() {
    return ControlPlane.at(net.address(2));
  }

  /** Where the issuer of the customers' tokens serves its keys. */
  InetSocketAddress issuer() {
    return net.address(3, 18_100);
  }

  /** Networks in which the controller may fetch keys. */
  static Cidr keySetNetworks() {
    return Cidr.parse("127.0.0.0/8");
  }

  /** Where the application of a service listens; clients do not go there. */
  InetSocketAddress application(Service service) {
    return net.address(service.host, service.port);
  }

  /**
   * Where a client connects to reach a service: its own proxy, or for a client without proxy the
   * port that stands for redirection at the service's.
   */
  InetSocketAddress from(Client client, Service service) {
    return client.meshed
        ? net.address(client.host, service.meshPort)
        : net.address(service.host, service.meshPort);
  }

  /** The address that an unmeshed client connects from. */
  InetAddress source(Client client) {
    return net.address(client.host);
  }

  /** Where a pod's proxy serves its metrics. */
  InetSocketAddress admin(Service service) {
    return net.address(service.host, 4191);
  }

  /**
   * Copies the manifests of the example, with the addresses of this network.
   *
   * @param examples {@code examples/quickstart}
   */
  void install(Path examples, Path manifests) throws IOException {
    List<Path> files;
    try (Stream<Path> found = Files.list(examples)) {
      files = found.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
    if (files.isEmpty()) {
      throw new IOException(examples + " holds no manifests: expected the shop's *.yaml");
    }
    for (Path file : files) {
      Files.writeString(
          manifests.resolve(file.getFileName()),
          Files.readString(file).replace(EXAMPLE_PREFIX, net.prefix()));
    }
  }

  /** Edits the manifests so that no running workload is the storefront. */
  void dismissStorefront(Path manifests) throws IOException {
    edit(manifests.resolve(AUTHENTICATIONS), STOREFRONT, NOBODY);
  }

  /** Takes the edit back. */
  void reinstateStorefront(Path manifests) throws IOException {
    edit(manifests.resolve(AUTHENTICATIONS), NOBODY, STOREFRONT);
  }

  /** Lets a program without proxy call the web service, by its identity. */
  void admit(String serviceAccount, Path manifests) throws IOException {
    replace(
        manifests.resolve(serviceAccount + ".yaml"),
        """
        apiVersion: policy.linkerd.io/v1alpha1
        kind: MeshTLSAuthentication
        metadata: {name: NAME, namespace: shop}
        spec:
          identityRefs: [{kind: ServiceAccount, name: NAME}]
        ---
        apiVersion: policy.linkerd.io/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: web-from-NAME, namespace: shop}
        spec:
          targetRef: {group: policy.linkerd.io, kind: Server, name: web}
          requiredAuthenticationRefs:
            - {group: policy.linkerd.io, kind: MeshTLSAuthentication, name: NAME}
        """
            .replace("NAME", serviceAccount));
  }

  private static void edit(Path file, String what, String by) throws IOException {
    String text = Files.readString(file);
    // Only the field: comments speak of these names too.
    String edited = text.replace("      " + what + "\n", "      " + by + "\n");
    if (edited.equals(text)) {
      throw new IOException(file + ": expected a line '" + what + "' to edit");
    }
    replace(file, edited);
  }

  /** As editors do it: a new file takes the place of the old one. */
  private static void replace(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
    Files.writeString(fresh, text);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
