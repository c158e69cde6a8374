/**
 * The gRPC services: policy streams to proxies, the ledger of what proxies acknowledge, and the
 * answers to operators.
 */
@NullMarked
package io.signetmesh.policy.stream;

import org.jspecify.annotations.NullMarked;
