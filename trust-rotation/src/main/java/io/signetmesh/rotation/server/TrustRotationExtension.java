package io.signetmesh.rotation.server;

import io.grpc.BindableService;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.server.OperatorContext;
import io.signetmesh.identity.server.OperatorExtension;
import io.signetmesh.rotation.AnchorSet;
import io.signetmesh.rotation.FileRotationStore;
import io.signetmesh.rotation.Rotation;
import io.signetmesh.rotation.RotationEngine;
import io.signetmesh.rotation.RotationPlan;
import io.signetmesh.rotation.RotationStore;
import io.signetmesh.rotation.authority.ServerTrust;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;

/** Rotation of trust anchors as a part of an identity server. */
public final class TrustRotationExtension implements OperatorExtension {
  private final ServerTrust trust;
  private final RotationEngine engine;
  private final RotationService service;

  private TrustRotationExtension(
      ServerTrust trust, RotationEngine engine, RotationService service) {
    this.trust = trust;
    this.engine = engine;
    this.service = service;
  }

  /**
   * Makes the extension of a server.
   *
   * @throws PkiException when a record of a rotation is malformed
   */
  public static TrustRotationExtension open(OperatorContext server)
      throws IOException, PkiException {
    RotationStore store = FileRotationStore.open(server.stateDirectory());
    Rotation current = store.current();
    ServerTrust trust = ServerTrust.open(server, current, store.all());
    AnchorSet inForce =
        AnchorSet.of(trust.anchors().stream().map(RotationPlan::fingerprint).toList());
    Set<String> retired = store.retired();
    for (Rotation rotation : store.all()) {
      // Earlier versions remembered them in the records of rotations only.
      for (String anchor : rotation.isDone() ? rotation.leaving() : AnchorSet.NONE) {
        if (retired.contains(anchor) && !inForce.contains(anchor)) {
          server.retired().retire(anchor, "", rotation.id());
        }
      }
    }
    RotationEngine engine =
        new RotationEngine(store, trust, server.audit(), new SecureRandom(), server.clock());
    new RotationMeters(trust, store, engine, server.clock()).bind(server.meters());
    return new TrustRotationExtension(
        trust,
        engine,
        new RotationService(trust, store, engine, server.identity().trustDomain(), server.clock()));
  }

  @Override
  public List<BindableService> services() {
    return List.of(service);
  }

  @Override
  public void start() {
    engine.start();
  }

  @Override
  public void close() {
    engine.close();
    trust.close();
  }
}
