/**
 * Attestation: verifies the evidence of a caller that requests a certificate, and returns the
 * workload's identity or a refusal with a reason.
 */
@NullMarked
package io.signetmesh.identity.attest;

import org.jspecify.annotations.NullMarked;
