package io.signetmesh.rego;

import com.dylibso.chicory.runtime.ConstantEvaluators;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.Memory;
import com.dylibso.chicory.wasm.types.ActiveDataSegment;
import com.dylibso.chicory.wasm.types.DataSegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory of an instance, at most a number of pages, that can be put back to what it was. It knows
 * which of its blocks were written to, so that only these are put back.
 *
 * <p>Addresses behind the last page may be there already: the memory grows by more than is asked
 * for. They are within the maximum, and zero until they are written to.
 */
final class PolicyMemory implements Memory {
  private static final VarHandle SHORT = view(short[].class);
  private static final VarHandle INT = view(int[].class);
  private static final VarHandle LONG = view(long[].class);
  private static final VarHandle FLOAT = view(float[].class);
  private static final VarHandle DOUBLE = view(double[].class);

  private static final int BLOCK_SHIFT = 12;
  private static final int BLOCK = 1 << BLOCK_SHIFT;

  /** Bytes that it keeps beyond those of its snapshot. */
  static final int KEPT = 1 << 20;

  private static final byte[] NONE = {};

  private final int initialPages;
  private final int maximumPages;
  private final MemoryBudget.Share budget;
  private int pages;
  private byte[] bytes;
  private byte[] written;
  private long taken;
  private boolean exhausted;

  /**
   * A memory of zeros.
   *
   * @param initialPages pages of 64 KiB at first
   * @param maximumPages pages of 64 KiB at most, not less than at first
   * @param budget what it takes all of its bytes from
   * @throws MemoryBudget.ExhaustedException when the budget has too little
   */
  PolicyMemory(int initialPages, int maximumPages, MemoryBudget.Share budget) {
    this(initialPages, initialPages, maximumPages, budget);
  }

  private PolicyMemory(int pages, int initialPages, int maximumPages, MemoryBudget.Share budget) {
    this.initialPages = initialPages;
    this.maximumPages = maximumPages;
    this.budget = budget;
    this.pages = pages;
    budget.need((long) pages * PAGE_SIZE);
    taken = (long) pages * PAGE_SIZE;
    bytes = new byte[pages * PAGE_SIZE];
    written = new byte[bytes.length >> BLOCK_SHIFT];
  }

  /**
   * A memory that holds a snapshot.
   *
   * @param initialPages pages of 64 KiB that the module wants
   * @param maximumPages pages of 64 KiB at most, not less than those of the snapshot
   * @throws MemoryBudget.ExhaustedException when the budget has too little
   */
  static PolicyMemory of(
      Snapshot snapshot, int initialPages, int maximumPages, MemoryBudget.Share budget) {
    PolicyMemory memory = new PolicyMemory(snapshot.pages(), initialPages, maximumPages, budget);
    memory.copy(snapshot);
    return memory;
  }

  /**
   * What a memory holds. Immutable.
   *
   * @param pages its pages of 64 KiB
   * @param blocks what it holds, by block of 4 KiB; null for zeros, which also follow
   * @param size bytes of its blocks
   */
  record Snapshot(int pages, byte[] @Nullable [] blocks, int size) {}

  /**
   * What it holds. Its bytes are taken from the budget, and are never given back by this memory.
   *
   * @throws MemoryBudget.ExhaustedException when the budget has too little
   */
  Snapshot snapshot() {
    int count = pages * PAGE_SIZE >> BLOCK_SHIFT;
    int end = 0;
    int size = 0;
    for (int i = 0; i < count; i++) {
      if (!zero(i)) {
        end = i + 1;
        size += BLOCK;
      }
    }
    budget.need(size);
    byte[] @Nullable [] blocks = new byte[end][];
    for (int i = 0; i < end; i++) {
      if (!zero(i)) {
        blocks[i] = Arrays.copyOfRange(bytes, i << BLOCK_SHIFT, i + 1 << BLOCK_SHIFT);
      }
    }
    return new Snapshot(pages, blocks, size);
  }

  private boolean zero(int block) {
    int end = block + 1 << BLOCK_SHIFT;
    for (int i = block << BLOCK_SHIFT; i < end; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private void copy(Snapshot snapshot) {
    byte[] @Nullable [] blocks = snapshot.blocks();
    for (int i = 0; i < blocks.length; i++) {
      byte[] block = blocks[i];
      if (block != null) {
        System.arraycopy(block, 0, bytes, i << BLOCK_SHIFT, BLOCK);
      }
    }
  }

  /** Gives all of it back to the budget. It must not be used any more. */
  void release() {
    bytes = NONE;
    written = NONE;
    budget.give(taken);
    taken = 0;
  }

  /** Puts back what was written since it was made of the snapshot. */
  void restore(Snapshot snapshot) {
    int size = snapshot.pages() * PAGE_SIZE;
    if (bytes.length - size > KEPT) {
      bytes = NONE;
      budget.give(taken - size);
      taken = size;
      bytes = new byte[size];
      written = new byte[size >> BLOCK_SHIFT];
      copy(snapshot);
    } else {
      restoreBlocks(snapshot.blocks());
    }
    pages = snapshot.pages();
    exhausted = false;
  }

  private void restoreBlocks(byte[] @Nullable [] blocks) {
    byte[] marks = written;
    for (int i = 0; i < marks.length; i++) {
      if (marks[i] == 0) {
        continue;
      }
      marks[i] = 0;
      int from = i << BLOCK_SHIFT;
      byte[] block = i < blocks.length ? blocks[i] : null;
      if (block != null) {
        System.arraycopy(block, 0, bytes, from, BLOCK);
      } else {
        Arrays.fill(bytes, from, from + BLOCK, (byte) 0);
      }
    }
  }

  /** Bytes that it takes, at least those of its pages. */
  int size() {
    return bytes.length;
  }

  /** Whether the policy asked for more than the maximum since the last {@link #restore}. */
  boolean exhausted() {
    return exhausted;
  }

  /** The text of an address up to the next zero byte; null when it is longer than {@code most}. */
  byte @Nullable [] text(int address, int most) {
    int end = address;
    while (bytes[end] != 0) {
      if (end - address == most) {
        return null;
      }
      end++;
    }
    return Arrays.copyOfRange(bytes, address, end);
  }

  @Override
  public int pages() {
    return pages;
  }

  @Override
  public int grow(int more) {
    int before = pages;
    if (more < 0 || more > maximumPages - before || !reach((before + more) * PAGE_SIZE)) {
      exhausted = true;
      return -1;
    }
    pages = before + more;
    return before;
  }

  /** Takes from the budget what it will have and, while it copies, what it has. */
  private boolean reach(int size) {
    if (size <= bytes.length) {
      return true;
    }
    int capacity = Math.min(maximumPages * PAGE_SIZE, Math.max(size, bytes.length * 2));
    if (!budget.take(capacity)) {
      return false;
    }
    long before = taken;
    taken += capacity;
    bytes = Arrays.copyOf(bytes, capacity);
    written = Arrays.copyOf(written, capacity >> BLOCK_SHIFT);
    budget.give(before);
    taken = capacity;
    return true;
  }

  @Override
  public int initialPages() {
    return initialPages;
  }

  @Override
  public int maximumPages() {
    return maximumPages;
  }

  @Override
  public void initialize(Instance instance, DataSegment[] segments) {
    for (DataSegment segment : segments) {
      if (segment instanceof ActiveDataSegment active) {
        int offset =
            (int) ConstantEvaluators.computeConstantValue(instance, active.offsetInstructions())[0];
        write(offset, active.data(), 0, active.data().length);
      }
    }
  }

  @Override
  public void write(int address, byte[] data, int offset, int size) {
    System.arraycopy(data, offset, bytes, address, size);
    if (size > 0) {
      Arrays.fill(
          written, address >> BLOCK_SHIFT, (address + size - 1 >> BLOCK_SHIFT) + 1, (byte) 1);
    }
  }

  @Override
  public byte[] readBytes(int address, int length) {
    if (length < 0 || address < 0 || address > bytes.length - length) {
      throw new IndexOutOfBoundsException("%d bytes at %d".formatted(length, address));
    }
    return Arrays.copyOfRange(bytes, address, address + length);
  }

  @Override
  public byte read(int address) {
    return bytes[address];
  }

  @Override
  public void writeByte(int address, byte data) {
    bytes[address] = data;
    written[address >> BLOCK_SHIFT] = 1;
  }

  @Override
  public short readShort(int address) {
    return (short) SHORT.get(bytes, address);
  }

  @Override
  public long readU16(int address) {
    return readShort(address) & 0xffff;
  }

  @Override
  public void writeShort(int address, short data) {
    SHORT.set(bytes, address, data);
    written[address >> BLOCK_SHIFT] = 1;
    written[address + 1 >> BLOCK_SHIFT] = 1;
  }

  @Override
  public int readInt(int address) {
    return (int) INT.get(bytes, address);
  }

  @Override
  public void writeI32(int address, int data) {
    INT.set(bytes, address, data);
    written[address >> BLOCK_SHIFT] = 1;
    written[address + 3 >> BLOCK_SHIFT] = 1;
  }

  @Override
  public long readLong(int address) {
    return (long) LONG.get(bytes, address);
  }

  @Override
  public void writeLong(int address, long data) {
    LONG.set(bytes, address, data);
    written[address >> BLOCK_SHIFT] = 1;
    written[address + 7 >> BLOCK_SHIFT] = 1;
  }

  @Override
  public float readFloat(int address) {
    return (float) FLOAT.get(bytes, address);
  }

  @Override
  public long readF32(int address) {
    return readInt(address);
  }

  @Override
  public void writeF32(int address, float data) {
    FLOAT.set(bytes, address, data);
    written[address >> BLOCK_SHIFT] = 1;
    written[address + 3 >> BLOCK_SHIFT] = 1;
  }

  @Override
  public double readDouble(int address) {
    return (double) DOUBLE.get(bytes, address);
  }

  @Override
  public long readF64(int address) {
    return readLong(address);
  }

  @Override
  public void writeF64(int address, double data) {
    DOUBLE.set(bytes, address, data);
    written[address >> BLOCK_SHIFT] = 1;
    written[address + 7 >> BLOCK_SHIFT] = 1;
  }

  @Override
  public boolean shared() {
    return false;
  }

  @Override
  public void zero() {
    Arrays.fill(bytes, (byte) 0);
    Arrays.fill(written, (byte) 1);
  }

  @Override
  public void initPassiveSegment(int segment, int destination, int offset, int size) {
    throw unsupported();
  }

  @Override
  public void fill(byte value, int from, int to) {
    throw unsupported();
  }

  @Override
  public void drop(int segment) {
    throw unsupported();
  }

  @Override
  @SuppressWarnings("removal")
  public Object lock(int address) {
    throw unsupported();
  }

  @Override
  @SuppressWarnings("removal")
  public int waitOn(int address, int expected, long timeout) {
    throw unsupported();
  }

  @Override
  @SuppressWarnings("removal")
  public int waitOn(int address, long expected, long timeout) {
    throw unsupported();
  }

  @Override
  @SuppressWarnings("removal")
  public int notify(int address, int maxThreads) {
    throw unsupported();
  }

  /** Instructions that need these are refused by {@link CodeCheck}. */
  private static UnsupportedOperationException unsupported() {
    return new UnsupportedOperationException("not of WebAssembly 1.0");
  }

  private static VarHandle view(Class<?> array) {
    return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.LITTLE_ENDIAN);
  }
}
