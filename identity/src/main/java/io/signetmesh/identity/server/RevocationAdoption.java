package io.signetmesh.identity.server;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.identity.ca.revocation.RevocationStore;
import io.signetmesh.identity.pki.RevocationList;
import io.signetmesh.identity.server.AdoptionLedger.Adoption;
import io.signetmesh.v1.ServedLeaf;
import java.math.BigInteger;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;

/** Who has a revocation list in force, as the workloads themselves report it. */
final class RevocationAdoption {
  private static final Comparator<Adoption> BY_NAME =
      Comparator.comparing(Adoption::identity).thenComparing(Adoption::address);

  private final RevocationStore store;
  private final AdoptionLedger ledger;
  private final InstantSource clock;

  /**
   * What is known of a list. Workloads that are revoked themselves do not count.
   *
   * @param inForce number of workloads that are connected and have it, or a newer one, in force
   * @param behind those that are connected and do not
   * @param absent those that are not connected and may live: their last leaf has not ended, and
   *     nobody of their identity is connected from their address
   */
  record Counts(int inForce, List<Adoption> behind, List<Adoption> absent) {
    int connected() {
      return inForce + behind.size();
    }
  }

  /** Where a workload is; its port changes with each connection. */
  private record Place(String identity, String host) {
    static Place of(Adoption adoption) {
      String address = adoption.address();
      int port = address.lastIndexOf(':');
      return new Place(adoption.identity(), port < 0 ? address : address.substring(0, port));
    }
  }

  RevocationAdoption(RevocationStore store, AdoptionLedger ledger, InstantSource clock) {
    this.store = store;
    this.ledger = ledger;
    this.clock = clock;
  }

  /** Who has the list of a CRL number in force, or a newer one. */
  Counts of(long number) {
    RevocationList revoked = store.list();
    long now = clock.instant().getEpochSecond();
    int inForce = 0;
    List<Adoption> behind = new ArrayList<>();
    Set<Place> present = new HashSet<>();
    Map<Place, Adoption> gone = new HashMap<>();
    for (Adoption adoption : ledger.adoptions()) {
      if (isRevoked(revoked, adoption)) {
        continue;
      }
      if (!adoption.connected()) {
        if (leaf(adoption).getNotAfter().getSeconds() >= now) {
          gone.merge(Place.of(adoption), adoption, RevocationAdoption::later);
        }
        continue;
      }
      present.add(Place.of(adoption));
      if (adoption.report().getRevocationNumber() >= number) {
        inForce++;
      } else {
        behind.add(adoption);
      }
    }
    gone.keySet().removeAll(present);
    behind.sort(BY_NAME);
    return new Counts(inForce, behind, gone.values().stream().sorted(BY_NAME).toList());
  }

  /** Adds gauges of the newest list. */
  void bind(MeterRegistry registry) {
    Gauge.builder("signet.identity.revocation.number", store, RevocationStore::number)
        .description("CRL number of the newest revocation list.")
        .register(registry);
    gauge(registry, "in_force", counts -> counts.inForce);
    gauge(registry, "behind", counts -> counts.behind.size());
    gauge(registry, "absent", counts -> counts.absent.size());
  }

  private void gauge(MeterRegistry registry, String state, ToIntFunction<Counts> count) {
    Gauge.builder(
            "signet.identity.revocation.workloads", () -> count.applyAsInt(of(store.number())))
        .tag("state", state)
        .description("Workloads by whether they have the newest revocation list in force.")
        .register(registry);
  }

  private boolean isRevoked(RevocationList revoked, Adoption adoption) {
    if (revoked.lists(adoption.identity())) {
      return true;
    }
    ServedLeaf leaf = leaf(adoption);
    String serial = leaf.getSerial();
    if (revoked.size() == 0 || serial.isEmpty()) {
      return false;
    }
    String key = HexFormat.of().formatHex(leaf.getIssuerKeySha256().toByteArray());
    try {
      BigInteger number = new BigInteger(serial, 16);
      return store.issuer(key).map(issuer -> revoked.lists(issuer.name(), number)).orElse(false);
    } catch (NumberFormatException e) {
      // What it reports is no serial number.
      return false;
    }
  }

  private static Adoption later(Adoption one, Adoption other) {
    return one.reportedAt().isBefore(other.reportedAt()) ? other : one;
  }

  private static ServedLeaf leaf(Adoption adoption) {
    return adoption.report().getLeaf();
  }
}
