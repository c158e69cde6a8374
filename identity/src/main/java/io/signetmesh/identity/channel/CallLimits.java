package io.signetmesh.identity.channel;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the calls of one connection are held to.
 *
 * @param openCalls calls open at the same time
 * @param allCalls calls from the first to the last, after which the client is told to connect anew
 * @param messageBytes largest message taken
 * @param messages messages taken for a call
 * @param toComplete time for a message to come whole, from its first byte on; and where {@code
 *     messages} is 1 for the whole request, from its headers on
 * @param openOf calls open at the same time of single methods, by full name
 * @param methods full names of the methods ({@code package.Service/Method}) that are served; null
 *     for all
 */
record CallLimits(
    int openCalls,
    int allCalls,
    int messageBytes,
    int messages,
    Duration toComplete,
    Map<String, Integer> openOf,
    @Nullable Set<String> methods) {
  /** A request of 64 KiB takes less over a poor network. */
  static final Duration TO_COMPLETE = Duration.ofSeconds(10);

  /** A token and a certificate signing request are some 2 KiB. */
  static final int UNCERTIFIED_MESSAGE_BYTES = 16 * 1024;

  /** Of a client whose certificate was verified, or that is trusted. */
  static CallLimits certified(
      int openCalls, int messageBytes, Duration toComplete, Map<String, Integer> openOf) {
    return new CallLimits(
        openCalls, Integer.MAX_VALUE, messageBytes, Integer.MAX_VALUE, toComplete, openOf, null);
  }

  /** Of a client that showed no certificate: what it takes to ask for one. */
  static CallLimits uncertified(Set<String> openMethods, int messageBytes, Duration toComplete) {
    return new CallLimits(
        2,
        64,
        Math.min(messageBytes, UNCERTIFIED_MESSAGE_BYTES),
        1,
        toComplete,
        Map.of(),
        openMethods);
  }
}
