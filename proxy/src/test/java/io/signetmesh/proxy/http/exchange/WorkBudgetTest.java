package io.signetmesh.proxy.http.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.authorize.Client;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class WorkBudgetTest {
  private long now = 5;
  private final WorkBudget budget = new WorkBudget(() -> now, 10, 2);

  private boolean request() {
    return budget.spend(WorkBudget.REQUEST);
  }

  @Test
  void whatIsSpentComesBackWithTimeUpToTheCapacity() {
    for (int i = 0; i < 10; i++) {
      assertThat(request()).isTrue();
    }
    assertThat(request()).isFalse();
    now += TimeUnit.SECONDS.toNanos(2);
    assertThat(request()).isTrue();
    assertThat(request()).isTrue();
    assertThat(request()).isTrue();
    assertThat(request()).isFalse();
    now += TimeUnit.DAYS.toNanos(400);
    assertThat(budget.spent()).isZero();
    for (int i = 0; i < 10; i++) {
      assertThat(request()).isTrue();
    }
    assertThat(request()).isFalse();
  }

  @Test
  void whatIsAnsweredMakesUpForWhatIsNot() {
    for (int i = 0; i < 1000; i++) {
      budget.earn();
      assertThat(request()).isTrue();
    }
  }

  @Test
  void debtsAreBounded() {
    budget.spend(Long.MAX_VALUE / 4);
    now += TimeUnit.SECONDS.toNanos(6);
    assertThat(request()).isTrue();
  }

  @Test
  void aClientHasOneAccountUntilItOwesNothing() throws Exception {
    ClientAccounts accounts = new ClientAccounts(() -> now);
    Client client = new Client(InetAddress.getByName("10.0.0.1"), true, "web.shop");
    Client moved = new Client(InetAddress.getByName("10.0.0.2"), true, "web.shop");
    Client near = new Client(InetAddress.getByName("2001:db8::1"), false, null);
    Client next = new Client(InetAddress.getByName("2001:db8::2"), false, null);
    ClientAccount account = accounts.open(client);
    assertThat(accounts.open(moved)).isSameAs(account);
    assertThat(accounts.open(near)).isNotSameAs(account).isSameAs(accounts.open(next));
    account.budget().spend(1000L * WorkBudget.REQUEST);
    assertThat(account.isApart()).isTrue();
    accounts.close(client, account);
    accounts.close(moved, account);
    assertThat(accounts.open(client)).isSameAs(account);
    now += TimeUnit.HOURS.toNanos(1);
    assertThat(account.isApart()).isFalse();
    accounts.close(client, account);
    assertThat(accounts.size()).isEqualTo(1);
  }

  @Test
  void accountsOfThoseWhoLeftAreBounded() throws Exception {
    ClientAccounts accounts = new ClientAccounts(() -> now);
    for (int i = 0; i < 10_000; i++) {
      Client client =
          new Client(InetAddress.getByName("10.0." + i / 250 + "." + i % 250), true, "a" + i);
      ClientAccount account = accounts.open(client);
      account.budget().spend(WorkBudget.REQUEST);
      accounts.close(client, account);
    }
    assertThat(accounts.size()).isLessThanOrEqualTo(4097);
  }
}
