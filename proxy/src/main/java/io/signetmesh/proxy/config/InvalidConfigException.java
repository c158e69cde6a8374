package io.signetmesh.proxy.config;

import java.util.List;

/** The environment does not describe a proxy. */
public final class InvalidConfigException extends Exception {
  private static final long serialVersionUID = 1L;
  private final transient List<String> faults;

  InvalidConfigException(List<String> faults) {
    super(String.join("; ", faults));
    this.faults = List.copyOf(faults);
  }

  /** Every fault found, each naming the variable, its value and what was expected. */
  public List<String> faults() {
    return faults;
  }
}
