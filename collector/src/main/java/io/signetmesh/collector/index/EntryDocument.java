package io.signetmesh.collector.index;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Trial;
import io.signetmesh.collector.query.Condition;
import io.signetmesh.collector.query.EntryFilter;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StringField;
import org.jspecify.annotations.Nullable;

/**
 * What is indexed of an entry. The document is the same each time, with other values: it is good
 * until the next call. For one thread.
 */
final class EntryDocument {
  private final Document document = new Document();
  private final Map<String, Field> fields = new HashMap<>();
  private final NumericDocValuesField time = NumericDocValuesField.indexedField(IndexField.TIME, 0);

  /** The document of an entry. */
  Document of(AuditEntry entry) {
    document.clear();
    time.setLongValue(millis(entry.timeOrReceived()));
    document.add(time);
    put(IndexField.KIND, EntryFilter.Kind.of(entry.event()).name());
    if (entry.foreign()) {
      put(IndexField.FOREIGN, IndexField.YES);
    }
    text(Condition.Field.WRITER, entry.writer());
    switch (entry.event()) {
      case Decision decision -> decision(decision);
      case Administrative administrative -> text(Condition.Field.ACT, administrative.act());
      case Gap gap -> text(Condition.Field.WORKLOAD, gap.workload());
      default -> {
        // Nothing else of it is asked for.
      }
    }
    return document;
  }

  /** The document of an entry that cannot be read. */
  Document unreadable() {
    document.clear();
    put(IndexField.UNREADABLE, IndexField.YES);
    return document;
  }

  private void decision(Decision decision) {
    text(Condition.Field.VERDICT, decision.verdict());
    Trial trial = decision.trial();
    if (trial != null) {
      text(Condition.Field.WOULD_BE, trial.verdict());
    }
    text(Condition.Field.REASON, decision.reason());
    text(Condition.Field.SERVER, decision.server());
    text(Condition.Field.ROUTE, decision.route());
    text(Condition.Field.PATH, decision.path());
    text(Condition.Field.POLICY, decision.authorization());
    text(Condition.Field.WORKLOAD, decision.workload());
    text(IndexField.CLIENT, decision.clientIdentity());
    String address = decision.clientAddress();
    text(IndexField.ADDRESS, address == null ? null : IndexField.address(address));
  }

  private void text(Condition.Field field, @Nullable String value) {
    text(IndexField.of(field), value);
  }

  private void text(String field, @Nullable String value) {
    if (value == null) {
      return;
    }
    if (IndexField.isOpaque(value)) {
      // A field of its own for each name: a document may have several.
      document.add(new StringField(IndexField.OPAQUE, field, Field.Store.NO));
    } else {
      put(field, value);
    }
  }

  private void put(String name, String value) {
    Field field = fields.get(name);
    if (field == null) {
      field = new StringField(name, value, Field.Store.NO);
      fields.put(name, field);
    } else {
      field.setStringValue(value);
    }
    document.add(field);
  }

  /** Milliseconds, rounded down; the farthest ones for times that have no such number. */
  static long millis(Instant time) {
    try {
      return time.toEpochMilli();
    } catch (ArithmeticException e) {
      return time.isBefore(Instant.EPOCH) ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }
}
