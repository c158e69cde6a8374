package io.signetmesh.cli.simulate;

import io.signetmesh.crds.text.NearestName;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Key sets (RFC 7517) in files, which stand for those that a controller fetches. */
public final class KeyFiles {
  /** Reason for which there are no keys when no file is given for them. */
  static final String NOT_FETCHED = "not fetched offline";

  private static final int MAX_BYTES = 1 << 20;

  private KeyFiles() {}

  /**
   * Reads a key set.
   *
   * @throws IllegalArgumentException when the file cannot be read or has no key that can be used
   */
  public static KnownKeys read(Path file) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new IllegalArgumentException("key set " + file + ": there is no such file", e);
    } catch (IOException e) {
      throw new IllegalArgumentException("key set " + file + " cannot be read: " + e, e);
    }
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "key set " + file + ": expected at most " + MAX_BYTES + " bytes");
    }
    KnownKeys keys = KnownKeys.parse(new String(bytes, StandardCharsets.UTF_8));
    if (!keys.areThere()) {
      throw new IllegalArgumentException("key set " + file + ": " + keys.unavailable());
    }
    return keys;
  }

  /**
   * Reads key sets.
   *
   * @param files by {@code namespace/name} of the JWTAuthentication
   * @throws IllegalArgumentException when one cannot be read or has no key that can be used
   */
  public static Map<String, KnownKeys> read(Map<String, Path> files) {
    Map<String, KnownKeys> keys = new TreeMap<>();
    files.forEach((name, file) -> keys.put(name, read(file)));
    return keys;
  }

  /** The objects, and for each JWTAuthentication whose keys are fetched that it has none here. */
  public static Map<ObjectRef, PolicyObject> withoutFetched(Map<ObjectRef, PolicyObject> objects) {
    Map<ObjectRef, PolicyObject> all = new HashMap<>(objects);
    for (PolicyObject none : fetched(List.copyOf(objects.values()), Map.of())) {
      all.put(none.ref(), none);
    }
    return all;
  }

  /**
   * The keys of those JWTAuthentications whose keys are fetched.
   *
   * @param keys by {@code namespace/name}; the others have none
   * @throws IllegalArgumentException when a name is none of them
   */
  static List<PolicyObject> fetched(List<PolicyObject> objects, Map<String, KnownKeys> keys) {
    Map<String, KnownKeys> left = new TreeMap<>(keys);
    List<PolicyObject> fetched = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (PolicyObject object : objects) {
      if (!(object instanceof JwtModel.Authentication authentication)) {
        continue;
      }
      String name = JwtModel.nameOf(authentication.ref());
      KnownKeys given = left.remove(name);
      if (authentication.keys() instanceof KeySource.Fetched source) {
        names.add(name);
        fetched.add(
            new JwtModel.FetchedKeys(
                authentication.keySet(),
                source.location(),
                given == null ? KnownKeys.none(NOT_FETCHED) : given,
                null,
                null));
      } else if (given != null) {
        throw new IllegalArgumentException(
            "keys for JWTAuthentication " + name + ": its keys are in the manifests, not fetched");
      }
    }
    for (String name : left.keySet()) {
      throw new IllegalArgumentException(
          "keys for \""
              + name
              + "\": there is no such JWTAuthentication"
              + NearestName.hint(name, names)
              + ": expected NAMESPACE/NAME");
    }
    return fetched;
  }
}
