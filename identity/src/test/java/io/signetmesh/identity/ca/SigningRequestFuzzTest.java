package io.signetmesh.identity.ca;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.PrivateKeys;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.io.IOException;
import java.security.KeyPair;
import java.util.stream.Stream;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SigningRequestFuzzTest {
  private static final WorkloadIdentity WEB =
      new WorkloadIdentity("web", "shop", "signet", "cluster.local");

  static Stream<Arguments> requests() {
    return Stream.of(
        Arguments.of((Object) SigningRequest.create(WEB.dnsName(), PrivateKeys.generate())),
        Arguments.of((Object) SigningRequest.create("a".repeat(200), PrivateKeys.generate())),
        Arguments.of((Object) SigningRequest.create(WEB.dnsName(), KeyKind.P384.generate())),
        Arguments.of((Object) requestForACa()),
        Arguments.of((Object) new byte[] {0x30, (byte) 0x84, 0x7f, (byte) 0xff, 1, 1}),
        Arguments.of((Object) new byte[] {0x30, (byte) 0x80, 0x30, (byte) 0x80}));
  }

  private static byte[] requestForACa() {
    try {
      ExtensionsGenerator extensions = new ExtensionsGenerator();
      extensions.addExtension(Extension.basicConstraints, true, new BasicConstraints(3));
      extensions.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
      KeyPair keys = PrivateKeys.generate();
      return new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=ca"), keys.getPublic())
          .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate())
          .build(SigningKey.of(keys.getPrivate()).contentSigner(KeyKind.P256))
          .getEncoded();
    } catch (IOException | PkiException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whatever comes, the outcome is a request or an ordinary refusal. */
  @MethodSource("requests")
  @FuzzTest(maxDuration = "10m")
  void bytesOfARequest(byte[] der) {
    try {
      SigningRequest request = SigningRequest.parse(der);
      request.requireNoCa();
      request.requireNames(WEB);
      request.requirePossession();
    } catch (PkiException e) {
      // Refused, as it should be.
    }
  }
}
