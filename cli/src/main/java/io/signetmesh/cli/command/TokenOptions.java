package io.signetmesh.cli.command;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Options for a PKCS#11 token, all needed together. A command adds the label of a key in it. */
public class TokenOptions {
  @Option(
      names = "--pkcs11-library",
      required = true,
      paramLabel = "FILE",
      description = "Library of the token (PKCS#11).")
  private Path library = Path.of("");

  @Option(
      names = "--pkcs11-token",
      required = true,
      paramLabel = "LABEL",
      description = "Label of the token.")
  private String label = "";

  @Option(
      names = "--pkcs11-pin-file",
      required = true,
      paramLabel = "FILE",
      description = "PIN of the token's user; mode 0600.")
  private Path pin = Path.of("");

  /** Path of the token's library. */
  public Path library() {
    return library;
  }

  /** Label of the token. */
  public String label() {
    return label;
  }

  /** Path of the file with the PIN. */
  public Path pin() {
    return pin;
  }
}
