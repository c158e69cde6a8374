/**
 * Who asks for a certificate: turns a token into a workload's identity, or a refusal with a reason.
 */
@NullMarked
package io.signetmesh.identity.attest;

import org.jspecify.annotations.NullMarked;
