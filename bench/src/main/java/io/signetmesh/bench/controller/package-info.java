/** Measures one policy controller under many watched ports. */
@NullMarked
package io.signetmesh.bench.controller;

import org.jspecify.annotations.NullMarked;
