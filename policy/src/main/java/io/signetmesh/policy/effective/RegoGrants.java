package io.signetmesh.policy.effective;

import com.google.protobuf.Timestamp;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.v1.RegoAuthentication;
import io.signetmesh.v1.RegoBundle;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The authentications by policy bundle that authorizations and denials refer to, with bundles. */
public final class RegoGrants {
  /** RegoAuthentications that one policy may require. */
  static final int MAX_BUNDLES = 2;

  /** Bytes of bundles in one message, with those of its dry-run policy. */
  public static final int MAX_BYTES = 2 * KnownBundle.MAX_BYTES;

  /**
   * Bundles in one message, with those of its dry run. Each one that a proxy has compiled takes
   * memory beside its bytes, and time of the one thread that compiles.
   */
  public static final int MAX_MESSAGE_BUNDLES = 32;

  private RegoGrants() {}

  /**
   * The authentications that some authorizations and denials refer to, sorted by name.
   *
   * @param lookup finds an object by reference
   */
  static List<RegoAuthentication> of(
      Collection<Authz> all, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    TreeMap<String, RegoAuthentication> messages = new TreeMap<>();
    for (Authz authz : all) {
      for (String name : authz.getSignetRegoList()) {
        if (!messages.containsKey(name)
            && lookup.apply(RegoModel.refOf(name)) instanceof RegoModel.Authentication found) {
          messages.put(name, message(found, lookup));
        }
      }
    }
    return List.copyOf(messages.values());
  }

  private static RegoAuthentication message(
      RegoModel.Authentication authentication, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    KnownBundle known = bundle(authentication, lookup);
    RegoBundle.Builder bundle =
        RegoBundle.newBuilder().setContent(known.content()).setUnavailable(known.unavailable());
    if (known.isThere()
        && authentication.bundle() instanceof BundleSource.Fetched
        && lookup.apply(authentication.fetched()) instanceof RegoModel.FetchedBundle fetched) {
      Instant end = fetched.expiresAt();
      if (end != null) {
        bundle.setExpiresAt(
            Timestamp.newBuilder().setSeconds(end.getEpochSecond()).setNanos(end.getNano()));
      }
    }
    return authentication.message().toBuilder().setBundle(bundle).build();
  }

  /**
   * The bundle of an authentication, or why there is none.
   *
   * @param lookup finds an object by reference
   */
  public static KnownBundle bundle(
      RegoModel.Authentication authentication, Function<ObjectRef, @Nullable PolicyObject> lookup) {
    return switch (authentication.bundle()) {
      case BundleSource.Held held -> {
        ObjectRef ref = authentication.holder();
        if (ref == null || !(lookup.apply(ref) instanceof JwtModel.Holder holder)) {
          yield KnownBundle.none("there is no " + ref);
        }
        KnownBundle bundle = holder.bundles().get(held.entry());
        if (bundle != null) {
          yield bundle;
        }
        yield KnownBundle.none(
            holder.entries().containsKey(held.entry())
                ? "entry "
                    + held.entry()
                    + " of "
                    + ref
                    + " is no bundle: expected a gzipped tar of at most "
                    + KnownBundle.MAX_BYTES
                    + " bytes in binaryData"
                : ref + " has no entry " + held.entry());
      }
      case BundleSource.Fetched fetched ->
          lookup.apply(authentication.fetched()) instanceof RegoModel.FetchedBundle last
                  && last.location().equals(fetched.location())
              ? last.bundle()
              : KnownBundle.none("the bundle has not been fetched yet");
    };
  }

  /**
   * The policy with at most {@link #MAX_BYTES} of bundles and {@link #MAX_MESSAGE_BUNDLES}: those
   * of the enforced policy come first, then those of the dry run, each sorted by name. What is
   * beyond is unavailable.
   */
  static Server bounded(Server server) {
    Room all = new Room(Long.MAX_VALUE, Integer.MAX_VALUE);
    for (Server one : List.of(server, server.getSignetTrial())) {
      one.getSignetRegoAuthenticationsList().forEach(all::take);
    }
    if (Long.MAX_VALUE - all.bytes <= MAX_BYTES
        && Integer.MAX_VALUE - all.bundles <= MAX_MESSAGE_BUNDLES) {
      return server;
    }
    Room room = new Room(MAX_BYTES, MAX_MESSAGE_BUNDLES);
    Server.Builder bounded = server.toBuilder();
    bound(bounded, room);
    if (server.hasSignetTrial()) {
      bound(bounded.getSignetTrialBuilder(), room);
    }
    return bounded.build();
  }

  /** What is left for bundles. */
  private static final class Room {
    private long bytes;
    private int bundles;

    Room(long bytes, int bundles) {
      this.bytes = bytes;
      this.bundles = bundles;
    }

    /** Why there is none for a bundle; empty when it was taken. */
    String take(RegoAuthentication one) {
      int size = one.getBundle().getContent().size();
      if (size > bytes) {
        return "the bundles of the port have more than "
            + MAX_BYTES
            + " bytes together, with those of its dry run";
      }
      if (size > 0 && bundles == 0) {
        return "the port has more than "
            + MAX_MESSAGE_BUNDLES
            + " bundles, with those of its dry run";
      }
      bytes -= size;
      bundles -= size > 0 ? 1 : 0;
      return "";
    }
  }

  private static void bound(Server.Builder server, Room room) {
    List<RegoAuthentication> kept = new ArrayList<>();
    for (RegoAuthentication one : server.getSignetRegoAuthenticationsList()) {
      String why = room.take(one);
      kept.add(
          why.isEmpty()
              ? one
              : one.toBuilder().setBundle(RegoBundle.newBuilder().setUnavailable(why)).build());
    }
    server.clearSignetRegoAuthentications().addAllSignetRegoAuthentications(kept);
  }
}
