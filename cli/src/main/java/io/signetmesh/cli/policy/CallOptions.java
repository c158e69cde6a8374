package io.signetmesh.cli.policy;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.simulate.Call;
import io.signetmesh.cli.simulate.CallProtocol;
import io.signetmesh.cli.simulate.Caller;
import io.signetmesh.cli.simulate.ClientIdentity;
import io.signetmesh.jwt.Thumbprint;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** A call that is asked about: who calls, and what for. */
final class CallOptions {
  @Option(
      names = "--client-identity",
      paramLabel = "IDENTITY",
      converter = Identities.class,
      description = {
        "Identity in the client's certificate: a DNS name, a SPIFFE ID, or NAMESPACE/SERVICEACCOUNT",
        "for an account of this mesh (default: the client shows none; none is assumed from its",
        "address, and explain says whose address it is)."
      })
  private @Nullable String identity;

  @Option(
      names = "--client-ip",
      paramLabel = "IP",
      description = {
        "Address that the client calls from (default: that of the first workload with the identity,",
        "else 192.0.2.1, which only networks such as 0.0.0.0/0 hold)."
      })
  private @Nullable String ip;

  @Option(
      names = "--tls",
      negatable = true,
      description = "The client comes with mesh TLS, or not (default: when it has an identity).")
  private @Nullable Boolean tls;

  @Option(
      names = "--protocol",
      paramLabel = "PROTOCOL",
      converter = Protocols.class,
      description = {
        "What the client speaks: http/1, http/2, grpc, tcp or tls (of the applications' own)",
        "(default: what the port expects)."
      })
  private @Nullable CallProtocol protocol;

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description = "Method of the request (default: GET; POST for gRPC).")
  private @Nullable String method;

  @Option(
      names = "--path",
      paramLabel = "PATH",
      description = "Path of the request with its query, as sent (default: /).")
  private @Nullable String path;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "Host of the request (default: the name of the workload).")
  private @Nullable String host;

  @Option(
      names = "--header",
      paramLabel = "NAME:VALUE",
      converter = Headers.class,
      description = "Header of the request; may be given several times.")
  private List<Call.Header> headers = List.of();

  @Mixin private RequestTokenOptions token = new RequestTokenOptions();

  @Nullable String identity() {
    return identity;
  }

  @Nullable String ip() {
    return ip;
  }

  @Nullable Boolean tls() {
    return tls;
  }

  Call call() throws CommandFailure {
    return new Call(protocol, method, path, host, headers, token.token(), token.at());
  }

  /** The caller with the certificate that is given. */
  Caller with(Caller caller) throws CommandFailure {
    Thumbprint certificate = token.certificate();
    if (certificate != null && !caller.tls()) {
      throw CommandFailure.configuration(
          "--client-cert without mesh TLS: expected --client-identity or --tls as well");
    }
    return certificate == null ? caller : caller.showing(certificate);
  }

  /** Reads identities that clients can have. */
  static final class Identities implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      try {
        return ClientIdentity.requireForm(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Reads protocols. */
  static final class Protocols implements ITypeConverter<CallProtocol> {
    @Override
    public CallProtocol convert(String text) {
      try {
        return CallProtocol.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** Reads headers. */
  static final class Headers implements ITypeConverter<Call.Header> {
    @Override
    public Call.Header convert(String text) {
      try {
        return Call.Header.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
