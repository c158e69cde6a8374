package io.signetmesh.policy.model;

import io.linkerd.proxy.http_route.HostMatch;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.crds.policy.ProxyProtocol;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A route. It is inbound when it has a Server as parent. Other routes are kept without their rules.
 *
 * @param ref the object
 * @param origin where it is written
 * @param created creation time; null sorts last
 * @param servers names of the Servers that it is attached to, in its own namespace
 * @param elsewhere its parents that are no Servers
 * @param hosts hosts matched; none means any
 * @param rules what is matched and changed; what is not understood of them is matched as widely as
 *     it might be meant, and refused
 * @param flaws what is not understood
 */
public record RouteModel(
    ObjectRef ref,
    String origin,
    @Nullable Instant created,
    List<String> servers,
    List<Reference> elsewhere,
    List<HostMatch> hosts,
    Rules rules,
    List<Flaw> flaws)
    implements PolicyObject, Comparable<RouteModel> {
  /** Refuses other kinds than routes. */
  public RouteModel {
    if (!ref.kind().isRoute()
        || (ref.kind() == ObjectRef.Kind.GRPC_ROUTE) != (rules instanceof Rules.Grpc)) {
      throw new IllegalArgumentException(ref + ": expected a route with rules of its kind");
    }
    servers = List.copyOf(servers);
    elsewhere = List.copyOf(elsewhere);
    hosts = List.copyOf(hosts);
    flaws = List.copyOf(flaws);
  }

  /** Whether it is meant for a Server, if only by a parent that cannot be one. */
  public boolean isInbound() {
    return !servers.isEmpty() || !flaws.isEmpty();
  }

  /**
   * Whether authorizations of this route count. They do not while one of its parents is not allowed
   * for a route of a Server: Linkerd ignores such a route, so they would grant nothing there.
   */
  public boolean isGranted() {
    return flaws.stream().noneMatch(flaw -> flaw.part() == Part.PARENT);
  }

  /**
   * Something that is not understood.
   *
   * @param field path of the field
   * @param message what is wrong and what was expected
   * @param part what of the route it is
   */
  public record Flaw(String field, String message, Part part) {}

  /** A part of a route. */
  public enum Part {
    /** A parent. */
    PARENT,
    /** A filter that Linkerd admits, and that a route of a Server cannot have. */
    ADMITTED_FILTER,
    /** Anything else of a rule. */
    RULE
  }

  /** Whether a Server that speaks this protocol routes by it. */
  public boolean isUsedBy(ProxyProtocol protocol) {
    return switch (protocol) {
      case UNKNOWN, HTTP_1, HTTP_2 -> rules instanceof Rules.Http;
      case GRPC -> rules instanceof Rules.Grpc;
      case OPAQUE, TLS -> false;
    };
  }

  /** Older first, a missing creation time after all, then by name, group and kind. */
  @Override
  public int compareTo(RouteModel other) {
    if ((created == null) != (other.created == null)) {
      return created == null ? 1 : -1;
    }
    int byAge = ObjectRef.compareByAge(created, ref.name(), other.created, other.ref.name());
    if (byAge != 0) {
      return byAge;
    }
    int byGroup = ref.kind().group().compareTo(other.ref.kind().group());
    return byGroup != 0 ? byGroup : ref.compareTo(other.ref);
  }

  /** The rules of a route. */
  public sealed interface Rules {
    /**
     * Rules of an HTTPRoute.
     *
     * @param rules as sent to the proxy
     */
    record Http(List<HttpRoute.Rule> rules) implements Rules {
      /** Copies the list. */
      public Http {
        rules = List.copyOf(rules);
      }
    }

    /**
     * Rules of a GRPCRoute.
     *
     * @param rules as sent to the proxy
     */
    record Grpc(List<GrpcRoute.Rule> rules) implements Rules {
      /** Copies the list. */
      public Grpc {
        rules = List.copyOf(rules);
      }
    }
  }
}
