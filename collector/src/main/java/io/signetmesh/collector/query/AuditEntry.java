package io.signetmesh.collector.query;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An entry of the log with the fields of its record. What a client or a writer chose is as it was:
 * whoever prints it makes it harmless.
 *
 * @param index in the log, 0 or more
 * @param bytes of the entry as the log holds it; not copied, not changed
 * @param writer verified identity of who delivered it
 * @param journal id of the writer's journal
 * @param received when the collector took it
 * @param foreign whether it is about a workload that the writer does not speak for
 * @param sequence number in the journal; of what is missing, the first one
 * @param time when it happened; null when the entry has no readable time
 * @param event what happened
 */
@SuppressWarnings("ArrayRecordComponent") // entries are not compared
public record AuditEntry(
    long index,
    byte[] bytes,
    String writer,
    String journal,
    Instant received,
    boolean foreign,
    long sequence,
    @Nullable Instant time,
    Event event) {

  /** The time, or when it was received. */
  public Instant timeOrReceived() {
    return time == null ? received : time;
  }

  /** What an entry says. */
  public sealed interface Event {}

  /**
   * A proxy allowed or denied. A field that the record does not have is null; the meaning of all is
   * in docs/security/audit-format.md.
   *
   * @param workload whose proxy decided
   * @param server Server in force
   * @param route of the server that the request took
   * @param clientIdentity verified
   * @param clientAddress source address and port
   * @param targetAddress address and port of the application
   * @param protocol as the client spoke it
   * @param method of the request
   * @param path of the request
   * @param verdict {@code allow} or {@code deny}
   * @param reason code
   * @param authorization that matched, or came nearest
   * @param failedAttribute what failed in the nearest authorization
   * @param detail in words
   * @param policyGeneration of the policy; 0 when it is not known
   * @param mode {@code enforce} or {@code audit}
   * @param trial dry-run verdict
   * @param token whom the token names
   * @param rego answers of policy bundles
   * @param tlsVersion of the mesh TLS session
   * @param tlsGroup of the mesh TLS session
   * @param count how many decisions the record stands for, 1 or more
   */
  public record Decision(
      @Nullable String workload,
      @Nullable String server,
      @Nullable String route,
      @Nullable String clientIdentity,
      @Nullable String clientAddress,
      @Nullable String targetAddress,
      @Nullable String protocol,
      @Nullable String method,
      @Nullable String path,
      @Nullable String verdict,
      @Nullable String reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail,
      long policyGeneration,
      @Nullable String mode,
      @Nullable Trial trial,
      @Nullable Token token,
      List<Rego> rego,
      @Nullable String tlsVersion,
      @Nullable String tlsGroup,
      long count)
      implements Event {
    /** Whether the client was let in. */
    public boolean isAllowed() {
      return "allow".equals(verdict);
    }
  }

  /**
   * A dry-run verdict.
   *
   * @param verdict {@code allow} or {@code deny}
   * @param reason code
   * @param authorization that would match, or would come nearest
   * @param failedAttribute what would fail
   * @param detail in words
   */
  public record Trial(
      @Nullable String verdict,
      @Nullable String reason,
      @Nullable String authorization,
      @Nullable String failedAttribute,
      @Nullable String detail) {}

  /**
   * Whom a token names.
   *
   * @param issuer of the token
   * @param subject of the token
   * @param id of the token
   * @param keyId of the key that signed it
   */
  public record Token(
      @Nullable String issuer,
      @Nullable String subject,
      @Nullable String id,
      @Nullable String keyId) {}

  /**
   * An answer of a policy bundle.
   *
   * @param authentication namespace and name of the RegoAuthentication
   * @param outcome code
   * @param reason the policy's text, or what went wrong
   */
  public record Rego(
      @Nullable String authentication, @Nullable String outcome, @Nullable String reason) {}

  /**
   * A component of the control plane acted.
   *
   * @param act what was done
   * @param actor who did it
   * @param subject what was acted on
   * @param attributes further values
   */
  public record Administrative(
      @Nullable String act,
      @Nullable String actor,
      @Nullable String subject,
      Map<String, String> attributes)
      implements Event {
    /** Copies the attributes. */
    public Administrative {
      attributes = Map.copyOf(attributes);
    }
  }

  /**
   * Records that could not be kept.
   *
   * @param lost how many
   * @param workload whose they were; null when that is not known
   */
  public record Gap(long lost, @Nullable String workload) implements Event {}

  /**
   * Records that the writer no longer had when it delivered those after them.
   *
   * @param from sequence number of the first one
   * @param to sequence number of the last one
   * @param unsure whether the log may have them, and what follows a second time
   */
  public record Missing(long from, long to, boolean unsure) implements Event {}

  /**
   * A record of a kind that this version does not know, such as the head of a chain.
   *
   * @param kind name of its field
   */
  public record Other(String kind) implements Event {}
}
