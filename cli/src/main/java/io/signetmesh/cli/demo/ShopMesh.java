package io.signetmesh.cli.demo;

import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.demo.service.DemoIssuer;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/** A running shop: control plane, proxies and services. */
interface ShopMesh extends AutoCloseable {
  /** Addresses and names. */
  Shop shop();

  /** Who customers' tokens are from. */
  DemoIssuer issuer();

  /** The manifests that are in force; edit them while everything runs. */
  Path manifests();

  /** The control plane's state directory. */
  Path state();

  /** The audit journal of a service's proxy. */
  Path journal(Shop.Service service);

  /**
   * What somebody needs to join the mesh now: a new token, and the anchors in force.
   *
   * @throws IOException when the token cannot be written
   */
  Membership membership(WorkloadIdentity who) throws IOException;

  /** Process ids of all parts that run. */
  Set<Long> running();

  /**
   * Waits until the newest policy is in force at all proxies.
   *
   * @param after a generation that is not new enough; 0 = any will do
   * @throws TimeoutException when it is not within {@code limit}
   */
  Enforced awaitEnforcement(long after, Duration limit)
      throws IOException, TimeoutException, InterruptedException;

  /**
   * A generation that all proxies have acknowledged.
   *
   * @param generation the newest generation of all
   * @param ports ports of proxies that enforce it
   */
  record Enforced(long generation, int ports) {}
}
