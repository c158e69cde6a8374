package io.signetmesh.crds.rego;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;

/**
 * Spec of a {@link RegoAuthentication}. Admission rules check what the annotations cannot say.
 *
 * @param entrypoint path of the rule that answers, as {@code opa build --entrypoint} takes it
 * @param bundle where the bundle comes from
 * @param cpuTime CPU time of one decision, 1 ms to 1 s
 * @param memory memory of one instance of the policy, 1 MiB to 64 MiB
 */
public record RegoAuthenticationSpec(
    @Required @Length(min = 1, max = 256) String entrypoint,
    @Required PolicyBundle bundle,
    @Default("20ms") @Text(TextFormat.GO_DURATION) String cpuTime,
    @Default("16Mi") @Text(TextFormat.BYTE_SIZE) String memory) {}
