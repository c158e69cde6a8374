package io.signetmesh.cli.demo;

/**
 * What a client of the demo got.
 *
 * @param served whether the application answered
 * @param text status as its protocol has it, e.g. {@code 403 Forbidden} or {@code connection
 *     closed}
 */
record Answer(boolean served, String text) {
  static Answer served(String text) {
    return new Answer(true, text);
  }

  static Answer refused(String text) {
    return new Answer(false, text);
  }
}
