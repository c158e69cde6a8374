package io.signetmesh.rego;

/**
 * What each decision of a policy begins with: a policy that has its data and no input. Immutable.
 *
 * @param memory its memory
 * @param globals its variables, in their order
 * @param heap address from which memory is free
 * @param data address of its data
 */
record PolicyImage(PolicyMemory.Snapshot memory, long[] globals, int heap, int data) {}
