/** Policy tests: case files, their results and reports. */
@NullMarked
package io.signetmesh.cli.cases;

import org.jspecify.annotations.NullMarked;
