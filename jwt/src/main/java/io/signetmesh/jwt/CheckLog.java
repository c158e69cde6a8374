package io.signetmesh.jwt;

/** Gets each check of a token in order, up to the first that the others depend on. */
@FunctionalInterface
public interface CheckLog {
  /**
   * Takes one check.
   *
   * @param name what was checked: "form", "algorithm", "signature", a claim's name and so on
   * @param passed whether the token passed it
   * @param detail one sentence for people; names and expected values, no value of the token but
   *     {@code alg}, {@code kid} and times
   */
  void checked(String name, boolean passed, String detail);
}
