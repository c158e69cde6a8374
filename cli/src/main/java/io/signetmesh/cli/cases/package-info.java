/** Policy tests: files of cases, their outcome, and reports of it. */
@NullMarked
package io.signetmesh.cli.cases;

import org.jspecify.annotations.NullMarked;
