package io.signetmesh.audit;

import java.util.Map;

/**
 * An act of a control-plane component.
 *
 * @param epochMillis when it happened
 * @param act what was done, e.g. {@code certificate-issued}
 * @param actor component or caller that acted
 * @param subject what was acted on
 * @param attributes further attributes, in the order given by the map
 */
public record AdministrativeEvent(
    long epochMillis, String act, String actor, String subject, Map<String, String> attributes)
    implements AuditEvent {}
