@NullMarked
package io.signetmesh.cli.audit;

import org.jspecify.annotations.NullMarked;
