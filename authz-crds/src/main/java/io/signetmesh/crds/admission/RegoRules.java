package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.crds.rego.PolicyBundle;
import io.signetmesh.crds.rego.RegoAuthenticationSpec;
import io.signetmesh.crds.schema.ByteSize;
import java.time.Duration;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** RegoAuthentications. */
final class RegoRules {
  private static final Duration MIN_TIME = Duration.ofMillis(1);
  private static final Duration MAX_TIME = Duration.ofSeconds(1);
  private static final long MIN_MEMORY = 1L << 20;
  private static final long MAX_MEMORY = 64L << 20;

  /** Nothing that names another directory, and no hidden file. */
  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");

  private RegoRules() {}

  static void check(RegoAuthenticationSpec spec, ObjectFindings findings) {
    entrypoint(spec.entrypoint(), findings);
    PolicyBundle bundle = spec.bundle();
    FetchRules.url(bundle.url(), "spec.bundle.url", "a policy bundle", findings);
    FetchRules.check(
        "spec.bundle",
        bundle.configMapRef() == null && bundle.file() == null
            ? null
            : "a bundle that is fetched (url)",
        new FetchRules.Settings(
            bundle.caBundle(), bundle.refreshInterval(), bundle.maxAge(), PolicyBundle.MIN_AGE),
        findings);
    file(bundle.file(), findings);
    FetchRules.duration(spec.cpuTime(), "spec.cpuTime", MIN_TIME, MAX_TIME, findings);
    memory(spec.memory(), findings);
  }

  private static void entrypoint(String path, ObjectFindings findings) {
    String problem = null;
    if (!path.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      problem = "it has blanks or characters that are not printable ASCII";
    } else if (path.startsWith("/") || path.endsWith("/") || path.contains("//")) {
      problem = "one of its parts is empty";
    } else if (path.startsWith("data.") || (path.indexOf('/') < 0 && path.indexOf('.') >= 0)) {
      String bare = path.startsWith("data.") ? path.substring("data.".length()) : path;
      problem = "write " + quoted(bare.replace('.', '/'));
    }
    if (problem != null) {
      findings.error(
          "spec.entrypoint",
          quoted(path)
              + " is no entry point: "
              + problem
              + " (expected a path such as mesh/allow, as in opa build --entrypoint)");
    }
  }

  private static void file(@Nullable String name, ObjectFindings findings) {
    if (name != null && !FILE.matcher(name).matches()) {
      findings.error(
          "spec.bundle.file",
          quoted(name)
              + " is no file name: expected letters, digits, '.', '_' and '-', of which the first is"
              + " a letter, a digit or '_' (the file is in the directory that the controller is"
              + " told by --rego-bundle-directory, in the subdirectory of the namespace)");
    }
  }

  private static void memory(String text, ObjectFindings findings) {
    long bytes;
    try {
      bytes = ByteSize.parse(text);
    } catch (IllegalArgumentException e) {
      findings.error("spec.memory", String.valueOf(e.getMessage()));
      return;
    }
    if (bytes < MIN_MEMORY || bytes > MAX_MEMORY) {
      findings.error("spec.memory", quoted(text) + " is not from 1Mi to 64Mi");
    }
  }
}
