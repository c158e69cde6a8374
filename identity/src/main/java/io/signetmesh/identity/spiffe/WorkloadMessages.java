package io.signetmesh.identity.spiffe;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.signetmesh.identity.jwt.JwtKeySet;
import io.signetmesh.identity.jwt.SpiffeId;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.spiffe.AgentIdentities.Held;
import io.signetmesh.spiffe.workload.JWTBundlesResponse;
import io.signetmesh.spiffe.workload.X509BundlesResponse;
import io.signetmesh.spiffe.workload.X509SVID;
import io.signetmesh.spiffe.workload.X509SVIDResponse;
import java.io.ByteArrayOutputStream;
import java.security.cert.X509Certificate;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the Workload API says of identities. */
final class WorkloadMessages {
  private static final double MILLIS = 1e3;

  private WorkloadMessages() {}

  /**
   * X.509-SVIDs; null when none of the identities has a certificate that is valid.
   *
   * @param crl the mesh's revocation list in DER; empty for none
   */
  static @Nullable X509SVIDResponse x509Svids(List<Held> identities, ByteString crl) {
    X509SVIDResponse.Builder response = X509SVIDResponse.newBuilder();
    if (!crl.isEmpty()) {
      response.addCrl(crl);
    }
    for (Held held : certified(identities)) {
      Credentials credentials = held.client().credentials();
      response.addSvids(
          X509SVID
              .newBuilder()
              .setSpiffeId(held.entry().identity().spiffeId())
              .setX509Svid(der(credentials.certificate().chain()))
              // PKCS#8 is the encoding of every private key that is not in a token.
              .setX509SvidKey(
                  ByteString.copyFrom(credentials.certificate().privateKey().getEncoded()))
              .setBundle(der(credentials.trust().anchors()))
              .setHint(held.entry().hint()));
      for (TrustBundle foreign : credentials.peers().federated()) {
        response.putFederatedBundles(
            SpiffeId.ofTrustDomain(foreign.trustDomain()), der(foreign.anchors()));
      }
    }
    return response.getSvidsCount() == 0 ? null : response.build();
  }

  /**
   * Trust anchors; null when none of the identities has a certificate that is valid.
   *
   * @param crl the mesh's revocation list in DER; empty for none
   */
  static @Nullable X509BundlesResponse x509Bundles(List<Held> identities, ByteString crl) {
    X509BundlesResponse.Builder response = X509BundlesResponse.newBuilder();
    if (!crl.isEmpty()) {
      response.addCrl(crl);
    }
    bundles(identities)
        .forEach(
            (domain, bundle) ->
                response.putBundles(SpiffeId.ofTrustDomain(domain), der(bundle.anchors())));
    return response.getBundlesCount() == 0 ? null : response.build();
  }

  /** JWT authorities; null when none of the identities has a certificate that is valid. */
  static @Nullable JWTBundlesResponse jwtBundles(List<Held> identities) {
    JWTBundlesResponse.Builder response = JWTBundlesResponse.newBuilder();
    bundles(identities)
        .forEach(
            (domain, bundle) ->
                response.putBundles(
                    SpiffeId.ofTrustDomain(domain),
                    ByteString.copyFrom(JwtKeySet.encode(bundle.jwtAuthorities()))));
    return response.getBundlesCount() == 0 ? null : response.build();
  }

  /** The bundles that the identities know, by trust domain. */
  static Map<String, TrustBundle> bundles(List<Held> identities) {
    Map<String, TrustBundle> bundles = new LinkedHashMap<>();
    for (Held held : certified(identities)) {
      Credentials credentials = held.client().credentials();
      newest(bundles, credentials.trust());
      credentials.peers().federated().forEach(foreign -> newest(bundles, foreign));
    }
    return bundles;
  }

  /** Whether one of the identities knows that a SPIFFE id is revoked. */
  static boolean revoked(List<Held> identities, String spiffeId) {
    return certified(identities).stream()
        .anyMatch(held -> held.client().credentials().peers().revoked().lists(spiffeId));
  }

  /** Claims of a token; times in seconds, as they stand in it. */
  static Struct claims(Map<String, Object> claims) {
    Struct.Builder struct = Struct.newBuilder();
    claims.forEach((name, claim) -> struct.putFields(name, value(claim)));
    return struct.build();
  }

  private static Value value(@Nullable Object claim) {
    Value.Builder value = Value.newBuilder();
    return switch (claim) {
      case null -> value.setNullValue(NullValue.NULL_VALUE).build();
      case Boolean bool -> value.setBoolValue(bool).build();
      case Number number -> value.setNumberValue(number.doubleValue()).build();
      case Date date -> value.setNumberValue(date.getTime() / MILLIS).build();
      case List<?> list -> {
        ListValue.Builder values = ListValue.newBuilder();
        list.forEach(item -> values.addValues(value(item)));
        yield value.setListValue(values).build();
      }
      case Map<?, ?> map -> {
        Struct.Builder struct = Struct.newBuilder();
        map.forEach((name, item) -> struct.putFields(String.valueOf(name), value(item)));
        yield value.setStructValue(struct).build();
      }
      default -> value.setStringValue(claim.toString()).build();
    };
  }

  private static List<Held> certified(List<Held> identities) {
    return identities.stream().filter(held -> held.client().isCertified()).toList();
  }

  private static void newest(Map<String, TrustBundle> bundles, TrustBundle bundle) {
    bundles.merge(bundle.trustDomain(), bundle, (a, b) -> a.version() < b.version() ? b : a);
  }

  private static ByteString der(List<X509Certificate> certificates) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    certificates.forEach(certificate -> all.writeBytes(Certificates.der(certificate)));
    return ByteString.copyFrom(all.toByteArray());
  }
}
