// The engine behind a pipe, for processors that Node does not run on here: a test process writes programs with their
// data to standard input and reads the results from standard output. Its other end is test/support/emulated.ts.
//
// Words are int32 in the byte order of the machine; bytes are padded to whole words by nobody.
//   at the start   ← bytes, text: the instruction set, the kernels, the instructions, separated by tabs; a line each
//   for each run   → words of the program, bindings, iterations; the words; for each binding: bytes, the bytes
//                  ← bytes of a message, the message; where it is empty: the words of the result, the bytes of each binding
// The end of the input ends the process.
//
//   pipe [threads]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/dispatch.h"
#include "runtime/executable.h"
#include "runtime/parallel.native.h"

static void get(void* memory, size_t bytes) {
  if (fread(memory, 1, bytes, stdin) != bytes) exit(0);
}

static int32_t getWord() {
  int32_t word;
  get(&word, sizeof word);
  return word;
}

static void put(const void* memory, size_t bytes) {
  if (fwrite(memory, 1, bytes, stdout) != bytes) exit(1);
}

static void putWord(int32_t word) { put(&word, sizeof word); }

static void putText(const char* text) {
  putWord((int32_t)strlen(text));
  put(text, strlen(text));
}

static void putNames(const KernelTable* table) {
  static char text[1 << 16];
  size_t length = 0;
  auto add = [&](const char* part) { length += (size_t)snprintf(text + length, sizeof text - length, "%s", part); };
  add(table->isa);
  for (int32_t i = 0; i < kernelCount(table); i++) add(i ? "\t" : "\n"), add(kernelAt(table, i)->name);
  for (int32_t i = 0; i < table->opcodeCount; i++) add(i ? "\t" : "\n"), add(table->opcodes[i] ? table->opcodes[i] : "");
  putText(text);
}

static void serve(const KernelTable* table, Team* team, Arena* arena) {
  const int32_t wordCount = getWord(), bindingCount = getWord(), iterations = getWord();
  int32_t* words = (int32_t*)malloc((size_t)wordCount * sizeof(int32_t) + 1);
  get(words, (size_t)wordCount * sizeof(int32_t));
  uint8_t** bindings = (uint8_t**)calloc((size_t)bindingCount + 1, sizeof(uint8_t*));
  int32_t* sizes = (int32_t*)calloc((size_t)bindingCount + 1, sizeof(int32_t));
  for (int32_t i = 0; i < bindingCount; i++) {
    sizes[i] = getWord();
    bindings[i] = (uint8_t*)allocateRecord((size_t)sizes[i] + 1, 256);
    get(bindings[i], (size_t)sizes[i]);
  }
  Message message;
  Executable* program = loadProgram(words, wordCount, table, &message);
  RunResult result = {};
  if (program) {
    RunOptions options = {};
    options.steps = iterations;
    result = runProgram(program, team, arena, bindings, &options);
    if (result.error) message << result.error;
    unloadProgram(program);
  }
  putText(message.text);
  if (message.length == 0) {
    int32_t answer[RESULT_WORDS];
    writeResult(&result, answer);
    put(answer, sizeof answer);
    for (int32_t i = 0; i < bindingCount; i++) put(bindings[i], (size_t)sizes[i]);
  }
  fflush(stdout);
  for (int32_t i = 0; i < bindingCount; i++) freeRecord(bindings[i]);
  free(bindings);
  free(sizes);
  free(words);
}

int main(int argc, char** argv) {
  Message message;
  const KernelTable* table = chooseKernels(getenv("MYELIN_ISA"), &message);
  Team* team = startTeam(argc > 1 ? atoi(argv[1]) : 1);
  if (!table || !team) return fprintf(stderr, "%s\n", table ? "no memory for the team" : message.text), 1;
  putNames(table);
  fflush(stdout);
  Arena arena = {};
  for (;;) serve(table, team, &arena);
}
