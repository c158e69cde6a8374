package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.signetmesh.identity.pki.TestPki;
import io.signetmesh.identity.pki.crl.TestCrls;
import io.signetmesh.v1.GetPublishedCrlResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class MeshCrlTest {
  private final TestPki pki = TestPki.create("a");
  private final Map<Long, ByteString> lists = new HashMap<>();
  private final Client client = new Client();
  private final Client other = new Client();
  private final List<Runnable> later = new ArrayList<>();
  private final List<Integer> told = new ArrayList<>();
  private final MeshCrl crl = new MeshCrl(() -> List.of(client, other), later::add, this::changed);

  /** A client of the identity server, which is asked and answers when the test says so. */
  private static final class Client implements MeshCrl.Source {
    private final List<CompletableFuture<GetPublishedCrlResponse>> asked = new ArrayList<>();
    private long number;

    @Override
    public long number() {
      return number;
    }

    @Override
    public CompletableFuture<GetPublishedCrlResponse> fetch() {
      CompletableFuture<GetPublishedCrlResponse> answer = new CompletableFuture<>();
      asked.add(answer);
      return answer;
    }

    void answer(long answered, ByteString list) {
      asked
          .removeFirst()
          .complete(GetPublishedCrlResponse.newBuilder().setNumber(answered).setCrl(list).build());
    }
  }

  private void changed() {
    told.add(crl.der().size());
  }

  /** A list of that number, the same each time. */
  private ByteString list(long number) {
    return lists.computeIfAbsent(
        number, n -> ByteString.copyFrom(TestCrls.full(pki, n, List.of())));
  }

  @Test
  void nothingIsFetchedBeforeAClientKnowsOfAList() {
    crl.look();
    assertThat(client.asked).isEmpty();
    assertThat(crl.der()).isEqualTo(ByteString.EMPTY);
  }

  @Test
  void theClientThatKnowsTheNewestIsAskedOnceForAll() {
    client.number = 1;
    other.number = 2;
    crl.look();
    crl.look();
    assertThat(client.asked).isEmpty();
    assertThat(other.asked).hasSize(1);

    other.answer(2, list(2));
    assertThat(crl.der()).isEqualTo(list(2));
    assertThat(told).hasSize(1);
    client.number = 2;
    crl.look();
    assertThat(client.asked).as("no newer one").isEmpty();
    assertThat(other.asked).isEmpty();
  }

  @Test
  void whatChangesMeanwhileIsFetchedNext() {
    client.number = 1;
    crl.look();
    client.number = 2;
    crl.look();
    assertThat(client.asked).hasSize(1);

    client.answer(1, list(1));
    assertThat(client.asked).hasSize(1);
    client.answer(2, list(2));
    assertThat(crl.der()).isEqualTo(list(2));
    assertThat(client.asked).isEmpty();
  }

  @Test
  void aFailureAndANonsenseAreAskedAgainAfterAPauseAndTheEarlierListStays() {
    client.number = 1;
    crl.look();
    client.answer(1, list(1));
    client.number = 2;
    crl.look();

    client.asked.removeFirst().completeExceptionally(Status.UNAVAILABLE.asRuntimeException());
    crl.look();
    assertThat(client.asked).as("not before the pause").isEmpty();
    assertThat(crl.der()).isEqualTo(list(1));
    later.removeFirst().run();
    client.answer(2, ByteString.copyFromUtf8("no list"));
    assertThat(crl.der()).isEqualTo(list(1));
    later.removeFirst().run();
    client.answer(2, list(3));
    assertThat(crl.der()).as("a list of another number than said").isEqualTo(list(1));
    later.removeFirst().run();
    client.answer(2, list(2));
    assertThat(crl.der()).isEqualTo(list(2));
    assertThat(later).isEmpty();
  }

  @Test
  void aListThatIsTooLargeTakesTheEarlierOneAway() {
    client.number = 1;
    crl.look();
    client.answer(1, list(1));
    client.number = 2;
    crl.look();
    client.answer(2, ByteString.EMPTY);

    assertThat(crl.der()).isEqualTo(ByteString.EMPTY);
    assertThat(told.getLast()).isZero();
    assertThat(client.asked).as("it is not asked for again and again").isEmpty();
  }
}
