package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ServerDelivery;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Credentials;
import java.time.Clock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Where a control-plane server delivers its audit journal. */
final class DeliveryOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--audit-collector",
      paramLabel = "HOST:PORT",
      converter = Addresses.class,
      description =
          "Deliver the audit journal to the audit collector at this address, under the identity of"
              + " this server (default: it stays in its file).")
  private ControlChannel.@Nullable Address collector;

  /** Whether there is a collector. */
  boolean isWanted() {
    return collector != null;
  }

  /**
   * Checks, before anything is opened, that the server has an identity to deliver under.
   *
   * @throws ParameterException when it has none
   */
  void requireIdentity(boolean cleartext) {
    if (cleartext && collector != null) {
      throw new ParameterException(
          spec.commandLine(),
          "--audit-collector: the collector expects a certificate, which a server in cleartext"
              + " does not have");
    }
  }

  /**
   * Starts to deliver, if there is a collector.
   *
   * @param parts closes the delivery
   */
  void start(
      Journal journal,
      MeshNames names,
      Supplier<Credentials> credentials,
      ControlLoops loops,
      ServerMeters meters,
      Closing parts,
      Clock clock) {
    if (collector != null) {
      parts.add(
          ServerDelivery.start(
              journal, collector, names, credentials, loops, meters.registry(), clock));
    }
  }

  /** Reads addresses. */
  static final class Addresses implements ITypeConverter<ControlChannel.Address> {
    @Override
    public ControlChannel.Address convert(String text) {
      try {
        return ControlChannel.Address.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
