package io.signetmesh.cli.audit;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.simulate.PolicySources;
import io.signetmesh.cluster.ClusterView;
import io.signetmesh.collector.report.Period;
import io.signetmesh.collector.report.Report;
import io.signetmesh.collector.report.UnusedReport;
import io.signetmesh.crds.ResourceKey;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code signet audit report unused}. */
@Command(
    name = "unused",
    description = {
      "Tells which authorizations and DenyPolicies of manifests nothing used in a period."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      "64:the log or the manifests cannot be read",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit report unused --log /var/lib/signet/audit/log --since 90d -f manifests"
    })
final class ReportUnusedCommand extends ReportCommand {
  private static final Set<String> KINDS =
      Set.of("AuthorizationPolicy", "ServerAuthorization", "DenyPolicy");

  @Option(
      names = {"-f", "--filename"},
      required = true,
      paramLabel = "PATH",
      description = "File or directory with manifests; may be given several times.")
  private List<Path> paths = List.of();

  @Override
  Report report(Period asked) throws IOException, CommandFailure {
    for (Path path : paths) {
      if (!Files.exists(path)) {
        throw CommandFailure.configuration(path + " does not exist");
      }
    }
    PolicySources sources = PolicySources.read(paths);
    ClusterView view;
    try {
      view = sources.view();
    } catch (InvalidManifestsException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    }
    List<UnusedReport.Policy> policies = new ArrayList<>();
    for (Map.Entry<ResourceKey, HasMetadata> object : view.objects().entrySet()) {
      ResourceKey key = object.getKey();
      if (KINDS.contains(key.kind())) {
        policies.add(
            new UnusedReport.Policy(
                key.namespace(),
                key.group() + "/" + key.kind().toLowerCase(Locale.ROOT) + "/" + key.name(),
                source(sources, key)));
      }
    }
    return UnusedReport.of(asked, policies);
  }

  private static String source(PolicySources sources, ResourceKey key) {
    return String.valueOf(sources.manifests().positions().get(key));
  }
}
