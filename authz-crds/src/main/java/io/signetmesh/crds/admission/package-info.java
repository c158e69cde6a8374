/**
 * Rules for one object that its schema cannot express, as pure functions. {@link
 * io.signetmesh.crds.admission.AdmissionRules} is the entry point.
 */
@NullMarked
package io.signetmesh.crds.admission;

import org.jspecify.annotations.NullMarked;
