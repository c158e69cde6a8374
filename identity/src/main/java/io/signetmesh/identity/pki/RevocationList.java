package io.signetmesh.identity.pki;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.security.auth.x500.X500Principal;
import org.jspecify.annotations.Nullable;

/**
 * Certificates and identities that are refused although they verify. Immutable.
 *
 * <p>A certificate is listed by issuer and serial number (RFC 5280 section 5.3), an identity by any
 * of its names. Each entry takes 20 bytes: the serial number itself, or 160 bits of the SHA-256
 * digest of the name. A digest collision can only refuse too much, and takes a second preimage of
 * 160 bits.
 */
public final class RevocationList {
  /** Nothing is revoked. */
  public static final RevocationList NONE = new RevocationList(0, Map.of(), Keys.NONE);

  private static final String SPIFFE = "spiffe://";

  private final long number;
  private final Map<X500Principal, Keys> certificates;
  private final Keys identities;

  /**
   * A revoked certificate.
   *
   * @param issuer distinguished name of its issuer
   * @param serial serial number
   */
  public record Entry(X500Principal issuer, BigInteger serial) {}

  private RevocationList(long number, Map<X500Principal, Keys> certificates, Keys identities) {
    this.number = number;
    this.certificates = certificates;
    this.identities = identities;
  }

  /**
   * Creates a list.
   *
   * @param number grows with each change (CRL number, RFC 5280 section 5.2.3); 0 for no list
   * @param identities DNS names or SPIFFE ids
   */
  public static RevocationList of(long number, List<Entry> certificates, List<String> identities) {
    Builder builder = NONE.change();
    for (Entry entry : certificates) {
      builder.revoke(entry.issuer(), entry.serial().toByteArray());
    }
    identities.forEach(builder::revoke);
    return builder.build(number);
  }

  /** Starts a builder with the entries of this list. This list does not change. */
  public Builder change() {
    return new Builder(this);
  }

  /** CRL number (RFC 5280 section 5.2.3): grows with each change; 0 for no list. */
  public long number() {
    return number;
  }

  /** How many certificates and identities are listed. */
  public int size() {
    int size = identities.size();
    for (Keys serials : certificates.values()) {
      size += serials.size();
    }
    return size;
  }

  /** Whether a certificate is listed. */
  public boolean lists(X509Certificate certificate) {
    return !certificates.isEmpty()
        && lists(certificate.getIssuerX500Principal(), certificate.getSerialNumber());
  }

  /** Whether the certificate of an issuer with this serial number is listed. */
  public boolean lists(X500Principal issuer, BigInteger serial) {
    Keys serials = certificates.get(issuer);
    return serials != null && serials.contains(key(serial.toByteArray()));
  }

  /** Whether an identity is listed under this name. */
  public boolean lists(String identity) {
    return identities.size() > 0 && identities.contains(key(identity));
  }

  /**
   * Why a peer is refused; empty when it is not. The reason names the certificate or identity that
   * is listed.
   */
  public Optional<String> refusal(VerifiedPeer peer) {
    for (String name : peer.identity().names()) {
      if (lists(name)) {
        return Optional.of("identity " + WorkloadIdentity.printable(name) + " is revoked");
      }
    }
    for (X509Certificate certificate : peer.path()) {
      if (lists(certificate)) {
        return Optional.of(
            "certificate "
                + Certificates.describe(certificate)
                + " with serial number "
                + Certificates.serial(certificate)
                + " is revoked");
      }
    }
    return Optional.empty();
  }

  @Override
  public String toString() {
    return "RevocationList[number="
        + number
        + ", certificates="
        + (size() - identities.size())
        + ", identities="
        + identities.size()
        + "]";
  }

  /** The 20 octets that RFC 5280 allows a serial number (section 4.1.2.2); a digest of others. */
  private static byte[] key(byte[] serial) {
    int sign = serial.length > 1 && serial[0] == 0 ? 1 : 0;
    int length = serial.length - sign;
    if (length > Keys.WIDTH || (sign == 0 && serial[0] < 0)) {
      return Arrays.copyOf(Certificates.newSha256().digest(serial), Keys.WIDTH);
    }
    byte[] key = new byte[Keys.WIDTH];
    System.arraycopy(serial, sign, key, Keys.WIDTH - length, length);
    return key;
  }

  /** Scheme and trust domain of a SPIFFE id are the same in any case. */
  private static byte[] key(String identity) {
    String name = identity;
    if (name.regionMatches(true, 0, SPIFFE, 0, SPIFFE.length())) {
      int path = name.indexOf('/', SPIFFE.length());
      int end = path < 0 ? name.length() : path;
      name = name.substring(0, end).toLowerCase(Locale.ROOT) + name.substring(end);
    }
    return Arrays.copyOf(
        Certificates.newSha256().digest(name.getBytes(StandardCharsets.UTF_8)), Keys.WIDTH);
  }

  /**
   * Collects additions to and removals from a list. An entry that is both revoked and lifted is
   * revoked.
   */
  public static final class Builder {
    private final RevocationList base;
    private final Map<X500Principal, Growing> revoked = new HashMap<>();
    private final Map<X500Principal, Growing> lifted = new HashMap<>();
    private final Growing revokedIdentities = new Growing();
    private final Growing liftedIdentities = new Growing();

    private Builder(RevocationList base) {
      this.base = base;
    }

    /**
     * Lists a certificate.
     *
     * @param serial serial number, two's complement, big-endian, at least one byte
     */
    public void revoke(X500Principal issuer, byte[] serial) {
      revoked.computeIfAbsent(issuer, i -> new Growing()).add(key(serial));
    }

    /**
     * Removes a certificate from the list.
     *
     * @param serial as in {@link #revoke}
     */
    public void lift(X500Principal issuer, byte[] serial) {
      lifted.computeIfAbsent(issuer, i -> new Growing()).add(key(serial));
    }

    /** Lists an identity. */
    public void revoke(String identity) {
      revokedIdentities.add(key(identity));
    }

    /** Removes an identity from the list. */
    public void lift(String identity) {
      liftedIdentities.add(key(identity));
    }

    /**
     * Builds the list.
     *
     * @param number CRL number of the new list
     */
    public RevocationList build(long number) {
      Map<X500Principal, Keys> certificates = new HashMap<>(base.certificates);
      Set<X500Principal> changed = new HashSet<>(revoked.keySet());
      changed.addAll(lifted.keySet());
      for (X500Principal issuer : changed) {
        Keys next =
            certificates
                .getOrDefault(issuer, Keys.NONE)
                .with(sorted(revoked.get(issuer)), sorted(lifted.get(issuer)));
        if (next.size() == 0) {
          certificates.remove(issuer);
        } else {
          certificates.put(issuer, next);
        }
      }
      return new RevocationList(
          number,
          certificates,
          base.identities.with(revokedIdentities.sorted(), liftedIdentities.sorted()));
    }

    private static Keys sorted(@Nullable Growing keys) {
      return keys == null ? Keys.NONE : keys.sorted();
    }
  }

  /** Keys in the order of coming. */
  private static final class Growing {
    private byte[] flat = new byte[8 * Keys.WIDTH];
    private int length;

    void add(byte[] key) {
      if (length == flat.length) {
        flat = Arrays.copyOf(flat, 2 * flat.length);
      }
      System.arraycopy(key, 0, flat, length, Keys.WIDTH);
      length += Keys.WIDTH;
    }

    Keys sorted() {
      if (length == 0) {
        return Keys.NONE;
      }
      Keys keys = new Keys(Arrays.copyOf(flat, length));
      return keys.isSorted() ? keys : Keys.sorted(keys.rows());
    }
  }

  /** Sorted keys without duplicates in one array: no object for each. */
  private static final class Keys {
    static final int WIDTH = 20;
    static final Keys NONE = new Keys(new byte[0]);

    private final byte[] flat;

    private Keys(byte[] flat) {
      this.flat = flat;
    }

    static Keys sorted(Collection<byte[]> rows) {
      byte[][] order = rows.toArray(new byte[0][]);
      Arrays.sort(order, Arrays::compareUnsigned);
      byte[] flat = new byte[order.length * WIDTH];
      int length = 0;
      for (int i = 0; i < order.length; i++) {
        if (i == 0 || !Arrays.equals(order[i], order[i - 1])) {
          System.arraycopy(order[i], 0, flat, length, WIDTH);
          length += WIDTH;
        }
      }
      return new Keys(Arrays.copyOf(flat, length));
    }

    int size() {
      return flat.length / WIDTH;
    }

    boolean contains(byte[] key) {
      int low = 0;
      int high = size() - 1;
      while (low <= high) {
        int middle = (low + high) >>> 1;
        int order = compare(middle, key, 0);
        if (order == 0) {
          return true;
        }
        if (order < 0) {
          low = middle + 1;
        } else {
          high = middle - 1;
        }
      }
      return false;
    }

    /** These without the lifted ones, and with the revoked ones: one pass over all three. */
    Keys with(Keys revoked, Keys lifted) {
      if (revoked.size() == 0 && lifted.size() == 0) {
        return this;
      }
      byte[] merged = new byte[flat.length + revoked.flat.length];
      int length = 0;
      int mine = 0;
      int more = 0;
      int less = 0;
      while (mine < size() || more < revoked.size()) {
        int order =
            mine == size()
                ? 1
                : more == revoked.size() ? -1 : compare(mine, revoked.flat, more * WIDTH);
        if (order >= 0) {
          System.arraycopy(revoked.flat, more * WIDTH, merged, length, WIDTH);
          length += WIDTH;
          more++;
          mine += order == 0 ? 1 : 0;
          continue;
        }
        while (less < lifted.size() && lifted.compare(less, flat, mine * WIDTH) < 0) {
          less++;
        }
        if (less == lifted.size() || lifted.compare(less, flat, mine * WIDTH) != 0) {
          System.arraycopy(flat, mine * WIDTH, merged, length, WIDTH);
          length += WIDTH;
        }
        mine++;
      }
      return new Keys(Arrays.copyOf(merged, length));
    }

    boolean isSorted() {
      for (int i = 1; i < size(); i++) {
        if (compare(i - 1, flat, i * WIDTH) >= 0) {
          return false;
        }
      }
      return true;
    }

    List<byte[]> rows() {
      byte[][] rows = new byte[size()][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Arrays.copyOfRange(flat, i * WIDTH, (i + 1) * WIDTH);
      }
      return Arrays.asList(rows);
    }

    private int compare(int index, byte[] other, int at) {
      return Arrays.compareUnsigned(
          flat, index * WIDTH, (index + 1) * WIDTH, other, at, at + WIDTH);
    }
  }
}
