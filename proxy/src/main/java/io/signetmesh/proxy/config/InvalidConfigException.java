package io.signetmesh.proxy.config;

import java.util.List;

/** The environment is not a valid configuration of a proxy. */
public final class InvalidConfigException extends Exception {
  private static final long serialVersionUID = 1L;
  private final transient List<String> faults;

  /**
   * @param faults one sentence each, with the name of the variable
   */
  public InvalidConfigException(List<String> faults) {
    super(String.join("; ", faults));
    this.faults = List.copyOf(faults);
  }

  /** All faults. Each names the variable, its value and what was expected. */
  public List<String> faults() {
    return faults;
  }
}
