package io.signetmesh.proxy.inbound;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.policy.PortPolicy;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A port whose policy a test sets by hand, with and without telling of it. */
public final class TestPort implements PortPolicy {
  private final Set<Recheck> rechecks = new LinkedHashSet<>();
  private @Nullable Promise<ServerPolicy> waiting;
  private @Nullable ServerPolicy current;
  private long generation;

  /** A policy that allows every client, or none. */
  record Rules(Protocol protocol, long generation, boolean allows) implements ServerPolicy {
    @Override
    public ResourceRef server() {
      return new ResourceRef("policy.linkerd.io", "server", "web");
    }

    @Override
    public Duration detectTimeout() {
      return Duration.ofSeconds(10);
    }

    @Override
    public Decision decideConnection(Client client) {
      return new Decision(
          allows, allows ? Reason.AUTHORIZED : Reason.IDENTITY_MISMATCH, null, null, null);
    }

    @Override
    public @Nullable Route route(RequestAttributes request) {
      return null;
    }

    @Override
    public Decision decideRequest(Client client, Route route) {
      return decideConnection(client);
    }
  }

  /** Puts the next generation in force and tells all who are registered. */
  public void set(ServerPolicy.Protocol protocol, boolean allows) {
    swap(protocol, allows);
    tell();
  }

  /** Tells all who are registered of the policy in force. */
  public void tell() {
    ServerPolicy now = current;
    if (now != null) {
      List.copyOf(rechecks).forEach(recheck -> recheck.policyChanged(now));
    }
  }

  /** Puts the next generation in force; nobody has been told of it yet. */
  void swap(ServerPolicy.Protocol protocol, boolean allows) {
    swap(new Rules(protocol, generation + 1, allows));
  }

  /** The same with a policy of the test's own. */
  public void swap(ServerPolicy policy) {
    generation = policy.generation();
    current = policy;
  }

  /** Tells those who wait for the first policy of one that was in force a moment ago. */
  void release(ServerPolicy first) {
    Promise<ServerPolicy> promise = waiting;
    if (promise != null) {
      promise.setSuccess(first);
    }
  }

  /** How many want to be told. */
  public int registrations() {
    return rechecks.size();
  }

  @Override
  public int port() {
    return 8080;
  }

  @Override
  public @Nullable ServerPolicy current() {
    return current;
  }

  @Override
  public Future<ServerPolicy> await(EventExecutor executor) {
    Promise<ServerPolicy> promise = executor.newPromise();
    waiting = promise;
    return promise;
  }

  @Override
  public Registration onChange(EventExecutor executor, Recheck recheck) {
    rechecks.add(recheck);
    return () -> rechecks.remove(recheck);
  }
}
