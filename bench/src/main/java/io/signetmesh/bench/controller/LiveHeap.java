package io.signetmesh.bench.controller;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks a JVM how many bytes of its heap are live: what is left after a full collection. */
final class LiveHeap {
  private static final Pattern TOTAL = Pattern.compile("^Total\\s+\\d+\\s+(\\d+)\\s*$");

  private LiveHeap() {}

  /**
   * Live bytes; the lines of the histogram with the most of them go to {@code top}.
   *
   * @throws IOException when the process is no JVM or does not answer
   */
  static long bytes(long pid, List<String> top) throws IOException, InterruptedException {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    Process process =
        new ProcessBuilder(jcmd.toString(), Long.toString(pid), "GC.class_histogram")
            .redirectErrorStream(true)
            .start();
    long bytes = -1;
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    process.waitFor();
    top.clear();
    top.addAll(lines.subList(0, Math.min(lines.size(), 40)));
    for (String line : lines) {
      Matcher total = TOTAL.matcher(line);
      if (total.matches()) {
        bytes = Long.parseLong(total.group(1));
      }
    }
    if (bytes < 0) {
      throw new IOException(
          "jcmd " + pid + " GC.class_histogram tells no total: " + String.join("\n", lines));
    }
    return bytes;
  }
}
