package io.signetmesh.identity.attest;

/** Attests callers by one kind of evidence. Implementations may block, and are thread-safe. */
@FunctionalInterface
public interface Attestor {
  /** Default audience that a token must be issued for. */
  String AUDIENCE = "identity.l5d.io";

  /**
   * Returns the workload that the evidence identifies.
   *
   * @throws AttestationException when the evidence is refused; the message never holds the token
   */
  Attested attest(Evidence evidence) throws AttestationException;
}
