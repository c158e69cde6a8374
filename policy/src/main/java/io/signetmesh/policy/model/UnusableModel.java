package io.signetmesh.policy.model;

/**
 * An object that is there but whose shape the controller does not understand. It grants nothing,
 * and what refers to it grants nothing.
 *
 * @param ref the object
 * @param origin where it is written
 * @param reason what is wrong with it and what was expected
 */
public record UnusableModel(ObjectRef ref, String origin, String reason) implements PolicyObject {}
