package io.signetmesh.identity.spiffe;

import com.google.protobuf.ByteString;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.GetPublishedCrlResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * The identities of the processes of a host, each kept valid by an {@link IdentityClient}. Private
 * keys are only in memory. Entries with the same identity and token share a client. Thread-safe.
 */
public final class AgentIdentities implements AutoCloseable {
  /** Most entries. Each identity costs a thread and connections to the identity server. */
  public static final int MAX_ENTRIES = 256;

  private static final long CRL_RETRY_SECONDS = 2;

  private final ClientFactory factory;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final MeshCrl crl =
      new MeshCrl(
          this::sources,
          CompletableFuture.delayedExecutor(CRL_RETRY_SECONDS, TimeUnit.SECONDS),
          () -> tell());
  private volatile List<Held> held = List.of();
  private boolean closed;

  /** Starts the client of an identity. */
  @FunctionalInterface
  public interface ClientFactory {
    /** Starts a client; does not wait for its first certificate. */
    IdentityClient start(WorkloadEntry entry);
  }

  /**
   * An entry and what keeps it valid.
   *
   * @param entry who has the identity
   * @param client has its certificate
   */
  record Held(WorkloadEntry entry, IdentityClient client) {}

  private record Key(WorkloadIdentity identity, Path tokenFile) {
    static Key of(WorkloadEntry entry) {
      return new Key(entry.identity(), entry.tokenFile());
    }
  }

  /** Creates a set without entries; {@link #replace} adds them. */
  public AgentIdentities(ClientFactory factory) {
    this.factory = factory;
  }

  /**
   * Replaces all entries. Identities that remain keep their certificates.
   *
   * @throws IllegalArgumentException when there are more than {@link #MAX_ENTRIES}
   */
  public synchronized void replace(List<WorkloadEntry> entries) {
    if (entries.size() > MAX_ENTRIES) {
      throw new IllegalArgumentException(
          entries.size() + " entries: expected at most " + MAX_ENTRIES);
    }
    if (closed) {
      return;
    }
    Map<Key, IdentityClient> before = clients();
    Map<Key, IdentityClient> after = new LinkedHashMap<>();
    List<Held> next = new ArrayList<>(entries.size());
    List<IdentityClient> started = new ArrayList<>();
    for (WorkloadEntry entry : entries) {
      IdentityClient client = after.get(Key.of(entry));
      if (client == null) {
        client = before.get(Key.of(entry));
      }
      if (client == null) {
        client = factory.start(entry);
        started.add(client);
      }
      after.put(Key.of(entry), client);
      next.add(new Held(entry, client));
    }
    held = List.copyOf(next);
    started.forEach(client -> client.onChange(credentials -> changed()));
    before.forEach(
        (key, client) -> {
          if (!after.containsKey(key)) {
            client.close();
          }
        });
    changed();
  }

  /** Those whose entries fulfil a condition, in the order of the entries. */
  List<Held> matching(Predicate<WorkloadEntry> condition) {
    return held.stream().filter(h -> condition.test(h.entry)).toList();
  }

  /** Number of entries in force. */
  public int size() {
    return held.size();
  }

  /** Number of entries with a certificate that has not expired. */
  public long certified() {
    return held.stream().filter(h -> h.client.isCertified()).count();
  }

  /**
   * Calls the listener whenever entries or credentials change. It must not block.
   *
   * @return ends the calls
   */
  Runnable onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /** The mesh's revocation list, in DER; empty without one that fits. */
  ByteString crl() {
    return crl.der();
  }

  private void changed() {
    tell();
    crl.look();
  }

  private void tell() {
    listeners.forEach(Runnable::run);
  }

  private List<MeshCrl.Source> sources() {
    List<MeshCrl.Source> sources = new ArrayList<>();
    for (IdentityClient client : clients().values()) {
      if (client.isCertified()) {
        sources.add(new CrlSource(client));
      }
    }
    return sources;
  }

  private record CrlSource(IdentityClient client) implements MeshCrl.Source {
    @Override
    public long number() {
      return client.credentials().peers().revoked().number();
    }

    @Override
    public CompletableFuture<GetPublishedCrlResponse> fetch() {
      return client.publishedCrl();
    }
  }

  private Map<Key, IdentityClient> clients() {
    Map<Key, IdentityClient> clients = new LinkedHashMap<>();
    held.forEach(h -> clients.put(Key.of(h.entry), h.client));
    return clients;
  }

  @Override
  public synchronized void close() {
    closed = true;
    clients().values().forEach(IdentityClient::close);
    held = List.of();
  }
}
