package io.signetmesh.discovery;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.discovery.v1.EndpointSlice;
import io.signetmesh.crds.policy.Server;
import io.signetmesh.crds.policy.ServerSpec;
import io.signetmesh.crds.workload.ExternalWorkload;
import io.signetmesh.crds.workload.ExternalWorkloadSpec;
import io.signetmesh.crds.workload.ExternalWorkloadStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** Objects as manifests write them; kinds that discovery does not read are left out. */
public final class Manifests {
  private static final Map<String, Class<? extends HasMetadata>> KINDS =
      Map.of(
          "Namespace", Namespace.class,
          "Node", Node.class,
          "Pod", Pod.class,
          "Service", Service.class,
          "ServiceAccount", ServiceAccount.class,
          "EndpointSlice", EndpointSlice.class);
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private Manifests() {}

  /** Reads YAML documents. */
  public static List<HasMetadata> parse(String... documents) {
    List<HasMetadata> objects = new ArrayList<>();
    for (String text : documents) {
      for (Object document : new Load(LoadSettings.builder().build()).loadAllFromString(text)) {
        if (document instanceof Map<?, ?> map) {
          String kind = String.valueOf(map.get("kind"));
          switch (kind) {
            case "Server" ->
                objects.add(
                    new Server(
                        metadata(map), JSON.convertValue(map.get("spec"), ServerSpec.class)));
            case "ExternalWorkload" ->
                objects.add(
                    new ExternalWorkload(
                        metadata(map),
                        JSON.convertValue(map.get("spec"), ExternalWorkloadSpec.class),
                        JSON.convertValue(map.get("status"), ExternalWorkloadStatus.class)));
            default -> {
              Class<? extends HasMetadata> type = KINDS.get(kind);
              if (type != null) {
                objects.add(JSON.convertValue(map, type));
              }
            }
          }
        }
      }
    }
    return objects;
  }

  private static ObjectMeta metadata(Map<?, ?> object) {
    return JSON.convertValue(object.get("metadata"), ObjectMeta.class);
  }

  /** Reads all YAML files of a directory. */
  public static List<HasMetadata> read(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return parse(
          files
              .filter(file -> file.toString().endsWith(".yaml"))
              .sorted()
              .map(Manifests::text)
              .toArray(String[]::new));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
