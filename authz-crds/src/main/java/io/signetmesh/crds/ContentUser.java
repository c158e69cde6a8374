package io.signetmesh.crds;

import java.util.Set;

/** An object that may have a part of its content in ConfigMaps or Secrets of its namespace. */
public interface ContentUser {
  /** Those objects, whether they are there or not. */
  Set<ResourceKey> holders();
}
