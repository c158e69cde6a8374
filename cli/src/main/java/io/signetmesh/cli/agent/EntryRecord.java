package io.signetmesh.cli.agent;

import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A workload entry, in the form of the file.
 *
 * @param namespace namespace of the ServiceAccount
 * @param serviceAccount ServiceAccount for which the process gets a certificate
 * @param tokenFile file with the ServiceAccount's token, relative to the file of entries; null
 *     means that the agent issues one, if it can
 * @param selectors selectors, all of which the process must match; 1 to 16
 * @param hint distinguishes the identities of a process; at most 64 characters
 */
public record EntryRecord(
    @Required @Text(TextFormat.LABEL) String namespace,
    @Required @Text(TextFormat.LABEL) String serviceAccount,
    @Length(min = 1, max = 4096) @Nullable String tokenFile,
    @Required @Items(min = 1, max = 16) List<String> selectors,
    @Length(max = 64) @Nullable String hint) {}
