package io.signetmesh.cli.server;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.proxy.Proxy;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.linux.ClassCachePages;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet proxy}. */
@Command(
    name = "proxy",
    description = {
      "Runs the proxy of one workload.",
      "It is configured by its environment, as Linkerd's proxy is: LINKERD2_PROXY_* variables keep"
          + " their names and meaning, what is new is called SIGNET_PROXY_*."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGTERM, SIGINT, POST /shutdown), or replaced by a successor, after a"
          + " drain",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Needed:",
      "  LINKERD2_PROXY_IDENTITY_LOCAL_NAME     identity, as DNS name",
      "  LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS  PEM of the trust anchors",
      "  LINKERD2_PROXY_IDENTITY_TOKEN_FILE     file with the workload's token",
      "  LINKERD2_PROXY_POLICY_WORKLOAD         ns:pod, or JSON",
      "  LINKERD2_PROXY_{IDENTITY,DESTINATION,POLICY}_SVC_{ADDR,NAME}",
      "Without packet redirection:",
      "  SIGNET_PROXY_INBOUND_LISTENERS         ip:port=application-port[,...]",
      "  SIGNET_PROXY_OUTBOUND_LISTENERS        ip:port=name:port[,...]",
      "  SIGNET_PROXY_APP_ADDR                  where the application listens",
      "Also:",
      "  SIGNET_PROXY_AUDIT_FILE                default: signet-audit.jsonl",
      "  SIGNET_PROXY_REDIRECT=true             the nat table redirects to us",
      "  SIGNET_PROXY_HANDOVER                  Unix socket for --replace; default: the audit file's",
      "                                         name and .handover; off: none",
      "docs/proxy-settings.md has them all, with their defaults.",
      "",
      "Example:",
      "  set -a; . ./frontend.env; signet proxy --log-format json",
      "  signet proxy --replace                 a new version, without an interruption"
    })
public final class ProxyCommand implements Callable<Integer> {
  /** Option that takes over from a running proxy. */
  public static final String REPLACE = "--replace";

  /** By then a proxy has used what it needs of its classes. */
  static final Duration STARTED = Duration.ofSeconds(10);

  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = REPLACE,
      description = {
        "Take the place of the proxy that runs with the same handover socket: start beside it, get its"
            + " listeners, and have it drain and end once this one has its certificate and its"
            + " policy. If this one ends before, the other goes on. Where none runs, start.",
      })
  private boolean replace;

  /** A command with this value of {@link #REPLACE}. */
  public ProxyCommand(boolean replace) {
    this.replace = replace;
  }

  @Override
  public Integer call() throws Exception {
    ProxyConfig config;
    try {
      config = ProxyConfig.from(System.getenv());
    } catch (InvalidConfigException e) {
      throw CommandFailure.configuration(
          "the environment is no configuration of a proxy:\n  "
              + String.join("\n  ", e.faults())
              + "\n'signet proxy --help' lists what is needed.");
    }
    Proxy proxy;
    try {
      proxy =
          replace
              ? Proxy.replace(config, Clock.systemUTC())
              : Proxy.start(config, Clock.systemUTC());
    } catch (IOException | RuntimeException e) {
      throw CommandFailure.starting("the proxy of " + config.workload(), e);
    }
    ClassCachePages.giveBackAfter(STARTED);
    return Foreground.serve(
        () -> {
          proxy.drain();
          proxy.closed().get(config.shutdownGrace().toMillis() + 5_000, TimeUnit.MILLISECONDS);
        },
        proxy.closed());
  }
}
