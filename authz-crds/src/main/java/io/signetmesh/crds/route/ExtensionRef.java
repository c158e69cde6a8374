package io.signetmesh.crds.route;

import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;

/**
 * Reference to an object that configures an implementation-specific filter.
 *
 * @param group API group
 * @param kind kind
 * @param name name
 */
public record ExtensionRef(
    @Required @Text(TextFormat.GROUP) String group,
    @Required @Text(TextFormat.KIND) String kind,
    @Required @Text(TextFormat.NAME) String name) {}
