package io.signetmesh.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessUsageTest {
  @TempDir private Path proc = Path.of("");

  @Test
  void cpuTimeOfAllProcessesIsAdded() throws IOException {
    process(7, "7 (haproxy) S 1 7 7 0 -1 4194560 90 0 0 0 120 30 0 0 20 0 1 0 99", "");
    process(8, "8 (a (b) c) S 1 7 7 0 -1 4194560 90 0 0 0 5 45 0 0 20 0 1 0 99", "");

    assertThat(new ProcessUsage(proc).cpuMicros(List.of(7L, 8L))).isEqualTo(2_000_000);
  }

  @Test
  void memoryIsTheMean() throws IOException {
    process(7, "", "Name:\tjava\nVmPeak:\t 999 kB\nVmRSS:\t  102400 kB\n");
    process(8, "", "Name:\tjava\nVmRSS:\t  51200 kB\n");

    assertThat(new ProcessUsage(proc).rssMegabytes(List.of(7L, 8L))).isCloseTo(75, within(1e-9));
  }

  @Test
  void aProcessWithoutTheFigureIsAnError() throws IOException {
    process(7, "", "Name:\tkthreadd\n");

    assertThatThrownBy(() -> new ProcessUsage(proc).rssMegabytes(List.of(7L)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("VmRSS");
  }

  private void process(long pid, String stat, String status) throws IOException {
    Path directory = Files.createDirectory(proc.resolve(Long.toString(pid)));
    Files.writeString(directory.resolve("stat"), stat, StandardCharsets.US_ASCII);
    Files.writeString(directory.resolve("status"), status, StandardCharsets.US_ASCII);
  }
}
