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
 * @param times what messages may take
 * @param openOf calls open at the same time of single methods, by full name
 * @param methods full names of the methods ({@code package.Service/Method}) that are served; null
 *     for all
 */
record CallLimits(
    int openCalls,
    int allCalls,
    int messageBytes,
    int messages,
    Times times,
    Map<String, Integer> openOf,
    @Nullable Set<String> methods) {
  /**
   * Times of messages.
   *
   * @param toComplete for a request to come whole, from its first byte on; and where {@code
   *     messages} is 1, from the headers of the call on
   * @param toTake for an answer to be taken by the client
   */
  record Times(Duration toComplete, Duration toTake) {
    /** 64 KiB come, and some MiB go, in less over a poor network. */
    static final Times DEFAULT = new Times(Duration.ofSeconds(10), Duration.ofSeconds(60));
  }

  /** A token and a certificate signing request are some 2 KiB. */
  static final int UNCERTIFIED_MESSAGE_BYTES = 16 * 1024;

  /** Of a client whose certificate was verified, or that is trusted. */
  static CallLimits certified(
      int openCalls, int messageBytes, Times times, Map<String, Integer> openOf) {
    return new CallLimits(
        openCalls, Integer.MAX_VALUE, messageBytes, Integer.MAX_VALUE, times, openOf, null);
  }

  /** Of a client that showed no certificate: what it takes to ask for one. */
  static CallLimits uncertified(Set<String> openMethods, int messageBytes, Times times) {
    return new CallLimits(
        2, 64, Math.min(messageBytes, UNCERTIFIED_MESSAGE_BYTES), 1, times, Map.of(), openMethods);
  }
}
