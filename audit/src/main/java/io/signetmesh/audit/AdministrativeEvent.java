package io.signetmesh.audit;

import java.util.Map;

/**
 * An action of a control-plane component.
 *
 * @param epochMillis time in milliseconds since the Unix epoch
 * @param act type of the action, such as {@code certificate-issued}
 * @param actor component or caller that acted
 * @param subject what the action was about
 * @param attributes more attributes, written in the order of the map
 */
public record AdministrativeEvent(
    long epochMillis, String act, String actor, String subject, Map<String, String> attributes)
    implements AuditEvent {}
