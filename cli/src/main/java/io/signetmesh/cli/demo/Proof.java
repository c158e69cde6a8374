package io.signetmesh.cli.demo;

import java.time.Duration;

/**
 * One thing that a rotation promises, looked at while it was under way.
 *
 * @param phase phase of the rotation that it is about; {@code Before} and {@code After} among them
 * @param after time since the rotation was started; zero before
 * @param holds whether it was so
 * @param text what was seen
 */
record Proof(String phase, Duration after, boolean holds, String text) {}
