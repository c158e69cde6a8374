/**
 * What an object must keep to beyond its schema, as pure functions: {@link
 * io.signetmesh.crds.admission.AdmissionRules} is the entry.
 */
@NullMarked
package io.signetmesh.crds.admission;

import org.jspecify.annotations.NullMarked;
