package io.signetmesh.cli.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.cli.CommandRun;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.PortStatus;
import org.junit.jupiter.api.Test;

/** What {@code signet policy status} tells programs. */
final class PolicyStatusCommandTest {
  private static EnforcementStatus.Builder status(boolean inForce) {
    return EnforcementStatus.newBuilder()
        .addPorts(PortStatus.newBuilder().setConnected(true).setInForce(inForce));
  }

  @Test
  void endsWellWhenAllIsInForceAndNothingButWarningsIsFound() {
    EnforcementStatus status =
        status(true).addFindings("shop.yaml:3:1: warning: Server shop/web: …").build();
    assertThat(PolicyStatusCommand.exitCode(status)).isEqualTo(ExitCode.OK);
  }

  @Test
  void anErrorInPolicyThatIsInForceHasACodeOfItsOwn() {
    assertThat(PolicyStatusCommand.exitCode(status(true).setPolicyErrors(1).build()))
        .isEqualTo(3)
        .isEqualTo(ExitCode.IN_FORCE_WITH_ERRORS);
    assertThat(CommandRun.of("policy", "status", "--help").out()).contains("3    it is in force");
  }

  @Test
  void whatIsNotInForceWeighsMoreThanAnError() {
    assertThat(PolicyStatusCommand.exitCode(status(false).setPolicyErrors(1).build()))
        .isEqualTo(ExitCode.NEGATIVE);
    assertThat(
            PolicyStatusCommand.exitCode(
                status(true).setPolicyErrors(1).setInvalidManifests(1).build()))
        .isEqualTo(ExitCode.NEGATIVE);
  }
}
