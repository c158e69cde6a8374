package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.ShopManifests;
import io.signetmesh.cli.command.ExitCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The manifests of a shop, and {@code policy explain} of calls. Calls are to port 8080 of workload
 * {@code shop/web}, unless {@link Call#to} says otherwise.
 */
final class ExplainedShop {
  private final Path file;
  private String yaml = ShopManifests.YAML;

  /**
   * @param directory keeps the manifests
   */
  ExplainedShop(Path directory) {
    this.file = directory.resolve("shop.yaml");
  }

  /** The shop's manifests with a part replaced. */
  static String yaml(String what, String with) {
    assertThat(ShopManifests.YAML).contains(what);
    return ShopManifests.YAML.replace(what, with);
  }

  /** Replaces all manifests. */
  void has(String manifests) {
    yaml = manifests;
  }

  /** Replaces a part of the manifests. */
  void has(String what, String with) {
    yaml = yaml(what, with);
  }

  /** Adds objects. */
  void alsoHas(String objects) {
    yaml += "---\n" + objects;
  }

  /** Where the manifests are. */
  Path file() {
    return file;
  }

  /** A call of a client that no option describes. */
  Call called() {
    return new Call(List.of());
  }

  /** A call of a client with an identity. */
  Call calledBy(String identity) {
    return called().with("--client-identity", identity);
  }

  /** A call of a client with an address. */
  Call calledFrom(String ip) {
    return called().with("--client-ip", ip);
  }

  /** A call to be explained. Immutable. */
  final class Call {
    private final String workload;
    private final int port;
    private final List<String> options;

    private Call(List<String> options) {
      this("shop/web", 8080, options);
    }

    private Call(String workload, int port, List<String> options) {
      this.workload = workload;
      this.port = port;
      this.options = options;
    }

    /** The same call to another port. */
    Call to(String otherWorkload, int otherPort) {
      return new Call(otherWorkload, otherPort, options);
    }

    /** The same call with more options. */
    Call with(String... more) {
      List<String> all = new ArrayList<>(options);
      all.addAll(List.of(more));
      return new Call(workload, port, all);
    }

    /** What the command prints; it succeeds. */
    String explanation() {
      return ended(ExitCode.OK).out();
    }

    /** What the command prints for programs; it succeeds. */
    JsonNode json() throws IOException {
      return with("-o", "json").ended(ExitCode.OK).json();
    }

    /** The error that the command prints. */
    String error(int code) {
      CommandRun run = ended(code);
      assertThat(run.out()).isEmpty();
      return run.err();
    }

    /** Runs the command, which ends with that code. */
    CommandRun ended(int code) {
      try {
        Files.writeString(file, yaml);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      List<String> all = new ArrayList<>(List.of("policy", "explain", "-f", file.toString()));
      all.addAll(List.of("--workload", workload, "--port", Integer.toString(port)));
      all.addAll(options);
      return CommandRun.of(all.toArray(String[]::new)).ended(code);
    }
  }
}
