package io.signetmesh.policy.fetch;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.Document;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.fetch.FetchException.Kind;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.PolicyObject;
import io.signetmesh.policy.model.RegoModel;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.policy.token.KnownKeys;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What differs between key sets and policy bundles. */
enum DocumentForm {
  /** The key set of a JWTAuthentication. */
  KEY_SET("key set", "the keys have not been fetched yet", 256 * 1024) {
    @Override
    Document none(String why) {
      return KnownKeys.none(why);
    }

    @Override
    Document parse(ByteString content) throws FetchException {
      try {
        return KnownKeys.parse(
            StandardCharsets.UTF_8.newDecoder().decode(content.asReadOnlyByteBuffer()).toString());
      } catch (CharacterCodingException e) {
        throw new FetchException(Kind.CONTENT, "it is not UTF-8");
      }
    }

    @Override
    ObjectRef fetched(ObjectRef user) {
      return JwtModel.keySetOf(user);
    }

    @Override
    PolicyObject model(
        ObjectRef user,
        DocumentLocation location,
        Document document,
        @Nullable Instant expiresAt,
        @Nullable String failure) {
      return new JwtModel.FetchedKeys(
          fetched(user), location, (KnownKeys) document, expiresAt, failure);
    }
  },
  /** The bundle of a RegoAuthentication. */
  BUNDLE("bundle", "the bundle has not been fetched yet", KnownBundle.MAX_BYTES) {
    @Override
    Document none(String why) {
      return KnownBundle.none(why);
    }

    @Override
    Document parse(ByteString content) {
      return KnownBundle.of(content);
    }

    @Override
    ObjectRef fetched(ObjectRef user) {
      return RegoModel.bundleOf(user);
    }

    @Override
    PolicyObject model(
        ObjectRef user,
        DocumentLocation location,
        Document document,
        @Nullable Instant expiresAt,
        @Nullable String failure) {
      return new RegoModel.FetchedBundle(
          fetched(user), location, (KnownBundle) document, expiresAt, failure);
    }
  };

  private final String noun;
  private final String notYet;
  private final int maxBytes;

  DocumentForm(String noun, String notYet, int maxBytes) {
    this.noun = noun;
    this.notYet = notYet;
    this.maxBytes = maxBytes;
  }

  /** The form of what is at a location. */
  static DocumentForm of(DocumentLocation location) {
    return location.kind().isBundle() ? BUNDLE : KEY_SET;
  }

  /** The form of what authentications of a kind need. */
  static DocumentForm of(ObjectRef.Kind authentication) {
    return authentication == ObjectRef.Kind.REGO_AUTHENTICATION ? BUNDLE : KEY_SET;
  }

  /** The word for it. */
  String noun() {
    return noun;
  }

  /** What is counted of it. */
  String unit() {
    return this == KEY_SET ? "keys" : "bytes";
  }

  /** What is known before the first fetch. */
  Document notYet() {
    return none(notYet);
  }

  /** Most bytes of it. */
  int maxBytes() {
    return maxBytes;
  }

  /** No document. */
  abstract Document none(String why);

  /**
   * The document that some bytes are; none, with the reason, when they are no good one.
   *
   * @throws FetchException when they are not even text, where there should be text
   */
  abstract Document parse(ByteString content) throws FetchException;

  /** The name of what was fetched for an authentication. */
  abstract ObjectRef fetched(ObjectRef user);

  /** What was fetched for an authentication, as an object of the policy model. */
  abstract PolicyObject model(
      ObjectRef user,
      DocumentLocation location,
      Document document,
      @Nullable Instant expiresAt,
      @Nullable String failure);
}
